// Arithmetic of fconv's packed weights [groups][ceil(cog/8)][kh][kw][cig][8]. Included by ISA
// files: every function has internal linkage.
#pragma once

#include "bluestem/kernels/fconv/fconv.h"

namespace bluestem::kernels {

constexpr int32_t kFConvBlock = 8;  // outputs of a block of packed weights

static constexpr int32_t FConvGroupInputs(const FConvParams& p) {
  return p.ci / p.groups;
}
static constexpr int32_t FConvGroupOutputs(const FConvParams& p) {
  return p.co / p.groups;
}
static constexpr int32_t FConvGroupBlocks(const FConvParams& p) {
  return (FConvGroupOutputs(p) + kFConvBlock - 1) / kFConvBlock;
}
static constexpr int64_t FConvBlockFloats(const FConvParams& p) {
  return int64_t{p.kernel_h} * p.kernel_w * FConvGroupInputs(p) * kFConvBlock;
}

}  // namespace bluestem::kernels
