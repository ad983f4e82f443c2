// NEON on aarch64 and armv7. Integers only.
//
// There is no multiplication of an unsigned by a signed byte. So codes of 8 bits are shifted to
// s = x - 128, and 128 times the sum of an output's weights, taken once a call, is added to each of
// its sums. The products of two steps fit 16 bits together (Paired): |s*w| <= 128 * 127. Only if
// some weight is -128 could two of them be 2^15; then both numbers are taken as unsigned (Unsigned)
// with v = w + 128: sum x*w = sum x*v - 128 * sum x, the second sum being that of the window's
// codes, which a ring row keeps. Modulo 2^32 throughout.
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

struct Unsigned : DotStep {
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
  static inline void StoreWide(const Wide& wide, bool, int32_t* acc) {
    vst1q_s32(acc, AddPairs(vreinterpretq_s32_u32(wide.first), vreinterpretq_s32_u32(wide.second)));
  }
};

// Two half registers: of codes two steps, of weights outputs {0, 1} and {2, 3} of a step.
// Loads by assembly: one instruction loads two halves, or moves the pointer on as well, which GCC
// 12 does not find. They are volatile, so that pixels stay in order: GCC would multiply for all of
// them first and spill the sums.
#if defined(__aarch64__)
struct Halves {
  int8x8_t low, high;
};
inline int8x8_t Low(const Halves& h) {
  return h.low;
}
inline int8x8_t High(const Halves& h) {
  return h.high;
}
template <int kOffset>
inline Halves LoadHalves(const uint8_t* p) {
  Halves h;
  __asm__ volatile("ldp %d0, %d1, [%2, %3]"
                   : "=w"(h.low), "=w"(h.high)
                   : "r"(p), "i"(kOffset), "m"(*reinterpret_cast<const uint8_t(*)[256]>(p)));
  return h;
}
inline Halves TakeHalves(const uint8_t*& p) {
  Halves h;
  __asm__ volatile("ldp %d0, %d1, [%2], 16"
                   : "=w"(h.low), "=w"(h.high), "+r"(p)
                   : "m"(*reinterpret_cast<const uint8_t(*)[16]>(p)));
  return h;
}
#else
using Halves = int8x16_t;
inline int8x8_t Low(Halves h) {
  return vget_low_s8(h);
}
inline int8x8_t High(Halves h) {
  return vget_high_s8(h);
}
inline Halves TakeHalves(const uint8_t*& p) {
  Halves h;
  __asm__ volatile("vld1.8 {%e0-%f0}, [%1]!"
                   : "=w"(h), "+r"(p)
                   : "m"(*reinterpret_cast<const uint8_t(*)[16]>(p)));
  return h;
}
#endif

// The weights of 8 outputs: `steps` (1 or 2) steps of {outputs 0 to 3, outputs 4 to 7}.
inline void TakeWeights(const uint8_t*& p, int32_t steps, Halves* w) {
#if defined(__aarch64__)
  w[0] = LoadHalves<0>(p);
  w[1] = LoadHalves<16>(p);
  if (steps == 2) {
    w[2] = LoadHalves<DotStep::kStepWeights>(p);
    w[3] = LoadHalves<DotStep::kStepWeights + 16>(p);
  }
  p += steps * DotStep::kStepWeights;
#else
  for (int32_t step = 0; step < steps; ++step) {
    w[2 * step] = TakeHalves(p);
    w[2 * step + 1] = TakeHalves(p);
    p += DotStep::kStepWeights - 32;
  }
#endif
}

// Writes each step of codes, shifted by `shift`, twice.
inline void PrepareTwice(const uint8_t* codes, int32_t steps, uint8_t shift, uint8_t* to) {
  for (; steps >= 4; steps -= 4, codes += 16, to += 32) {
    const uint32x4_t x = vreinterpretq_u32_u8(veorq_u8(vld1q_u8(codes), vdupq_n_u8(shift)));
    const uint32x4x2_t twice = vzipq_u32(x, x);
    vst1q_u8(to, vreinterpretq_u8_u32(twice.val[0]));
    vst1q_u8(to + 16, vreinterpretq_u8_u32(twice.val[1]));
  }
  for (; steps > 0; --steps, codes += 4, to += 8) {
    uint32_t bits;
    std::memcpy(&bits, codes, sizeof(bits));
    const uint32x2_t x = vdup_n_u32(bits);
    vst1_u8(to, veor_u8(vreinterpret_u8_u32(x), vdup_n_u8(shift)));
  }
}

