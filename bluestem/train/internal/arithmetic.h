// Which arithmetic a run's 1-bit convolutions are trained in: train.arithmetic on this machine.
#pragma once

#include <string>

#include "bluestem/base/status.h"
#include "bluestem/config/experiment.h"

namespace bluestem::train {

// Returns "integer" or "float"; auto is integer where the CPU has AVX2 and a convolution can, and
// float on CUDA (train.device, as chosen).
// Errors: kInvalidArgument for integer where none can, with the reason of one.
Result<std::string> ChooseArithmetic(const config::Experiment& experiment, int64_t classes);

}  // namespace bluestem::train
