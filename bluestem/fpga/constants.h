// constants: what a convolution has besides maps, as the engine has it: weights, thresholds with
// the ratios of a residual map, taps; and what the host makes of accumulators.
//
// Threads: free functions without state. Requires: Refusal is "" for the call.
#pragma once

#include <cstdint>
#include <vector>

#include "bluestem/fpga/region.h"
#include "bluestem/program/program.h"

namespace bluestem::fpga {

// Returns the weight words of blocks [first, first + count) of 32 outputs.
std::vector<uint8_t> WeightsOf(const program::Program& program, const program::Call& call,
                               int32_t first, int32_t count);

// Returns the thresholds of those blocks.
std::vector<uint8_t> ThresholdsOf(const program::Program& program, const program::Call& call,
                                  int32_t first, int32_t count);

// Returns the taps of a convolution as the array sees it.
std::vector<Tap> TapsOf(const kernels::QConvParams& params);

// Requires: LeavesRaw.
RawFinish FinishOf(const program::Program& program, const program::Call& call);

}  // namespace bluestem::fpga