// 128 times the sums of each output's weights.
inline void SumWeights(const QConvParams& p, const uint8_t* packed, int32_t* offsets) {
  const int64_t steps = BlockBytes(p) / DotStep::kStepWeights;
  for (int32_t block = 0; block < p.groups * GroupBlocks(p); ++block) {
    for (int32_t lane = 0; lane < kQConvBlock; lane += 4) {
      const uint8_t* weights = packed + block * BlockBytes(p) + lane * DotStep::kStepChannels;
      int32x4_t sum = vdupq_n_s32(0);
      for (int64_t step = 0; step < steps; ++step, weights += DotStep::kStepWeights) {
        sum = vpadalq_s16(sum, vpaddlq_s8(vreinterpretq_s8_u8(vld1q_u8(weights))));
      }
      vst1q_s32(offsets, vshlq_n_s32(sum, 7));
      offsets += 4;
    }
  }
}

// What both rows of pairs share: 8 outputs, and each step of codes twice, as a half register needs
// it. Registers: of aarch64's 32, 16 sums, 8 halves of weights, 2 of codes; of armv7's 16, 8 sums,
// 4 of weights, 1 of codes.
struct PairedStep : DotStep {
  static constexpr int32_t kLanes = 8;
#if defined(__aarch64__)
  static constexpr int32_t kMaxPixels = 4;
#else
  static constexpr int32_t kMaxPixels = 2;
#endif
  static constexpr int32_t kStepBytes = 8;
  static constexpr BandStep kBandStep = kPairedDotBandStep;
};

struct Paired : PairedStep {
  // Two partial sums of each output.
  struct Sum {
    int32x4_t of[kLanes / 2];
  };
  using Wide = Sum;

  static void Prepare(const uint8_t* codes, int32_t steps, uint8_t* to) {
    PrepareTwice(codes, steps, 0, to);
  }
  static inline Sum ZeroSum() {
    const int32x4_t zero = vdupq_n_s32(0);
    return {{zero, zero, zero, zero}};
  }
  // Two steps of codes `c` times 4 outputs.
  static inline void AddPair(const Halves& c, const Halves& w0, const Halves& w1, int32x4_t* of) {
    of[0] = vpadalq_s16(of[0], vmlal_s8(vmull_s8(Low(c), Low(w0)), High(c), Low(w1)));
    of[1] = vpadalq_s16(of[1], vmlal_s8(vmull_s8(Low(c), High(w0)), High(c), High(w1)));
  }
  template <int P>
  static inline __attribute__((always_inline)) void AddRun(const uint8_t* codes,
                                                           int64_t pixel_stride,
                                                           const uint8_t* weights, int32_t steps,
                                                           Sum* sums) {
    const uint8_t* x[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) x[p] = codes + p * pixel_stride;
    Halves w[4];
    for (; steps >= 2; steps -= 2) {
      TakeWeights(weights, 2, w);
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        const Halves c = TakeHalves(x[p]);
        AddPair(c, w[0], w[2], sums[p].of);
        AddPair(c, w[1], w[3], sums[p].of + 2);
        __asm__ volatile(""
                         : "+w"(sums[p].of[0]), "+w"(sums[p].of[1]), "+w"(sums[p].of[2]),
                           "+w"(sums[p].of[3]));
      }
    }
    if (steps == 0) return;
    TakeWeights(weights, 1, w);
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
      const int8x8_t c = vreinterpret_s8_u8(vld1_u8(x[p]));
      int32x4_t* of = sums[p].of;
      of[0] = vpadalq_s16(of[0], vmull_s8(c, Low(w[0])));
      of[1] = vpadalq_s16(of[1], vmull_s8(c, High(w[0])));
      of[2] = vpadalq_s16(of[2], vmull_s8(c, Low(w[1])));
      of[3] = vpadalq_s16(of[3], vmull_s8(c, High(w[1])));
    }
  }
  static inline void StoreWide(const Wide& wide, bool, int32_t* acc) {
    vst1q_s32(acc, AddPairs(wide.of[0], wide.of[1]));
    vst1q_s32(acc + 4, AddPairs(wide.of[2], wide.of[3]));
  }
};

struct ShiftedPaired : Paired {
  static void Prepare(const uint8_t* codes, int32_t steps, uint8_t* to) {
    PrepareTwice(codes, steps, 128, to);
  }
  static void Offsets(const QConvParams& p, const uint8_t* packed, int32_t* offsets) {
    SumWeights(p, packed, offsets);
  }
};

