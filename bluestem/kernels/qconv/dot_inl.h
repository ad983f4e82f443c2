// dot: qconv with s8 weights (2 to 8 bits, or grouped 1-bit) by multiplication. Included by ISA
// files. A step is 4 channels: 4 codes meet 4 weights of each output. Every product and sum is
// exact: codes are widened to 16 bits where an ISA's 8-bit multiply-add would saturate.
#pragma once

#include "bluestem/kernels/qconv/band_inl.h"

namespace bluestem::kernels {
// Unnamed although in a header: each ISA's file must have its own copy of these members.
namespace {

struct DotStep {
  static constexpr int32_t kStepWeights = 128;
  static constexpr int32_t kStepBytes = 4;
  static constexpr int32_t kStepChannels = 4;
  static constexpr int32_t kPlaneBits = 8;
  static constexpr uint32_t kSumScale = 1;
  static constexpr uint32_t kSumOffset = 0;
  static constexpr BandStep kBandStep = kDotBandStep;

  // Sums are s32 from the start: one chunk, one segment.
  static int64_t ChunkSteps(const QConvParams&) { return INT32_MAX; }
  static int32_t SegmentChunks(const QConvParams&, int32_t) { return INT32_MAX; }
  static void Prepare(const uint8_t* codes, int32_t steps, int32_t, uint8_t* to) {
    std::memcpy(to, codes, static_cast<size_t>(steps) * kStepChannels);
  }
};

}  // namespace
}  // namespace bluestem::kernels
