// pixels_inl.h's vectors on NEON, for aarch64 and armv7. Integers only. Included by ISA files.
#pragma once

#include <arm_neon.h>

#include "bluestem/kernels/qconv/pixels_inl.h"

namespace bluestem::kernels {
// Unnamed although in a header: each ISA's file must have its own copy of these members.
namespace {

// A pair of vectors by one instruction. GCC 12 has no vld1q_u8_x2 for 32-bit Arm, and on aarch64 it
// seldom joins two loads, which doubles the loads and the address arithmetic of the inner loop.
#if defined(__aarch64__)
inline uint8x16x2_t LoadPair(const uint8_t* p) {
  uint8x16x2_t v;
  __asm__("ldp %q0, %q1, [%2]"
          : "=w"(v.val[0]), "=w"(v.val[1])
          : "r"(p), "m"(*reinterpret_cast<const uint8_t(*)[32]>(p)));
  return v;
}
// The same to two variables: GCC keeps a tuple together, in memory if need be.
inline void LoadTwo(const uint8_t* p, uint8x16_t* v) {
  __asm__("ldp %q0, %q1, [%2]"
          : "=w"(v[0]), "=w"(v[1])
          : "r"(p), "m"(*reinterpret_cast<const uint8_t(*)[32]>(p)));
}
inline void StorePair(uint8_t* p, uint8x16x2_t v) {
  __asm__("stp %q1, %q2, [%3]"
          : "=m"(*reinterpret_cast<uint8_t(*)[32]>(p))
          : "w"(v.val[0]), "w"(v.val[1]), "r"(p));
}
// Stores and moves the pointer on.
inline void StoreTwoNext(uint8_t*& p, uint8x16_t a, uint8x16_t b) {
  __asm__("stp %q2, %q3, [%1], 32"
          : "=m"(*reinterpret_cast<uint8_t(*)[32]>(p)), "+r"(p)
          : "w"(a), "w"(b));
}
inline void StorePairNext(uint8_t*& p, uint8x16x2_t v) {
  StoreTwoNext(p, v.val[0], v.val[1]);
}
inline uint8x16x2_t LoadEntry(const uint8_t* p) {
  return LoadPair(p);
}
inline void StoreEntryNext(uint8_t*& p, uint8x16x2_t v) {
  StorePairNext(p, v);
}
inline uint16x8_t AddHigh(uint16x8_t sums, uint8x16_t v) {
  return vaddw_high_u8(sums, v);
}
#else
inline uint8x16x2_t LoadPair(const uint8_t* p) {
  uint8x16x2_t v;
  __asm__("vld1.8 %h0, [%1]" : "=w"(v) : "r"(p), "m"(*reinterpret_cast<const uint8_t(*)[32]>(p)));
  return v;
}
// From and to tables: a promise of alignment saves a Cortex-A9 a cycle.
inline uint8x16x2_t LoadEntry(const uint8_t* p) {
  uint8x16x2_t v;
  __asm__("vld1.8 %h0, [%1:256]"
          : "=w"(v)
          : "r"(p), "m"(*reinterpret_cast<const uint8_t(*)[32]>(p)));
  return v;
}
inline void StoreEntryNext(uint8_t*& p, uint8x16x2_t v) {
  __asm__("vst1.8 %h2, [%1:256]!" : "=m"(*reinterpret_cast<uint8_t(*)[32]>(p)), "+r"(p) : "w"(v));
}
inline void LoadTwo(const uint8_t* p, uint8x16_t* v) {
  const uint8x16x2_t pair = LoadPair(p);
  v[0] = pair.val[0];
  v[1] = pair.val[1];
}
inline void StorePair(uint8_t* p, uint8x16x2_t v) {
  __asm__("vst1.8 %h1, [%2]" : "=m"(*reinterpret_cast<uint8_t(*)[32]>(p)) : "w"(v), "r"(p));
}
inline void StoreTwoNext(uint8_t*& p, uint8x16_t a, uint8x16_t b) {
  __asm__("vst1.8 {%e2-%f2}, [%1:128]!\n vst1.8 {%e3-%f3}, [%1:128]!"
          : "=m"(*reinterpret_cast<uint8_t(*)[32]>(p)), "+r"(p)
          : "w"(a), "w"(b));
}
inline void StorePairNext(uint8_t*& p, uint8x16x2_t v) {
  __asm__("vst1.8 %h2, [%1]!" : "=m"(*reinterpret_cast<uint8_t(*)[32]>(p)), "+r"(p) : "w"(v));
}
inline uint16x8_t AddHigh(uint16x8_t sums, uint8x16_t v) {
  return vaddw_u8(sums, vget_high_u8(v));
}
#endif

struct NeonPixels {
  // n = -#{k : acc >= t[k]} of 8 pixels, for acc = ends - 2 * sums.
  template <int kThresholds>
  static inline int16x8_t Count(uint8x16_t sums, uint8x16_t ends, const int16x8_t* t,
                                const int16_t* thresholds, int32_t count) {
    const uint16x8_t s = vreinterpretq_u16_u8(sums);
    const int16x8_t acc =
        vreinterpretq_s16_u16(vsubq_u16(vreinterpretq_u16_u8(ends), vaddq_u16(s, s)));
    if constexpr (kThresholds > 0) {
      int16x8_t n = vreinterpretq_s16_u16(vcgeq_s16(acc, t[0]));
#pragma GCC unroll 8
      for (int k = 1; k < kThresholds; ++k) {
        n = vaddq_s16(n, vreinterpretq_s16_u16(vcgeq_s16(acc, t[k])));
      }
      return n;
    }
    int16x8_t n = vdupq_n_s16(0);
    for (int32_t k = 0; k < count; ++k) {
      n = vaddq_s16(n, vreinterpretq_s16_u16(vcgeq_s16(acc, vdupq_n_s16(thresholds[k]))));
    }
    return n;
  }

