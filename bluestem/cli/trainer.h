// The trainer's own program, bluestem-train: LibTorch lives there and never in this process.
#pragma once

#include <string>
#include <vector>

#include "bluestem/base/file.h"
#include "bluestem/base/process.h"
#include "bluestem/config/experiment.h"

namespace bluestem::cli {

// Returns the path of bluestem-train: beside this program, or along PATH. Errors: kUnavailable
// saying how to build it.
Result<Path> FindTrainer();

// What a call of the trainer (RunProcess) that ended with other than 0 says, without its prefix.
Status TrainerFailure(const ProcessResult& process);

// Sets each "KEY=VALUE" of --set. Errors: kInvalidArgument naming the word or the key.
Status ApplySettings(const std::vector<std::string>& settings, config::Experiment& experiment);

}  // namespace bluestem::cli
