#include "bluestem/kernels/qconv/kernels.h"
#if defined(__x86_64__)
// GCC 12 takes its own intrinsics' undefined registers for uninitialized variables.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include "bluestem/kernels/qconv/lut_avx512_inl.h"

namespace bluestem::kernels {
namespace {

// The table of four codes of 2 bits is one of 256, which are always at hand: 4 KB.
struct QuadTables {
  alignas(64) uint8_t of[256][16];
};
constexpr QuadTables MakeQuadTables() {
  QuadTables tables = {};
  for (int32_t codes = 0; codes < 256; ++codes) {
    for (int32_t n = 0; n < 16; ++n) {
      int32_t sum = 0;
      for (int32_t i = 0; i < 4; ++i) sum += (n >> i) % 2 * (codes >> 2 * i) % 4;
      tables.of[codes][n] = static_cast<uint8_t>(sum);
    }
  }
  return tables;
}
constexpr QuadTables kQuads = MakeQuadTables();

// Codes become offsets of their tables: nothing is built, and the ring is small.
template <typename Base>
struct Offsets : Base {
  static constexpr int32_t kStepBytes = 8;
  static constexpr BandStep kBandStep = kOffsetBandStep;

  static inline void Step(typename Base::Sum& sum, const uint8_t* offsets,
                          const typename Base::Weights& w) {
    uint64_t both;
    std::memcpy(&both, offsets, sizeof(both));
    const auto low = static_cast<uint32_t>(both);
    const auto high = both >> 32;
    Base::LookUp(sum, kQuads.of[0] + low, w.low);
    Base::LookUp(sum, kQuads.of[0] + high, w.high);
  }
  static void PreparePixels(const uint8_t* codes, int32_t channels, int32_t pixels, uint8_t* to,
                            int32_t* sums) {
    const __m512i zero = _mm512_setzero_si512();
    const __m512i pairs = _mm512_set1_epi16(0x0401);
    const __m512i quads = _mm512_set1_epi32(0x01000010);
    const __m512i within = _mm512_set1_epi32(0xff0);  // a code that is none stays in the tables
    for (; pixels > 0; --pixels) {
      __m512i sum = zero;
      for (int32_t left = channels; left > 0; left -= 64) {
        const int32_t count = left < 64 ? left : 64;
        const int32_t bytes = CeilDiv(count, Base::kStepChannels) * kStepBytes;
        const __m512i v = _mm512_maskz_loadu_epi8(~uint64_t{0} >> (64 - count), codes);
        sum = _mm512_add_epi64(sum, _mm512_sad_epu8(v, zero));
        const __m512i sums4 = _mm512_madd_epi16(_mm512_maddubs_epi16(v, pairs), quads);
        _mm512_mask_storeu_epi8(to, ~uint64_t{0} >> (64 - bytes), _mm512_and_si512(sums4, within));
        codes += count;
        to += bytes;
      }
      *sums++ = static_cast<int32_t>(_mm512_reduce_add_epi64(sum));
    }
  }
  // Instances that are never run: groups == 1.
  static inline void Prepare(const uint8_t*, int32_t, uint8_t*) {}
  static inline int32_t SumCodes(const uint8_t*, int32_t) { return 0; }
};

struct OffsetsWide : Offsets<Avx512> {
  using Narrow = Offsets<Avx512Narrow>;
};

}  // namespace

void qconv_u2s1_lut64__avx512(const QConvParams& params, const QConvArgs& args) {
  RunBanded<OffsetsWide>(params, args);
}

void qconv_u4s1_lut64__avx512(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Avx512>(params, args);
}

}  // namespace bluestem::kernels
#endif
