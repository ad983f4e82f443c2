// lut: qconv with 1-bit weights by look-up tables. Included by ISA files.
//
// For 4 channels of a pixel with codes x0..x3 the table T[n] = sum of the x_i whose bit i of n is
// set has 16 entries of one byte. A nibble of packed weights indexes it: one byte shuffle looks up
// 16, 32 or 64 outputs. The table is built once a pixel and serves every output and every tap. With
// weight +1 for a set bit and -1 for a clear one,
//   acc = sum over set bits of x - sum over clear bits of x = 2 * (sum of entries) - (sum of
//   codes).
// Codes have at most 4 bits (layout.h, PacksS1), so that an entry is at most 4 * 15. Sums of
// entries stay in bytes for ChunkSteps steps, then go to 16 bits.
#pragma once

#include "bluestem/kernels/qconv/band_inl.h"

namespace bluestem::kernels {
// Unnamed although in a header: each ISA's file must have its own copy of these members.
namespace {

// What tables of any size share; a step is of kChannels.
template <int kChannels>
struct LookUps {
  static constexpr int32_t kStepChannels = kChannels;
  static constexpr bool kNarrow = true;
  static constexpr bool kFinishes = false;
  static constexpr uint32_t kSumScale = 2;
  static constexpr uint32_t kSumOffset = 1;

  // Accumulators, with what is added to them, fit 16 bits with a value to spare on either side.
  static bool FinishesNarrow(const QConvParams& p, const BandPlan& plan, const QConvArgs& args) {
    return StepMaximum(p) * plan.steps * Taps(p) + GreatestResidual(p, args) <= 32766;
  }

  // The most that a step adds to a sum.
  static int64_t StepMaximum(const QConvParams& p) {
    return kChannels * ((int64_t{1} << p.x_bits) - 1);
  }
  static int64_t ChunkSteps(const QConvParams& p) { return 255 / StepMaximum(p); }
  static int32_t SegmentChunks(const QConvParams& p, int32_t chunk_steps) {
    return static_cast<int32_t>(65535 / (StepMaximum(p) * chunk_steps));
  }
};

struct LutStep : LookUps<8> {
  static constexpr int32_t kStepWeights = 32;
  static constexpr int32_t kStepBytes = 32;  // two tables
  static constexpr BandStep kBandStep = kLutBandStep;

  static int32_t SumCodes(const uint8_t* codes, int32_t count) { return SumOfCodes(codes, count); }

  // Two tables for 8 codes, as words of 4 entries: entry n = low[n % 4] + high[n / 4] with low and
  // high = {0, first, second, first + second}. No byte overflows, so multiplication spreads them.
  static void PrepareStep(const uint8_t* codes, uint8_t* to) {
    for (int32_t half = 0; half < 2; ++half, codes += 4, to += 16) {
      const uint32_t x0 = codes[0];
      const uint32_t x1 = codes[1];
      const uint32_t x2 = codes[2];
      const uint32_t x3 = codes[3];
      const uint32_t low = x0 * 0x01000100u + x1 * 0x01010000u;
      const uint32_t words[4] = {low, low + x2 * 0x01010101u, low + x3 * 0x01010101u,
                                 low + (x2 + x3) * 0x01010101u};
      std::memcpy(to, words, sizeof(words));
    }
  }
  static void Prepare(const uint8_t* codes, int32_t steps, uint8_t* to) {
    for (int32_t step = 0; step < steps; ++step) {
      PrepareStep(codes + step * kStepChannels, to + step * kStepBytes);
    }
  }
};

// Sums in two vectors, of the even outputs and of the odd ones.
template <int kLanes, typename Step = LutStep>
struct EvenOddFinish : Step {
  static constexpr bool kFinishes = true;
  using Values = NarrowValues<kLanes / 2, 2>;
  using Half = typename Values::Vector;
  static int32_t Position(int32_t i, int32_t lanes) { return i % 2 * (lanes / 2) + i / 2; }

  // Sums may wrap: 2 * sum - window is exact modulo 2^16 and fits.
  static inline Values ValuesOfHalves(Half even, Half odd, int32_t window) {
    const auto w = static_cast<int16_t>(window);
    return {{even + even - w, odd + odd - w}};
  }
  static inline void AddResidual(Values& values, const int16_t* ratios, const uint8_t* codes) {
    const Half both = Load<Half>(codes);  // of two outputs
    values.of[0] += (both & 255) * Load<Half>(ratios);
    values.of[1] += ((both >> 8) & 255) * Load<Half>(ratios + kLanes / 2);
  }
  static inline void StoreValues(const Values& values, int32_t count, uint8_t* y) {
    const Half codes = values.of[0] | (values.of[1] << 8);
    StoreCodes<kLanes>(&codes, count, y);
  }
};

}  // namespace
}  // namespace bluestem::kernels