  // Not inlined: it needs every register.
  template <int kThresholds>
  static __attribute__((noinline)) void EmitCodesOf(const PixelCodes& to) {
    const PixelCodes job = to;  // a copy, which stores of codes do not change
    const uint8x16x2_t zero = {{vdupq_n_u8(0), vdupq_n_u8(0)}};
    const int32_t count = job.levels - 1;
    const int16_t* thresholds = job.thresholds;
    uint16_t* sums = job.sums;
    uint8_t* codes = job.codes;
    for (int32_t left = job.outputs; left > 0; --left, sums += job.lane_sums) {
      const int16x8_t flip = vld1q_dup_s16(thresholds);
      const int16x8_t base = vld1q_dup_s16(thresholds + 1);
      thresholds += 2;
      int16x8_t t[kThresholds + 1];
#pragma GCC unroll 8
      for (int k = 0; k < kThresholds; ++k) t[k] = vld1q_dup_s16(thresholds + k);
      uint8_t* from = reinterpret_cast<uint8_t*>(sums);
      const uint8_t* of = reinterpret_cast<const uint8_t*>(job.ends);
      for (uint8_t* const end = codes + job.pixels; codes < end; codes += 16, of += 32) {
        uint8x16_t s[2];
        uint8x16_t e[2];
        LoadTwo(from, s);
        LoadTwo(of, e);
        StorePairNext(from, zero);
        const int16x8_t first = Count<kThresholds>(s[0], e[0], t, thresholds, count);
        const int16x8_t second = Count<kThresholds>(s[1], e[1], t, thresholds, count);
        const int8x16_t n = vcombine_s8(vmovn_s16(first), vmovn_s16(second));
        const int8x16_t code =
            vaddq_s8(veorq_s8(n, vreinterpretq_s8_s16(flip)), vreinterpretq_s8_s16(base));
        vst1q_u8(codes, vreinterpretq_u8_s8(code));
      }
      thresholds += count;
    }
  }

  static void EmitCodes(const PixelCodes& job) {
    if (job.levels == 4) {  // 2 bits: unrolled
      EmitCodesOf<3>(job);
    } else {
      EmitCodesOf<0>(job);
    }
  }

  // 16 bytes of each of 8 rows to 8 bytes of each of 16.
  static void Transpose(const uint8_t* from, int64_t row, uint8_t* to, int64_t step) {
    uint8x16_t a[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) a[i] = vld1q_u8(from + i * row);
    const uint8x16x2_t a04 = vzipq_u8(a[0], a[4]);
    const uint8x16x2_t a15 = vzipq_u8(a[1], a[5]);
    const uint8x16x2_t a26 = vzipq_u8(a[2], a[6]);
    const uint8x16x2_t a37 = vzipq_u8(a[3], a[7]);
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const uint8x16x2_t even = vzipq_u8(a04.val[half], a26.val[half]);
      const uint8x16x2_t odd = vzipq_u8(a15.val[half], a37.val[half]);
#pragma GCC unroll 2
      for (int quarter = 0; quarter < 2; ++quarter) {
        const uint8x16x2_t pixels = vzipq_u8(even.val[quarter], odd.val[quarter]);
#pragma GCC unroll 2
        for (int pair = 0; pair < 2; ++pair) {
          vst1_u8(to, vget_low_u8(pixels.val[pair]));
          vst1_u8(to + step, vget_high_u8(pixels.val[pair]));
          to += 2 * step;
        }
      }
    }
  }
};

}  // namespace
}  // namespace bluestem::kernels
