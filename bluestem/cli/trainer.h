// The trainer's own program, bluestem-train: LibTorch lives there and never in this process.
#pragma once

#include <string>
#include <vector>

#include "bluestem/base/file.h"
#include "bluestem/config/experiment.h"

namespace bluestem::cli {

// Returns the path of bluestem-train: beside this program, or along PATH. Errors: kUnavailable
// saying how to build it.
Result<Path> FindTrainer();

// Sets each "KEY=VALUE" of --set. Errors: kInvalidArgument naming the word or the key.
Status ApplySettings(const std::vector<std::string>& settings, config::Experiment& experiment);

}  // namespace bluestem::cli
