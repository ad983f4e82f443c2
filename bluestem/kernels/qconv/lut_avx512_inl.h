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
  // No sum overflows; an addition that saturates stays off the shuffles' port.
  static inline Sum Add(Sum sum, __m512i entries) { return _mm512_adds_epu8(sum, entries); }
  static inline void LookUp(Sum& sum, const uint8_t* table, __m512i indices) {
    sum = Add(sum, _mm512_shuffle_epi8(Table(table), indices));
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
  // What count of thresholds reached becomes, one more where the value is greater.
  static inline Half CountGreater(Half count, Half value, Half threshold) {
    const __m512i n = reinterpret_cast<__m512i>(count);
    const __mmask32 greater = _mm512_cmpgt_epi16_mask(reinterpret_cast<__m512i>(value),
                                                      reinterpret_cast<__m512i>(threshold));
    return reinterpret_cast<Half>(_mm512_mask_sub_epi16(n, greater, n, _mm512_set1_epi16(-1)));
  }

  // The tables of 32 codes, [8][16]: entry n = pairs[n % 4] + pairs[4 + n / 4], where pairs are 0,
  // c, d, c + d of two codes. Lane j has those of tables j and, in its high half, j + 4.
  static inline void MakeTables(__m256i codes, __m512i* low, __m512i* high) {
    const __m512i words =
        _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 0, 4, 1, 5, 1, 5, 2, 6, 2, 6, 3, 7, 3, 7),
                                 _mm512_castsi256_si512(codes));
    const auto shuffle = [](__m512i from, int32_t a, int32_t b, int32_t c, int32_t d) {
      return _mm512_shuffle_epi8(from, _mm512_set4_epi32(d, c, b, a));
    };
    constexpr auto kNone = static_cast<int32_t>(0x80808080);
    constexpr int32_t kFirst = kNone & 0x00ff00ff, kSecond = kNone & 0x0000ffff;
    const __m512i pairs = _mm512_add_epi8(
        shuffle(words, kFirst, kFirst | 0x02000200, kFirst | 0x04000400, kFirst | 0x06000600),
        shuffle(words, kSecond | 0x01010000, kSecond | 0x03030000, kSecond | 0x05050000,
                kSecond | 0x07070000));
    *low = _mm512_add_epi8(_mm512_shuffle_epi32(pairs, _MM_PERM_AAAA),
                           shuffle(pairs, 0x04040404, 0x05050505, 0x06060606, 0x07070707));
    *high = _mm512_add_epi8(_mm512_shuffle_epi32(pairs, _MM_PERM_CCCC),
                            shuffle(pairs, 0x0c0c0c0c, 0x0d0d0d0d, 0x0e0e0e0e, 0x0f0f0f0f));
  }
  // Not inlined: its constants stay in registers.
  static __attribute__((noinline)) void PreparePixels(const uint8_t* codes, int32_t channels,
                                                      int32_t pixels, uint8_t* to, int32_t* sums) {
    const __m256i zero = _mm256_setzero_si256();
    const int32_t rest = channels % 32;
    const int32_t rest_bytes = CeilDiv(rest, kStepChannels) * kStepBytes;
    const __mmask32 reads = (uint32_t{1} << rest) - 1;
    // Of 4 bytes each.
    const uint32_t writes = rest_bytes == 128 ? ~uint32_t{0} : (uint32_t{1} << rest_bytes / 4) - 1;
    const auto writes_low = static_cast<__mmask16>(writes & 0xffff);
    const auto writes_high = static_cast<__mmask16>(writes >> 16);
    for (; pixels > 0; --pixels) {
      __m256i sum = zero;
      __m512i low, high;
      for (const uint8_t* end = codes + (channels - rest); codes < end; codes += 32, to += 128) {
        const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
        sum = _mm256_add_epi64(sum, _mm256_sad_epu8(v, zero));
        MakeTables(v, &low, &high);
        _mm512_storeu_si512(to, low);
        _mm512_storeu_si512(to + 64, high);
      }
      if (rest > 0) {
        const __m256i v = _mm256_maskz_loadu_epi8(reads, codes);
        sum = _mm256_add_epi64(sum, _mm256_sad_epu8(v, zero));
        MakeTables(v, &low, &high);
        _mm512_mask_storeu_epi32(to, writes_low, low);
        _mm512_mask_storeu_epi32(to + 64, writes_high, high);
        codes += rest;
        to += rest_bytes;
      }
      const __m128i two =
          _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
      *sums++ = _mm_cvtsi128_si32(_mm_add_epi64(two, _mm_unpackhi_epi64(two, two)));
    }
  }
  // Instances that are never run: groups == 1.
  static inline void Prepare(const uint8_t*, int32_t, uint8_t*) {}
  static inline int32_t SumCodes(const uint8_t*, int32_t) { return 0; }
};

}  // namespace
}  // namespace bluestem::kernels
