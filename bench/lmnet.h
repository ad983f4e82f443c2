// LmnetV1, the classifier of Blueoil's examples, as benchmarks run it.
#pragma once

#include "bluestem/program/program.h"

namespace bluestem::bench {

// Returns it for a picture of 32x32 as bytes and 10 classes: 1-bit weights and 2-bit activations,
// with random constants.
program::Program LmnetProgram();

}  // namespace bluestem::bench
