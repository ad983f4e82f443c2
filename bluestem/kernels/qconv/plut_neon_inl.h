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
  uint8x16x2_t s = LoadPair(bytes);
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
    return {LoadEntry(p)};
  }
  inline void StoreNext(uint8_t*& p) const {
    StoreEntryNext(p, v);
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

template <bool kDown>
inline uint8x16_t Move(uint8x16_t a, uint8x16_t b) {
  return kDown ? vsubq_u8(a, b) : vaddq_u8(a, b);
}

// Stores a block of entries: `base`, and base + low[n], or base - low[n], for each n from 1 on.
template <bool kDown, class Entry>
inline void StoreBlock(const uint8x16_t* base, const Entry* low, uint8_t*& to) {
#pragma GCC unroll 2
  for (int i = 0; i < Entry::kVectors; ++i) StoreTwoNext(to, base[2 * i], base[2 * i + 1]);
#pragma GCC unroll 8
  for (int n = 1; n < 1 << Entry::kLow; ++n) {
    Entry sum;
#pragma GCC unroll 4
    for (int i = 0; i < 2 * Entry::kVectors; ++i) {
      sum.v.val[i] = Move<kDown>(base[i], low[n].v.val[i]);
    }
    sum.StoreNext(to);
  }
}

// One vector.
struct NeonVector {
  using Tile = uint8x16x2_t;
  using Entry = NeonEntry;

  static inline Tile Load(const uint8_t* entry) { return LoadEntry(entry); }
  // For a sum: GCC 12 would copy both halves of an armv7 pair before it adds to them.
  static inline Tile LoadSum(const uint8_t* entry) {
#if defined(__aarch64__)
    return Load(entry);
#else
    Tile v;
    __asm__("vld1.8 {%e0-%f0}, [%2:128]!\n vld1.8 {%e1-%f1}, [%2:128]"
            : "=&w"(v.val[0]), "=w"(v.val[1]), "+r"(entry)
            : "m"(*reinterpret_cast<const uint8_t(*)[32]>(entry)));
    return v;
#endif
  }
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
  using Tile = uint8x16x4_t;

  static inline Tile Load(const uint8_t* entry) { return vld1q_u8_x4(entry); }
  static inline Tile LoadSum(const uint8_t* entry) { return Load(entry); }
  static inline Tile Distance(const uint8_t* one, const uint8_t* other) {
    Tile a = Load(one);
    const Tile b = Load(other);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) a.val[i] = vabdq_u8(a.val[i], b.val[i]);
    return a;
  }
  static inline Tile AddDistance(Tile sum, const uint8_t* one, const uint8_t* other) {
    const Tile a = Load(one);
    const Tile b = Load(other);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) sum.val[i] = vabaq_u8(sum.val[i], a.val[i], b.val[i]);
    return sum;
  }
  static inline void Accumulate(uint16_t* const* rows, Tile v) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) Accumulate16(rows[i], v.val[i]);
  }
  static inline void AccumulateQuarters(uint16_t* const* rows, Tile v) {
    NeonVector::AccumulateQuarters(rows, {{v.val[0], v.val[1]}});
    NeonVector::AccumulateQuarters(rows + 4, {{v.val[2], v.val[3]}});
  }
};
#endif

// Of: NeonVector or NeonVectors.
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
    constexpr int kBlock = 1 << Entry::kLow;
    constexpr int kParts = 2 * Entry::kVectors;
    Entry low[kBlock];  // without the first
#pragma GCC unroll 8
    for (int n = 1; n < kBlock; ++n) {
      const int bit = n >= 4 ? 2 : n >= 2 ? 1 : 0;
      const int rest = n - (1 << bit);
#pragma GCC unroll 4
      for (int i = 0; i < kParts; ++i) {
        const uint8x16_t column = columns[i][bit];
        low[n].v.val[i] = rest == 0 ? column : vaddq_u8(low[rest].v.val[i], column);
      }
    }
    uint8x16_t base[kParts];
#pragma GCC unroll 4
    for (uint8x16_t& v : base) v = vdupq_n_u8(static_cast<uint8_t>(from));
    uint8_t* to = table;
    StoreBlock<kDown>(base, low, to);
    for (int bit = Entry::kLow; bit < kPlutGroup; ++bit) {
      uint8x16_t column[kParts];
#pragma GCC unroll 4
      for (int i = 0; i < kParts; ++i) column[i] = columns[i][bit];
      const uint8_t* end = to + (to - table);
      for (const uint8_t* earlier = table; to < end; earlier += kBlock * 16 * kParts) {
        const Entry entry = Entry::Load(earlier);
#pragma GCC unroll 4
        for (int i = 0; i < kParts; ++i) base[i] = Move<kDown>(entry.v.val[i], column[i]);
        StoreBlock<kDown>(base, low, to);
      }
    }
  }
};

}  // namespace
}  // namespace bluestem::kernels
