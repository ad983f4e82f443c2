// dot: qconv with weights packed s8 (layout.h, PacksS1) by multiplication. Included by ISA
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
  static constexpr bool kNarrow = false;
  static constexpr bool kFinishes = false;
  static constexpr uint32_t kSumScale = 1;
  static constexpr uint32_t kSumOffset = 0;
  static constexpr BandStep kBandStep = kDotBandStep;

  static bool FinishesNarrow(const QConvParams& p, const BandPlan&, const QConvArgs& args) {
    return ThresholdsFit16(p, args);
  }

  // Sums are s32 from the start: there are no chunks.
  static int64_t ChunkSteps(const QConvParams&) { return INT32_MAX; }
  static int32_t SegmentChunks(const QConvParams&, int32_t) { return INT32_MAX; }
  static int32_t SumCodes(const uint8_t* codes, int32_t count) { return SumOfCodes(codes, count); }
  static void Prepare(const uint8_t* codes, int32_t steps, uint8_t* to) {
    CopyFew(to, codes, steps * kStepChannels);
  }
};

// Codes widened to 16 bits, even channels before odd ones: {x0, x2} {x1, x3}, as the 8-bit weights
// of a 32-bit word come out when its 16-bit halves are sign-extended from their low and high bytes.
struct WideDotStep : DotStep {
  static constexpr int32_t kStepBytes = 8;
  static constexpr BandStep kBandStep = kWideDotBandStep;
  static void Prepare(const uint8_t* codes, int32_t steps, uint8_t* to) {
    for (int32_t step = 0; step < steps; ++step, codes += 4, to += 8) {
      const uint8_t words[8] = {codes[0], 0, codes[2], 0, codes[1], 0, codes[3], 0};
      std::memcpy(to, words, sizeof(words));
    }
  }
};

// Codes and weights of few bits: 16 bits hold the sums of some steps, 8 for codes of 4 bits times
// weights of 8, 64 for codes of 8 bits times weights of one; more if these weights allow it.
struct NarrowDotStep : DotStep {
  static constexpr bool kNarrow = true;
  static int64_t ChunkSteps(const QConvParams& p) { return NarrowSteps(p); }
};

}  // namespace
}  // namespace bluestem::kernels
