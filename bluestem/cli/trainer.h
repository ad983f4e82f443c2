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

// What a trainer says that ended with `code`, not 0: the first line of its output, without prefix.
Status TrainerFailure(int code, const std::string& output);

// Sets each "KEY=VALUE" of --set. Errors: kInvalidArgument naming the word or the key.
Status ApplySettings(const std::vector<std::string>& settings, config::Experiment& experiment);

}  // namespace bluestem::cli
