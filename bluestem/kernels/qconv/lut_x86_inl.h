// Building look-up tables with AVX2's shuffles, for the AVX2 and AVX-512 kernels. Included by ISA
// files.
#pragma once

#include <immintrin.h>

#include "bluestem/kernels/qconv/lut_inl.h"

namespace bluestem::kernels {
// Unnamed although in a header: each ISA's file must have its own copy.
namespace {

// The two tables of step kStep: entry n = low[n % 4] + high[n / 4], see PrepareStep.
template <int kStep>
inline void StoreTables(__m256i low, __m256i high, uint8_t* to) {
  constexpr int32_t kBytes = kStep * 4 * 0x01010101;
  const __m256i spread =
      _mm256_setr_epi32(kBytes, kBytes + 0x01010101, kBytes + 0x02020202, kBytes + 0x03030303,
                        kBytes, kBytes + 0x01010101, kBytes + 0x02020202, kBytes + 0x03030303);
  const __m256i tables =
      _mm256_add_epi8(_mm256_shuffle_epi32(low, kStep * 0x55), _mm256_shuffle_epi8(high, spread));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + kStep * 32), tables);
}

// Words of four bytes picked from each word of codes: {0, c, 0, c} and {0, 0, d, d}, added.
inline __m256i Pairs(__m256i codes, int32_t first, int32_t second) {
  const int32_t c = static_cast<int32_t>(0x00800080) | (first << 8) | (first << 24);
  const int32_t d = static_cast<int32_t>(0x00008080) | (second << 16) | (second << 24);
  const int32_t c4 = 0x04000400;
  const int32_t d4 = 0x04040000;
  const __m256i pick_c =
      _mm256_setr_epi32(c, c + c4, c + 2 * c4, c + 3 * c4, c, c + c4, c + 2 * c4, c + 3 * c4);
  const __m256i pick_d =
      _mm256_setr_epi32(d, d + d4, d + 2 * d4, d + 3 * d4, d, d + d4, d + 2 * d4, d + 3 * d4);
  return _mm256_add_epi8(_mm256_shuffle_epi8(codes, pick_c), _mm256_shuffle_epi8(codes, pick_d));
}

// The 8 tables of 32 channels at once. The first tables of the steps are made in the low half.
inline void PrepareTables(const uint8_t* codes, int32_t steps, uint8_t* to) {
  const __m256i first_words_low = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
  for (; steps >= 4; steps -= 4, codes += 32, to += 128) {
    __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
    v = _mm256_permutevar8x32_epi32(v, first_words_low);
    const __m256i low = Pairs(v, 0, 1);
    const __m256i high = Pairs(v, 2, 3);
    StoreTables<0>(low, high, to);
    StoreTables<1>(low, high, to);
    StoreTables<2>(low, high, to);
    StoreTables<3>(low, high, to);
  }
  LutStep::Prepare(codes, steps, to);
}

inline int32_t SumBytes(const uint8_t* codes, int32_t count) {
  __m256i sums = _mm256_setzero_si256();
  for (; count >= 32; count -= 32, codes += 32) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
    sums = _mm256_add_epi64(sums, _mm256_sad_epu8(v, _mm256_setzero_si256()));
  }
  const __m128i pairs =
      _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  int32_t sum = _mm_cvtsi128_si32(_mm_add_epi64(pairs, _mm_unpackhi_epi64(pairs, pairs)));
  return sum + LutStep::SumCodes(codes, count);
}

// Look-ups of 32 outputs in registers of 256 bits, without how weights are loaded.
struct Sums32 : EvenOddFinish<32> {
  static constexpr int32_t kLanes = 32;
  struct Weights {
    __m256i low, high;
  };
  using Sum = __m256i;
  // Bytes 2i and 2i+1 of a sum are the 16-bit word e + 256 o. `words` adds those words (modulo
  // 2^16), `odd` adds the o: one operation less than splitting each; e = words - 256 odd.
  struct Wide {
    __m256i words, odd;
  };

