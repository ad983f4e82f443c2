#include "bluestem/kernels/qconv/kernels.h"
#if defined(__x86_64__)
#include "bluestem/kernels/qconv/dot_avx512_inl.h"

namespace bluestem::kernels {
namespace {

struct Wide32 : Lanes32<WideDotStep> {
  static constexpr int32_t kMaxPixels = 8;
  struct Weights {
    Pair even, odd;
  };

  static void Prepare(const uint8_t* codes, int32_t steps, uint8_t* to) {
    PrepareWide(codes, steps, to);
  }
  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    const __m512i w0 = Load(weights);
    const __m512i w1 = Load(weights + 64);
    return {{_mm512_srai_epi16(_mm512_slli_epi16(w0, 8), 8),
             _mm512_srai_epi16(_mm512_slli_epi16(w1, 8), 8)},
            {_mm512_srai_epi16(w0, 8), _mm512_srai_epi16(w1, 8)}};
  }
  static inline void Step(Sum& sum, const uint8_t* codes, const Weights& w) {
    const __m512i even = Broadcast(codes);
    const __m512i odd = Broadcast(codes + 4);
    sum.first = _mm512_add_epi32(sum.first, _mm512_madd_epi16(even, w.even.first));
    sum.second = _mm512_add_epi32(sum.second, _mm512_madd_epi16(even, w.even.second));
    sum.first = _mm512_add_epi32(sum.first, _mm512_madd_epi16(odd, w.odd.first));
    sum.second = _mm512_add_epi32(sum.second, _mm512_madd_epi16(odd, w.odd.second));
  }
};

struct Narrow32 : Lanes32<NarrowDotStep> {
  static constexpr int32_t kMaxPixels = 4;
  using Weights = Pair;

  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    return {Load(weights), Load(weights + 64)};
  }
  static inline void Step(Sum& sum, const uint8_t* codes, const Weights& w) {
    const __m512i x = Broadcast(codes);
    sum.first = _mm512_add_epi16(sum.first, _mm512_maddubs_epi16(x, w.first));
    sum.second = _mm512_add_epi16(sum.second, _mm512_maddubs_epi16(x, w.second));
  }
  static inline void Widen(Wide& wide, const Sum& sum) {
    const __m512i one = _mm512_set1_epi16(1);
    wide.first = _mm512_add_epi32(wide.first, _mm512_madd_epi16(sum.first, one));
    wide.second = _mm512_add_epi32(wide.second, _mm512_madd_epi16(sum.second, one));
  }
};

}  // namespace

void qconv_u8s8_dot32__avx512(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Wide32>(params, args);
}

void qconv_u8s7_dot32__avx512(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Narrow32>(params, args);
}

}  // namespace bluestem::kernels
#endif
