// NEON with dot products (aarch64 from ARMv8.2 on). Integers only.
//
// sdot multiplies signed bytes: codes of 8 bits are shifted to x - 128, and 128 times the sum of an
// output's weights, taken once a call, is added to each of its sums. Fewer bits fit as they are.
#include "bluestem/kernels/qconv/kernels.h"
#if defined(__aarch64__)
#include <arm_neon.h>

#include "bluestem/kernels/qconv/dot_inl.h"

namespace bluestem::kernels {
namespace {

// Registers: 16 sums, 8 of codes (4 steps of each pixel) and 2 of weights of the 32. A lane of
// codes meets a register of weights, so that 64 instructions of 66 + 12 of four steps multiply.
struct NeonDot : DotStep {
  static constexpr int32_t kLanes = 8;
  static constexpr int32_t kMaxPixels = 8;
  struct Sum {
    int32x4_t first, second;
  };
  using Wide = Sum;
  static constexpr bool kFinishes = true;

  static bool FinishesNarrow(const QConvParams& p, const BandPlan&, const QConvArgs&) {
    return ShiftedSumsFit16(p);
  }
  static int32_t Position(int32_t i, int32_t) { return i; }
  using Values = NarrowValues<kLanes, 1>;
  static inline Values ValuesOf(const Sum& sum, int32_t) {
    const int16x8_t whole = vcombine_s16(vmovn_s32(sum.first), vmovn_s32(sum.second));
    return {{reinterpret_cast<Values::Vector>(whole)}};
  }
  static inline void StoreValues(const Values& values, int32_t count, uint8_t* y) {
    const int8x8_t bytes = vmovn_s16(reinterpret_cast<int16x8_t>(values.of[0]));
    StoreCodes<kLanes>(&bytes, count, y);
  }
  static inline Sum ZeroSum() { return {vdupq_n_s32(0), vdupq_n_s32(0)}; }
  static inline int8x16_t Load(const uint8_t* bytes) {
    return vreinterpretq_s8_u8(vld1q_u8(bytes));
  }
  template <int P, int kLane>
  static inline __attribute__((always_inline)) void AddLane(const uint8_t* weights,
                                                            const int8x16_t* x, Sum* sums) {
    const int8x16_t first = Load(weights + kLane * kStepWeights);
    const int8x16_t second = Load(weights + kLane * kStepWeights + 16);
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) {
      sums[p].first = vdotq_laneq_s32(sums[p].first, first, x[p], kLane);
      sums[p].second = vdotq_laneq_s32(sums[p].second, second, x[p], kLane);
    }
  }
  template <int P>
  static inline __attribute__((always_inline)) void AddRun(const uint8_t* codes,
                                                           int64_t pixel_stride,
                                                           const uint8_t* weights, int32_t steps,
                                                           Sum* sums) {
    int8x16_t x[P];
    for (; steps >= 4; steps -= 4, codes += 4 * kStepBytes, weights += 4 * kStepWeights) {
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p) x[p] = Load(codes + p * pixel_stride);
      AddLane<P, 0>(weights, x, sums);
      AddLane<P, 1>(weights, x, sums);
      AddLane<P, 2>(weights, x, sums);
      AddLane<P, 3>(weights, x, sums);
    }
    for (; steps > 0; --steps, codes += kStepBytes, weights += kStepWeights) {
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p) {
        int32_t bits;
        std::memcpy(&bits, codes + p * pixel_stride, sizeof(bits));
        x[p] = vreinterpretq_s8_s32(int32x4_t{bits, 0, 0, 0});
      }
      AddLane<P, 0>(weights, x, sums);
    }
  }
  static inline void StoreWide(const Wide& wide, bool, int32_t* acc) {
    vst1q_s32(acc, wide.first);
    vst1q_s32(acc + 4, wide.second);
  }
};

struct ShiftedNeonDot : NeonDot {
  static constexpr BandStep kBandStep = kShiftedDotBandStep;

  static void Prepare(const uint8_t* codes, int32_t steps, uint8_t* to) {
    for (int32_t i = 0; i < steps * kStepChannels; ++i) to[i] = codes[i] ^ 128;
  }
  static void Offsets(const QConvParams& p, const uint8_t* packed, int32_t* offsets) {
    const int64_t steps = BlockBytes(p) / kStepWeights;
    const int8x16_t one = vdupq_n_s8(1);
    for (int32_t block = 0; block < p.groups * GroupBlocks(p); ++block) {
      for (int32_t lane = 0; lane < kQConvBlock; lane += kLanes) {
        const uint8_t* weights = packed + block * BlockBytes(p) + lane * kStepChannels;
        Sum sum = ZeroSum();
        for (int64_t step = 0; step < steps; ++step, weights += kStepWeights) {
          sum.first = vdotq_s32(sum.first, Load(weights), one);
          sum.second = vdotq_s32(sum.second, Load(weights + 16), one);
        }
        vst1q_s32(offsets, vshlq_n_s32(sum.first, 7));
        vst1q_s32(offsets + 4, vshlq_n_s32(sum.second, 7));
        offsets += kLanes;
      }
    }
  }
};

}  // namespace

void qconv_u8s8_dot8__neon_dot(const QConvParams& params, const QConvArgs& args) {
  if (params.x_bits < 8) {
    RunBanded<NeonDot>(params, args);
  } else {
    RunBanded<ShiftedNeonDot>(params, args);
  }
}

}  // namespace bluestem::kernels
#endif