  static inline __m256i Table(const uint8_t* table) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  }
  static inline Sum ZeroSum() { return _mm256_setzero_si256(); }
  static inline Wide ZeroWide() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static inline void LookUp(Sum& sum, const uint8_t* table, __m256i indices) {
    sum = _mm256_add_epi8(sum, _mm256_shuffle_epi8(Table(table), indices));
  }
  static inline void Step(Sum& sum, const uint8_t* tables, const Weights& w) {
    LookUp(sum, tables, w.low);
    LookUp(sum, tables + 16, w.high);
  }
  static inline void Widen(Wide& wide, Sum sum) {
    wide.words = _mm256_add_epi16(wide.words, sum);
    wide.odd = _mm256_add_epi16(wide.odd, _mm256_srli_epi16(sum, 8));
  }
  static inline void Store8(__m128i words, bool add, int32_t* acc) {
    __m256i v = _mm256_cvtepu16_epi32(words);
    __m256i* to = reinterpret_cast<__m256i*>(acc);
    if (add) v = _mm256_add_epi32(v, _mm256_loadu_si256(to));
    _mm256_storeu_si256(to, v);
  }
  static inline Values ValuesOf(const Wide& wide, int32_t window) {
    const __m256i even = _mm256_sub_epi16(wide.words, _mm256_slli_epi16(wide.odd, 8));
    return ValuesOfHalves(reinterpret_cast<Half>(even), reinterpret_cast<Half>(wide.odd), window);
  }
  static inline void StoreWide(const Wide& wide, bool add, int32_t* acc) {
    const __m256i even = _mm256_sub_epi16(wide.words, _mm256_slli_epi16(wide.odd, 8));
    const __m256i first = _mm256_unpacklo_epi16(even, wide.odd);   // outputs 0-7, 16-23
    const __m256i second = _mm256_unpackhi_epi16(even, wide.odd);  // outputs 8-15, 24-31
    Store8(_mm256_castsi256_si128(first), add, acc);
    Store8(_mm256_castsi256_si128(second), add, acc + 8);
    Store8(_mm256_extracti128_si256(first, 1), add, acc + 16);
    Store8(_mm256_extracti128_si256(second, 1), add, acc + 24);
  }

  static inline void Prepare(const uint8_t* codes, int32_t steps, uint8_t* to) {
    PrepareTables(codes, steps, to);
  }
  static inline int32_t SumCodes(const uint8_t* codes, int32_t count) {
    return SumBytes(codes, count);
  }
};

// The table of four codes of 2 bits is one of 256, which are always at hand: 4 KB.
struct QuadTables {
  alignas(64) uint8_t bytes[256 * 16];
};
constexpr QuadTables MakeQuadTables() {
  QuadTables tables = {};
  for (int32_t codes = 0; codes < 256; ++codes) {
    for (int32_t n = 0; n < 16; ++n) {
      int32_t sum = 0;
      for (int32_t i = 0; i < 4; ++i) sum += (n >> i) % 2 * (codes >> 2 * i) % 4;
      tables.bytes[codes * 16 + n] = static_cast<uint8_t>(sum);
    }
  }
  return tables;
}
constexpr QuadTables kQuads = MakeQuadTables();

// Codes become offsets of their tables: nothing is built, and the ring is small.
template <typename Base>
struct ReadyTables : Base {
  static constexpr int32_t kStepBytes = 8;
  static constexpr BandStep kBandStep = kOffsetBandStep;

  static inline void Step(typename Base::Sum& sum, const uint8_t* offsets,
                          const typename Base::Weights& w) {
    uint64_t both;
    std::memcpy(&both, offsets, sizeof(both));
    const auto low = static_cast<uint32_t>(both);
    const auto high = both >> 32;
    Base::LookUp(sum, kQuads.bytes + low, w.low);
    Base::LookUp(sum, kQuads.bytes + high, w.high);
  }
};

}  // namespace
}  // namespace bluestem::kernels
