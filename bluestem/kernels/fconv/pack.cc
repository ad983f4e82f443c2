#include "bluestem/kernels/fconv/layout.h"

namespace bluestem::kernels {

size_t FConvPackedFloats(const FConvParams& params) {
  return static_cast<size_t>(params.groups * FConvGroupBlocks(params) * FConvBlockFloats(params));
}

void FConvPackWeights(const FConvParams& p, const float* w, float* packed) {
  const size_t count = FConvPackedFloats(p);
  for (size_t i = 0; i < count; ++i) packed[i] = 0.0f;
  const int32_t cog = FConvGroupOutputs(p);
  const int64_t terms = int64_t{p.kernel_h} * p.kernel_w * FConvGroupInputs(p);
  for (int32_t co = 0; co < p.co; ++co) {
    const int64_t block = int64_t{co / cog} * FConvGroupBlocks(p) + co % cog / kFConvBlock;
    float* to = packed + block * FConvBlockFloats(p) + co % cog % kFConvBlock;
    for (int64_t term = 0; term < terms; ++term) to[term * kFConvBlock] = *w++;
  }
}

}  // namespace bluestem::kernels
