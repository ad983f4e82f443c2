// plut's vectors on NEON, for aarch64 and armv7. Integers only. Included by the files of both ISAs
// (neon, neon_dot), which differ in the size of their tables.
#pragma once

#include "bluestem/kernels/qconv/pixels_neon_inl.h"
#include "bluestem/kernels/qconv/plut_inl.h"

namespace bluestem::kernels {
// Unnamed although in a header: each ISA's file must have its own copy of these members.
namespace {

// Adds 16 bytes to 16 sums.
inline void Accumulate16(uint16_t* sums, uint8x16_t v) {
  uint8_t* bytes = reinterpret_cast<uint8_t*>(sums);
  uint8x16x2_t s = LoadPair<0>(bytes);
  s.val[0] = vreinterpretq_u8_u16(vaddw_u8(vreinterpretq_u16_u8(s.val[0]), vget_low_u8(v)));
  s.val[1] = vreinterpretq_u8_u16(AddHigh(vreinterpretq_u16_u8(s.val[1]), v));
  StorePair(bytes, s);
}

// out[c] of 16 pixels from 8 bytes of each: rows of 8 by `first` and `second`.
inline void MakeColumns(const uint8_t* first, const uint8_t* second, int64_t step,
                        uint8x16_t* out) {
  uint8x16_t a[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    a[i] = vcombine_u8(vld1_u8(first + i * step), vld1_u8(second + i * step));
  }
  uint16x8_t b[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; i += 2) {
    const uint8x16x2_t t = vtrnq_u8(a[i], a[i + 1]);
    b[i] = vreinterpretq_u16_u8(t.val[0]);
    b[i + 1] = vreinterpretq_u16_u8(t.val[1]);
  }
  uint32x4_t c[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    if (i % 4 >= 2) continue;
    const uint16x8x2_t t = vtrnq_u16(b[i], b[i + 2]);
    c[i] = vreinterpretq_u32_u16(t.val[0]);
    c[i + 2] = vreinterpretq_u32_u16(t.val[1]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 4; ++i) {
    const uint32x4x2_t t = vtrnq_u32(c[i], c[i + 4]);
    out[i] = vreinterpretq_u8_u32(t.val[0]);
    out[i + 4] = vreinterpretq_u8_u32(t.val[1]);
  }
}

// A whole entry of a table: 1 or 2 vectors, and kLow, how many of its lowest bits MakeTable keeps
// in registers.
struct NeonEntry {
  static constexpr int kVectors = 1;
#if defined(__aarch64__)
  static constexpr int kLow = 3;
#else
  static constexpr int kLow = 2;
#endif
  uint8x16x2_t v;

  static inline NeonEntry Load(const uint8_t* p) {
    return {LoadPair<0>(p)};
  }
  inline void StoreNext(uint8_t*& p) const {
    StorePairNext(p, v);
  }
};
#if defined(__aarch64__)
struct NeonWideEntry {
  static constexpr int kVectors = 2;
  static constexpr int kLow = 2;
  uint8x16x4_t v;

  static inline NeonWideEntry Load(const uint8_t* p) { return {vld1q_u8_x4(p)}; }
  inline void StoreNext(uint8_t*& p) const {
    __asm__("st1 {%S2.16b - %V2.16b}, [%1], 64"
            : "=m"(*reinterpret_cast<uint8_t(*)[64]>(p)), "+r"(p)
            : "w"(v));
  }
};
#endif

// a + b, or a - b.
template <bool kDown, class Entry>
inline Entry Move(const Entry& a, const Entry& b) {
  Entry sum;
#pragma GCC unroll 4
  for (int i = 0; i < 2 * Entry::kVectors; ++i) {
    sum.v.val[i] = kDown ? vsubq_u8(a.v.val[i], b.v.val[i]) : vaddq_u8(a.v.val[i], b.v.val[i]);
  }
  return sum;
}

// The part of a tile at byte kOffset of each entry: one vector.
template <int kOffset>
struct NeonVector {
  using Tile = uint8x16x2_t;
  using Entry = NeonEntry;

  static inline Tile Load(const uint8_t* entry) { return LoadPair<kOffset>(entry); }
  static inline Tile Distance(const uint8_t* one, const uint8_t* other) {
    const Tile a = Load(one);
    const Tile b = Load(other);
    return {{vabdq_u8(a.val[0], b.val[0]), vabdq_u8(a.val[1], b.val[1])}};
  }
  static inline Tile AddDistance(Tile sum, const uint8_t* one, const uint8_t* other) {
    const Tile a = Load(one);
    const Tile b = Load(other);
    return {{vabaq_u8(sum.val[0], a.val[0], b.val[0]), vabaq_u8(sum.val[1], a.val[1], b.val[1])}};
  }
  static inline void Accumulate(uint16_t* const* rows, Tile v) {
    Accumulate16(rows[0], v.val[0]);
    Accumulate16(rows[1], v.val[1]);
  }
  static inline void AccumulateQuarters(uint16_t* const* rows, Tile v) {
    vst1q_u16(rows[0], vaddw_u8(vld1q_u16(rows[0]), vget_low_u8(v.val[0])));
    vst1q_u16(rows[1], AddHigh(vld1q_u16(rows[1]), v.val[0]));
    vst1q_u16(rows[2], vaddw_u8(vld1q_u16(rows[2]), vget_low_u8(v.val[1])));
    vst1q_u16(rows[3], AddHigh(vld1q_u16(rows[3]), v.val[1]));
  }
};

#if defined(__aarch64__)
// Two vectors.
struct NeonVectors {
  using Entry = NeonWideEntry;
  using First = NeonVector<0>;
  using Second = NeonVector<32>;
  struct Tile {
    uint8x16x2_t first, second;
  };

  static inline Tile Load(const uint8_t* entry) {
    return {First::Load(entry), Second::Load(entry)};
  }
  static inline Tile Distance(const uint8_t* one, const uint8_t* other) {
    return {First::Distance(one, other), Second::Distance(one, other)};
  }
  static inline Tile AddDistance(Tile sum, const uint8_t* one, const uint8_t* other) {
    return {First::AddDistance(sum.first, one, other), Second::AddDistance(sum.second, one, other)};
  }
  static inline void Accumulate(uint16_t* const* rows, Tile v) {
    First::Accumulate(rows, v.first);
    Second::Accumulate(rows + 2, v.second);
  }
  static inline void AccumulateQuarters(uint16_t* const* rows, Tile v) {
    First::AccumulateQuarters(rows, v.first);
    Second::AccumulateQuarters(rows + 4, v.second);
  }
};
#endif

// Of: NeonVector<0> or NeonVectors.
template <class Of, const PlutSize& kTables>
struct NeonPlut : NeonPixels, Of {
  static constexpr PlutSize kSize = kTables;
  using typename Of::Entry;

  // Entry n is the sum of the columns of n's bits if `from` is 0, else `from` less that sum.
  static void MakeTable(const uint8_t* const* pixels, int64_t step, int32_t from, uint8_t* table) {
    if (from == 0) {
      MakeTableOf<false>(pixels, step, 0, table);
    } else {
      MakeTableOf<true>(pixels, step, from, table);
    }
  }

  // The entries of the lowest bits stay in registers; entries are made in blocks of them, each
  // block from an earlier one and the column of its highest bit. Not inlined: it needs every
  // register.
  template <bool kDown>
  static __attribute__((noinline)) void MakeTableOf(const uint8_t* const* pixels, int64_t step,
                                                    int32_t from, uint8_t* table) {
    uint8x16_t columns[2 * Entry::kVectors][8];
    for (int i = 0; i < 2 * Entry::kVectors; ++i) {
      MakeColumns(pixels[2 * i], pixels[2 * i + 1], step, columns[i]);
    }
    const auto column_of = [&](int bit) {
      Entry column;
#pragma GCC unroll 4
      for (int i = 0; i < 2 * Entry::kVectors; ++i) column.v.val[i] = columns[i][bit];
      return column;
    };
    constexpr int kBlock = 1 << Entry::kLow;
    Entry low[kBlock];
#pragma GCC unroll 4
    for (uint8x16_t& v : low[0].v.val) v = vdupq_n_u8(static_cast<uint8_t>(from));
#pragma GCC unroll 8
    for (int n = 1; n < kBlock; ++n) {
      const int bit = n >= 4 ? 2 : n >= 2 ? 1 : 0;
      const Entry column = column_of(bit);
      low[n] = n == 1 << bit ? column : Move<false>(low[n - (1 << bit)], column);
    }
    uint8_t* to = table;
    low[0].StoreNext(to);
#pragma GCC unroll 8
    for (int n = 1; n < kBlock; ++n) Move<kDown>(low[0], low[n]).StoreNext(to);
    for (int bit = Entry::kLow; bit < kPlutGroup; ++bit) {
      uint8x16_t column[2 * Entry::kVectors];  // no tuple: GCC 12 would copy it in the loop
#pragma GCC unroll 4
      for (int i = 0; i < 2 * Entry::kVectors; ++i) column[i] = columns[i][bit];
      const uint8_t* end = to + (to - table);
      for (const uint8_t* earlier = table; to < end;
           earlier += kBlock * kPlutVector * Entry::kVectors) {
        Entry base = Entry::Load(earlier);
#pragma GCC unroll 4
        for (int i = 0; i < 2 * Entry::kVectors; ++i) {
          uint8x16_t& v = base.v.val[i];
          v = kDown ? vsubq_u8(v, column[i]) : vaddq_u8(v, column[i]);
        }
        base.StoreNext(to);
#pragma GCC unroll 8
        for (int n = 1; n < kBlock; ++n) Move<kDown>(base, low[n]).StoreNext(to);
      }
    }
  }
};

}  // namespace
}  // namespace bluestem::kernels
