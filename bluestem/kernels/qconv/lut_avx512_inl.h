// Look-ups with AVX-512's byte shuffles, and sums of them in 16 bits. Included by ISA files.
#pragma once

#include "bluestem/kernels/qconv/lut_x86_inl.h"

namespace bluestem::kernels {
// Unnamed although in a header: each ISA's file must have its own copy.
namespace {

// A row of packed weights of two blocks, `next` bytes apart; the second may be the first again.
inline __m512i TwoBlocks(const uint8_t* weights, int64_t next) {
  const auto* low = reinterpret_cast<const __m256i*>(weights);
  const auto* high = reinterpret_cast<const __m256i*>(weights + next);
  return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256(low)),
                            _mm256_loadu_si256(high), 1);
}

// Calls write(weights, next) for each two blocks of outputs and each tap of them.
template <typename Write>
inline void ForTaps(const QConvParams& p, const uint8_t* packed, const Write& write) {
  const int32_t blocks = GroupBlocks(p);
  for (int32_t block = 0; block < blocks; block += 2) {
    const int64_t next = block + 1 < blocks ? BlockBytes(p) : 0;
    for (int32_t tap = 0; tap < Taps(p); ++tap) {
      write(packed + block * BlockBytes(p) + tap * (BlockBytes(p) / Taps(p)), next);
    }
  }
}

// One block of 32 outputs. The 32 registers hold 8 pixels' sums.
struct Avx512Narrow : Sums32 {
  static constexpr int32_t kMaxPixels = 8;
  static constexpr int32_t kStepWeights = 128;  // of two blocks
  static inline Weights LoadWeights(const uint8_t* indices, int64_t) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(indices)),
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(indices + 64))};
  }
};

// Two blocks of 32 outputs, one in each half of a register: one shuffle (the only port that has
// shuffles of 512 bits) and one addition for 256 multiply-accumulates.
struct Avx512 : EvenOddFinish<64> {
  static constexpr int32_t kLanes = 64;
  static constexpr int32_t kMaxPixels = 9;
  using Narrow = Avx512Narrow;
  struct Weights {
    __m512i low, high;
  };
  using Sum = __m512i;
  struct Wide {
    __m512i words, odd;
  };

  static inline __m512i Table(const uint8_t* table) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  }
  static constexpr int32_t kStepWeights = 128;  // of two blocks
  static constexpr BandStep kBandStep = kNibbleBandStep;
  // The two nibbles of each byte of packed weights, apart: once a call, not once a step.
  static inline void WriteIndices(const QConvParams& p, const uint8_t* packed, uint8_t* to) {
    const __m512i nibble = _mm512_set1_epi8(15);
    ForTaps(p, packed, [&](const uint8_t* weights, int64_t next) {
      for (int32_t row = 0; row < CeilDiv(p.ci, 8); ++row, to += kStepWeights) {
        const __m512i w = TwoBlocks(weights + int64_t{row} * kQConvBlock, next);
        _mm512_storeu_si512(to, _mm512_and_si512(w, nibble));
        _mm512_storeu_si512(to + 64, _mm512_and_si512(_mm512_srli_epi16(w, 4), nibble));
      }
    });
  }
  static inline Weights LoadWeights(const uint8_t* indices, int64_t) {
    return {_mm512_loadu_si512(indices), _mm512_loadu_si512(indices + 64)};
  }
  static inline Sum ZeroSum() { return _mm512_setzero_si512(); }
  static inline Wide ZeroWide() { return {_mm512_setzero_si512(), _mm512_setzero_si512()}; }
  static inline void LookUp(Sum& sum, const uint8_t* table, __m512i indices) {
    sum = _mm512_add_epi8(sum, _mm512_shuffle_epi8(Table(table), indices));
  }
  static inline void Step(Sum& sum, const uint8_t* tables, const Weights& w) {
    LookUp(sum, tables, w.low);
    LookUp(sum, tables + 16, w.high);
  }
  static inline void Widen(Wide& wide, Sum sum) {
    wide.words = _mm512_add_epi16(wide.words, sum);
    wide.odd = _mm512_add_epi16(wide.odd, _mm512_srli_epi16(sum, 8));
  }
  static inline Values ValuesOf(const Wide& wide, int32_t window) {
    const __m512i even = _mm512_sub_epi16(wide.words, _mm512_slli_epi16(wide.odd, 8));
    return ValuesOfHalves(reinterpret_cast<Half>(even), reinterpret_cast<Half>(wide.odd), window);
  }
  static inline void StoreWide(const Wide& wide, bool add, int32_t* acc) {
    const Avx512Narrow::Wide low = {_mm512_castsi512_si256(wide.words),
                                    _mm512_castsi512_si256(wide.odd)};
    const Avx512Narrow::Wide high = {_mm512_extracti64x4_epi64(wide.words, 1),
                                     _mm512_extracti64x4_epi64(wide.odd, 1)};
    Avx512Narrow::StoreWide(low, add, acc);
    Avx512Narrow::StoreWide(high, add, acc + 32);
  }
  static inline void Prepare(const uint8_t* codes, int32_t steps, uint8_t* to) {
    PrepareTables(codes, steps, to);
  }
  static inline int32_t SumCodes(const uint8_t* codes, int32_t count) {
    return SumBytes(codes, count);
  }
};

}  // namespace
}  // namespace bluestem::kernels