// Sums that fit 16 bits from the first to the last (ShiftedSumsFit16), and finish there.
struct Short : PairedStep {
  static constexpr bool kFinishes = true;
  struct Weights {
    int8x16_t first, second;
  };
  struct Sum {
    int16x8_t of[kLanes / 2];  // four partial sums of each output
  };
  using Wide = Sum;

  static bool FinishesNarrow(const QConvParams&, const BandPlan&, const QConvArgs&) { return true; }
  static int32_t Position(int32_t i, int32_t) { return i; }
  static void Offsets(const QConvParams& p, const uint8_t* packed, int32_t* offsets) {
    SumWeights(p, packed, offsets);
  }
  static void Prepare(const uint8_t* codes, int32_t steps, uint8_t* to) {
    PrepareTwice(codes, steps, 128, to);
  }
  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    return {vreinterpretq_s8_u8(vld1q_u8(weights)), vreinterpretq_s8_u8(vld1q_u8(weights + 16))};
  }
  static inline Sum ZeroSum() {
    const int16x8_t zero = vdupq_n_s16(0);
    return {{zero, zero, zero, zero}};
  }
  static inline void Step(Sum& sum, const uint8_t* codes, const Weights& w) {
    const int8x8_t c = vreinterpret_s8_u8(vld1_u8(codes));
    sum.of[0] = vmlal_s8(sum.of[0], c, vget_low_s8(w.first));
    sum.of[1] = vmlal_s8(sum.of[1], c, vget_high_s8(w.first));
    sum.of[2] = vmlal_s8(sum.of[2], c, vget_low_s8(w.second));
    sum.of[3] = vmlal_s8(sum.of[3], c, vget_high_s8(w.second));
  }
  static inline int16x8_t Whole(const Sum& sum) {
#if defined(__aarch64__)
    return vpaddq_s16(vpaddq_s16(sum.of[0], sum.of[1]), vpaddq_s16(sum.of[2], sum.of[3]));
#else
    int16x4_t pairs[4];
    for (int i = 0; i < 4; ++i) {
      pairs[i] = vpadd_s16(vget_low_s16(sum.of[i]), vget_high_s16(sum.of[i]));
    }
    return vcombine_s16(vpadd_s16(pairs[0], pairs[1]), vpadd_s16(pairs[2], pairs[3]));
#endif
  }
  using Values = NarrowValues<kLanes, 1>;
  static inline Values ValuesOf(const Sum& sum, int32_t) {
    return {{reinterpret_cast<Values::Vector>(Whole(sum))}};
  }
  static inline void StoreValues(const Values& values, int32_t count, uint8_t* y) {
    const int8x8_t bytes = vmovn_s16(reinterpret_cast<int16x8_t>(values.of[0]));
    StoreCodes<kLanes>(&bytes, count, y);
  }
  static inline void StoreWide(const Wide& wide, bool, int32_t* acc) {
    const int16x8_t sum = Whole(wide);
    vst1q_s32(acc, vmovl_s16(vget_low_s16(sum)));
    vst1q_s32(acc + 4, vmovl_s16(vget_high_s16(sum)));
  }
};

// True if some weight is -128.
inline bool HasLeastWeight(const QConvParams& p, const uint8_t* packed) {
  const int64_t bytes = p.groups * GroupBlocks(p) * BlockBytes(p);  // a multiple of 128
  int8x16_t least = vdupq_n_s8(0);
  for (int64_t i = 0; i < bytes; i += 32) {
    const int8x16_t first = vreinterpretq_s8_u8(vld1q_u8(packed + i));
    const int8x16_t second = vreinterpretq_s8_u8(vld1q_u8(packed + i + 16));
    least = vminq_s8(least, vminq_s8(first, second));
  }
  int8_t bytes_of[16];
  vst1q_s8(bytes_of, least);
  bool found = false;
  for (const int8_t w : bytes_of) found |= w == -128;
  return found;
}

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
  static inline void StoreWide(const Wide& wide, bool, int32_t* acc) {
    vst1q_s32(acc, AddPairs(wide.first, wide.second));
  }
};

}  // namespace

void qconv_u8s8_dot8__neon(const QConvParams& params, const QConvArgs& args) {
  if (params.x_bits < 8) {
    RunBanded<Paired>(params, args);
  } else if (HasLeastWeight(params, args.weights)) {
    RunBanded<Unsigned>(params, args);
  } else {
    RunBanded<ShiftedPaired>(params, args);
  }
}

void qconv_u8s7_dot8__neon(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Short>(params, args);
}

void qconv_u4s8_dot4__neon(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Narrow>(params, args);
}

}  // namespace bluestem::kernels
#endif
