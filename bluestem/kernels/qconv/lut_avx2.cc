#include "bluestem/kernels/qconv/kernels.h"
#if defined(__x86_64__)
#include "bluestem/kernels/qconv/lut_x86_inl.h"

namespace bluestem::kernels {
namespace {

// Registers: 4 byte sums, 8 sums of 16 bits, 2 of nibbles, the mask and a table fill the 16.
// Two table loads and two shuffles a pixel and step; loads, shuffles and additions are even there.
struct Avx2 : Sums32 {
  static constexpr int32_t kMaxPixels = 4;
  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights));
    return {_mm256_and_si256(w, nibble), _mm256_and_si256(_mm256_srli_epi16(w, 4), nibble)};
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
