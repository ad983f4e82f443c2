#include "bluestem/kernels/qconv/kernels.h"
#if defined(__x86_64__)
#include "bluestem/kernels/qconv/lut_x86_inl.h"

namespace bluestem::kernels {
namespace {

// Registers: 4 byte sums, 8 sums of 16 bits, 2 of nibbles, the mask and a table fill the 16.
// Two table loads and two shuffles a pixel and step; loads, shuffles and additions are even there.
struct Avx2 : EvenOddFinish<32> {
  static constexpr int32_t kLanes = 32;
  static constexpr int32_t kMaxPixels = 4;
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
  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights));
    return {_mm256_and_si256(w, nibble), _mm256_and_si256(_mm256_srli_epi16(w, 4), nibble)};
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

// The two nibbles of each byte of packed weights, apart: once a call, not once a step.
struct Avx2Nibbles : Avx2 {
  static constexpr int32_t kStepWeights = 64;
  static constexpr BandStep kBandStep = kNibbleBandStep;
  static inline void WriteIndices(const QConvParams& p, const uint8_t* packed, uint8_t* to) {
    const __m256i nibble = _mm256_set1_epi8(15);
    const uint8_t* end = packed + GroupBlocks(p) * BlockBytes(p);
    for (; packed < end; packed += kQConvBlock, to += kStepWeights) {
      const __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(packed));
      __m256i* halves = reinterpret_cast<__m256i*>(to);
      _mm256_storeu_si256(halves, _mm256_and_si256(w, nibble));
      _mm256_storeu_si256(halves + 1, _mm256_and_si256(_mm256_srli_epi16(w, 4), nibble));
    }
  }
  static inline Weights LoadWeights(const uint8_t* indices, int64_t) {
    const __m256i* halves = reinterpret_cast<const __m256i*>(indices);
    return {_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
  }
};

struct Avx2Ready : ReadyTables<Avx2Nibbles> {
  // Offsets of 8 tables, 16 * (c + 4 d + 16 e + 64 f) of codes c to f.
  static inline __m256i OffsetsOf(__m256i codes) {
    const __m256i pairs = _mm256_maddubs_epi16(codes, _mm256_set1_epi16(0x0401));
    const __m256i quads = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x01000010));
    return _mm256_and_si256(quads, _mm256_set1_epi32(0xff0));  // whatever a code is: in the tables
  }
  static inline void Prepare(const uint8_t* codes, int32_t steps, uint8_t* to) {
    for (; steps >= 4; steps -= 4, codes += 32, to += 32) {
      const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), OffsetsOf(v));
    }
    for (; steps > 0; --steps, codes += 8, to += 8) {
      const __m256i v =
          _mm256_castsi128_si256(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes)));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(OffsetsOf(v)));
    }
  }
};

}  // namespace

void qconv_u2s1_lut32__avx2(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Avx2Ready>(params, args);
}

void qconv_u4s1_lut32__avx2(const QConvParams& params, const QConvArgs& args) {
  // A map of so few pixels uses each weight so seldom that writing it twice does not pay.
  constexpr int32_t kFewPixels = 128;
  if (params.ho * params.wo < kFewPixels) return RunBanded<Avx2>(params, args);
  RunBanded<Avx2Nibbles>(params, args);
}

}  // namespace bluestem::kernels
#endif
