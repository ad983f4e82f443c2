// Several processes of one training run on this machine.
//
// Threads: one thread; installs handlers of SIGINT and SIGTERM. Ownership: it ends what it started.
#pragma once

#include <string>
#include <vector>

#include "bluestem/base/file.h"

namespace bluestem::cli {

// Starts words[0] (a path) `ranks` times, with the environment of a rank each
// (config/rank_place.h), passes signals on, and waits. When one fails, the others get some seconds
// to notice and say so, and are then killed. Returns the exit code of the lowest rank that ended
// with one, other than 0 if any failed. Errors: kIo when one cannot be started, or when a signal
// ended rank 0.
Result<int> RunRanks(const std::vector<std::string>& words, int64_t ranks);

}  // namespace bluestem::cli
