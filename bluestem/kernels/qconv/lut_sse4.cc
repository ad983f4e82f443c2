#include "bluestem/kernels/qconv/kernels.h"
#if defined(__x86_64__)
#include <smmintrin.h>

#include "bluestem/kernels/qconv/lut_inl.h"

namespace bluestem::kernels {
namespace {

// Half a block: 16 outputs. Sums as in lut_avx2.cc: words = even + 256 odd, modulo 2^16.
struct Sse4 : EvenOddFinish<16> {
  static constexpr int32_t kLanes = 16;
  static constexpr int32_t kMaxPixels = 4;
  struct Weights {
    __m128i low, high;
  };
  using Sum = __m128i;
  struct Wide {
    __m128i words, odd;
  };

  static inline __m128i Load(const void* bytes) {
    return _mm_loadu_si128(static_cast<const __m128i*>(bytes));
  }
  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    const __m128i nibble = _mm_set1_epi8(15);
    const __m128i w = Load(weights);
    return {_mm_and_si128(w, nibble), _mm_and_si128(_mm_srli_epi16(w, 4), nibble)};
  }
  static inline Sum ZeroSum() { return _mm_setzero_si128(); }
  static inline Wide ZeroWide() { return {_mm_setzero_si128(), _mm_setzero_si128()}; }
  static inline void Step(Sum& sum, const uint8_t* tables, const Weights& w) {
    sum = _mm_add_epi8(sum, _mm_shuffle_epi8(Load(tables), w.low));
    sum = _mm_add_epi8(sum, _mm_shuffle_epi8(Load(tables + 16), w.high));
  }
  static inline void Widen(Wide& wide, Sum sum) {
    wide.words = _mm_add_epi16(wide.words, sum);
    wide.odd = _mm_add_epi16(wide.odd, _mm_srli_epi16(sum, 8));
  }
  static inline void Store4(__m128i words, bool add, int32_t* acc) {
    __m128i v = _mm_cvtepu16_epi32(words);
    if (add) v = _mm_add_epi32(v, Load(acc));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(acc), v);
  }
  static inline Values ValuesOf(const Wide& wide, int32_t window) {
    const __m128i even = _mm_sub_epi16(wide.words, _mm_slli_epi16(wide.odd, 8));
    return ValuesOfHalves(reinterpret_cast<Half>(even), reinterpret_cast<Half>(wide.odd), window);
  }
  static inline void StoreWide(const Wide& wide, bool add, int32_t* acc) {
    const __m128i even = _mm_sub_epi16(wide.words, _mm_slli_epi16(wide.odd, 8));
    const __m128i first = _mm_unpacklo_epi16(even, wide.odd);
    const __m128i second = _mm_unpackhi_epi16(even, wide.odd);
    Store4(first, add, acc);
    Store4(_mm_srli_si128(first, 8), add, acc + 4);
    Store4(second, add, acc + 8);
    Store4(_mm_srli_si128(second, 8), add, acc + 12);
  }
};

}  // namespace

void qconv_u4s1_lut16__sse4(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Sse4>(params, args);
}

}  // namespace bluestem::kernels
#endif
