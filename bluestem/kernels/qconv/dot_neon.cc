// NEON on aarch64 and armv7. Integers only.
//
// Codes and weights of 8 bits meet as unsigned numbers, because there is no multiplication of an
// unsigned by a signed byte: with v = w + 128, sum x*w = sum x*v - 128 * sum x. The second sum is
// that of the window's codes, which a ring row keeps. Modulo 2^32 throughout.
#include "bluestem/kernels/qconv/kernels.h"
#if defined(__aarch64__) || defined(__arm__)
#include <arm_neon.h>

#include "bluestem/kernels/qconv/dot_inl.h"

namespace bluestem::kernels {
namespace {

// The 4 codes of a step, four times.
inline uint8x16_t Broadcast(const uint8_t* codes) {
  uint32_t bits;
  std::memcpy(&bits, codes, sizeof(bits));
  return vreinterpretq_u8_u32(vdupq_n_u32(bits));
}

// {a0+a1, a2+a3, b0+b1, b2+b3}
inline int32x4_t AddPairs(int32x4_t a, int32x4_t b) {
#if defined(__aarch64__)
  return vpaddq_s32(a, b);
#else
  return vcombine_s32(vpadd_s32(vget_low_s32(a), vget_high_s32(a)),
                      vpadd_s32(vget_low_s32(b), vget_high_s32(b)));
#endif
}

struct Neon : DotStep {
  static constexpr int32_t kLanes = 4;
  static constexpr int32_t kMaxPixels = 4;
  static constexpr uint32_t kSumOffset = 128;
  using Weights = uint8x16_t;  // + 128
  // Two partial sums of each of 4 outputs.
  struct Sum {
    uint32x4_t first, second;
  };
  using Wide = Sum;

  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    return veorq_u8(vld1q_u8(weights), vdupq_n_u8(128));
  }
  static inline Sum ZeroSum() { return {vdupq_n_u32(0), vdupq_n_u32(0)}; }
  static inline void Step(Sum& sum, const uint8_t* codes, const Weights& w) {
    const uint8x16_t x = Broadcast(codes);
    sum.first = vpadalq_u16(sum.first, vmull_u8(vget_low_u8(x), vget_low_u8(w)));
    sum.second = vpadalq_u16(sum.second, vmull_u8(vget_high_u8(x), vget_high_u8(w)));
  }
  static inline void StoreWide(const Wide& wide, int32_t, bool, int32_t* acc) {
    vst1q_s32(acc, AddPairs(vreinterpretq_s32_u32(wide.first), vreinterpretq_s32_u32(wide.second)));
  }
};

// Codes of at most 4 bits are signed bytes as well, and their products can be added in 16 bits.
struct Narrow : NarrowDotStep {
  static constexpr int32_t kLanes = 4;
  static constexpr int32_t kMaxPixels = 4;
  using Weights = int8x16_t;
  struct Sum {
    int16x8_t first, second;  // four partial sums of each output
  };
  struct Wide {
    int32x4_t first, second;
  };

  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    return vreinterpretq_s8_u8(vld1q_u8(weights));
  }
  static inline Sum ZeroSum() { return {vdupq_n_s16(0), vdupq_n_s16(0)}; }
  static inline Wide ZeroWide() { return {vdupq_n_s32(0), vdupq_n_s32(0)}; }
  static inline void Step(Sum& sum, const uint8_t* codes, const Weights& w) {
    const int8x16_t x = vreinterpretq_s8_u8(Broadcast(codes));
    sum.first = vmlal_s8(sum.first, vget_low_s8(x), vget_low_s8(w));
    sum.second = vmlal_s8(sum.second, vget_high_s8(x), vget_high_s8(w));
  }
  static inline void Widen(Wide& wide, const Sum& sum) {
    wide.first = vpadalq_s16(wide.first, sum.first);
    wide.second = vpadalq_s16(wide.second, sum.second);
  }
  static inline void StoreWide(const Wide& wide, int32_t, bool, int32_t* acc) {
    vst1q_s32(acc, AddPairs(wide.first, wide.second));
  }
};

}  // namespace

void qconv_u8s8_dot4__neon(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Neon>(params, args);
}

void qconv_u4s8_dot4__neon(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Narrow>(params, args);
}

}  // namespace bluestem::kernels
#endif
