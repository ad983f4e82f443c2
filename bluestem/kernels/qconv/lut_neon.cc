// NEON on aarch64 (16 outputs a register, tables of one register) and on armv7 (8 outputs, tables
// of two half registers). Integers only.
#include "bluestem/kernels/qconv/kernels.h"
#if defined(__aarch64__) || defined(__arm__)
#include <arm_neon.h>

#include "bluestem/kernels/qconv/lut_inl.h"

namespace bluestem::kernels {
namespace {

// Writes or adds 4 sums.
inline void Store4(uint16x4_t words, bool add, int32_t* acc) {
  int32x4_t v = vreinterpretq_s32_u32(vmovl_u16(words));
  if (add) v = vaddq_s32(v, vld1q_s32(acc));
  vst1q_s32(acc, v);
}

inline void Store8(uint16x8_t words, bool add, int32_t* acc) {
  Store4(vget_low_u16(words), add, acc);
  Store4(vget_high_u16(words), add, acc + 4);
}

// Tables by table look-ups: with s the sums of neighbours, entry n of codes x0..x3 is one of
// {0, x0, x1, x0 + x1} plus one of {0, x2, x3, x2 + x3}, each a byte of {codes, s} or, past their
// end, 0. kFirst and kSecond say which byte, for the first table of a register; channel 4t on is
// table t.
constexpr uint8_t kNone = 64;
constexpr uint8_t Sums(int at) {
#if defined(__aarch64__)
  return static_cast<uint8_t>(16 + at);
#else
  return static_cast<uint8_t>(8 + at);
#endif
}
struct TableBytes {
  uint8_t first[16], second[16];
};
constexpr TableBytes MakeTableBytes(int table) {
  TableBytes bytes = {};
  for (int n = 0; n < 16; ++n) {
    const uint8_t x = static_cast<uint8_t>(4 * table);
    const uint8_t low[4] = {kNone, x, static_cast<uint8_t>(x + 1), Sums(x)};
    const uint8_t high[4] = {kNone, static_cast<uint8_t>(x + 2), static_cast<uint8_t>(x + 3),
                             Sums(x + 2)};
    bytes.first[n] = low[n % 4];
    bytes.second[n] = high[n / 4];
  }
  return bytes;
}
constexpr TableBytes kTableBytes[2] = {MakeTableBytes(0), MakeTableBytes(1)};

// Prepares a step of 8 codes: two tables.
#if defined(__aarch64__)
inline void PrepareNeon(const uint8_t* codes, uint8_t* to) {
  const uint8x8_t x = vld1_u8(codes);
  const uint8x16_t both = vcombine_u8(x, vdup_n_u8(0));
  const uint8x16x2_t entries = {{both, vaddq_u8(both, vrev16q_u8(both))}};
  for (int table = 0; table < 2; ++table) {
    const TableBytes& bytes = kTableBytes[table];
    const uint8x16_t first = vqtbl2q_u8(entries, vld1q_u8(bytes.first));
    const uint8x16_t second = vqtbl2q_u8(entries, vld1q_u8(bytes.second));
    vst1q_u8(to + 16 * table, vaddq_u8(first, second));
  }
}
#else
inline void PrepareNeon(const uint8_t* codes, uint8_t* to) {
  const uint8x8_t x = vld1_u8(codes);
  const uint8x8x2_t entries = {{x, vadd_u8(x, vrev16_u8(x))}};
  for (int half = 0; half < 4; ++half) {
    const TableBytes& bytes = kTableBytes[half / 2];
    const uint8x8_t first = vtbl2_u8(entries, vld1_u8(bytes.first + half % 2 * 8));
    const uint8x8_t second = vtbl2_u8(entries, vld1_u8(bytes.second + half % 2 * 8));
    vst1_u8(to + 8 * half, vadd_u8(first, second));
  }
}
#endif

struct NeonLutStep : LutStep {
  static void Prepare(const uint8_t* codes, int32_t steps, uint8_t* to) {
    for (int32_t step = 0; step < steps; ++step) {
      PrepareNeon(codes + step * kStepChannels, to + step * kStepBytes);
    }
  }
};

#if defined(__aarch64__)
// Registers: 8 sums, 16 wide sums, 2 of nibbles, the mask and 2 tables of the 32.
struct Neon : NeonLutStep {
  static constexpr int32_t kLanes = 16;
  static constexpr int32_t kMaxPixels = 8;
  struct Weights {
    uint8x16_t low, high;
  };
  using Sum = uint8x16_t;
  struct Wide {
    uint16x8_t first, second;
  };

  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    const uint8x16_t w = vld1q_u8(weights);
    return {vandq_u8(w, vdupq_n_u8(15)), vshrq_n_u8(w, 4)};
  }
  static inline Sum ZeroSum() { return vdupq_n_u8(0); }
  static inline Wide ZeroWide() { return {vdupq_n_u16(0), vdupq_n_u16(0)}; }
  static inline void Step(Sum& sum, const uint8_t* tables, const Weights& w) {
    sum = vaddq_u8(sum, vqtbl1q_u8(vld1q_u8(tables), w.low));
    sum = vaddq_u8(sum, vqtbl1q_u8(vld1q_u8(tables + 16), w.high));
  }
  static inline void Widen(Wide& wide, Sum sum) {
    wide.first = vaddw_u8(wide.first, vget_low_u8(sum));
    wide.second = vaddw_high_u8(wide.second, sum);
  }
  static inline void StoreWide(const Wide& wide, bool add, int32_t* acc) {
    Store8(wide.first, add, acc);
    Store8(wide.second, add, acc + 8);
  }
};
#else
// Registers: 4 half ones of sums, 4 wide sums, 2 halves of nibbles, the mask and 2 tables of
// the 16.
struct Neon : NeonLutStep {
  static constexpr int32_t kLanes = 8;
  static constexpr int32_t kMaxPixels = 4;
  struct Weights {
    uint8x8_t low, high;
  };
  using Sum = uint8x8_t;
  using Wide = uint16x8_t;

  static inline uint8x8x2_t Table(const uint8_t* table) {
    const uint8x16_t entries = vld1q_u8(table);
    return {{vget_low_u8(entries), vget_high_u8(entries)}};
  }
  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    const uint8x8_t w = vld1_u8(weights);
    return {vand_u8(w, vdup_n_u8(15)), vshr_n_u8(w, 4)};
  }
  static inline Sum ZeroSum() { return vdup_n_u8(0); }
  static inline Wide ZeroWide() { return vdupq_n_u16(0); }
  static inline void Step(Sum& sum, const uint8_t* tables, const Weights& w) {
    sum = vadd_u8(sum, vtbl2_u8(Table(tables), w.low));
    sum = vadd_u8(sum, vtbl2_u8(Table(tables + 16), w.high));
  }
  static inline void Widen(Wide& wide, Sum sum) { wide = vaddw_u8(wide, sum); }
  static inline void StoreWide(Wide wide, bool add, int32_t* acc) { Store8(wide, add, acc); }
};
#endif

}  // namespace

void qconv_u4s1_lut__neon(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Neon>(params, args);
}

}  // namespace bluestem::kernels
#endif
