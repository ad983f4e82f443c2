#include "bluestem/kernels/qconv/kernels.h"
#if defined(__x86_64__)
#include <smmintrin.h>

#include "bluestem/kernels/qconv/dot_inl.h"

namespace bluestem::kernels {
namespace {

inline __m128i Broadcast(const uint8_t* word) {
  int32_t bits;
  std::memcpy(&bits, word, sizeof(bits));
  return _mm_set1_epi32(bits);
}

inline __m128i Load(const uint8_t* bytes) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}

inline void Store(__m128i v, int32_t* acc) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(acc), v);
}

// Two registers of 4 outputs.
struct Pair {
  __m128i first, second;
};

struct Wide8 : WideDotStep {
  static constexpr int32_t kLanes = 8;
  static constexpr int32_t kMaxPixels = 4;
  struct Weights {
    Pair even, odd;
  };
  using Sum = Pair;
  using Wide = Pair;

  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    const __m128i w0 = Load(weights);
    const __m128i w1 = Load(weights + 16);
    return {{_mm_srai_epi16(_mm_slli_epi16(w0, 8), 8), _mm_srai_epi16(_mm_slli_epi16(w1, 8), 8)},
            {_mm_srai_epi16(w0, 8), _mm_srai_epi16(w1, 8)}};
  }
  static inline Sum ZeroSum() { return {_mm_setzero_si128(), _mm_setzero_si128()}; }
  static inline void Step(Sum& sum, const uint8_t* codes, const Weights& w) {
    const __m128i even = Broadcast(codes);
    const __m128i odd = Broadcast(codes + 4);
    sum.first = _mm_add_epi32(sum.first, _mm_madd_epi16(even, w.even.first));
    sum.second = _mm_add_epi32(sum.second, _mm_madd_epi16(even, w.even.second));
    sum.first = _mm_add_epi32(sum.first, _mm_madd_epi16(odd, w.odd.first));
    sum.second = _mm_add_epi32(sum.second, _mm_madd_epi16(odd, w.odd.second));
  }
  static inline void StoreWide(const Wide& wide, bool, int32_t* acc) {
    Store(wide.first, acc);
    Store(wide.second, acc + 4);
  }
};

struct Narrow8 : NarrowDotStep {
  static constexpr int32_t kLanes = 8;
  static constexpr int32_t kMaxPixels = 4;
  using Weights = Pair;
  using Sum = Pair;
  using Wide = Pair;

  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    return {Load(weights), Load(weights + 16)};
  }
  static inline Sum ZeroSum() { return {_mm_setzero_si128(), _mm_setzero_si128()}; }
  static inline Wide ZeroWide() { return ZeroSum(); }
  static inline void Step(Sum& sum, const uint8_t* codes, const Weights& w) {
    const __m128i x = Broadcast(codes);
    sum.first = _mm_add_epi16(sum.first, _mm_maddubs_epi16(x, w.first));
    sum.second = _mm_add_epi16(sum.second, _mm_maddubs_epi16(x, w.second));
  }
  static inline void Widen(Wide& wide, const Sum& sum) {
    const __m128i one = _mm_set1_epi16(1);
    wide.first = _mm_add_epi32(wide.first, _mm_madd_epi16(sum.first, one));
    wide.second = _mm_add_epi32(wide.second, _mm_madd_epi16(sum.second, one));
  }
  static inline void StoreWide(const Wide& wide, bool, int32_t* acc) {
    Store(wide.first, acc);
    Store(wide.second, acc + 4);
  }
};

}  // namespace

void qconv_u8s8_dot8__sse4(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Wide8>(params, args);
}

void qconv_u8s7_dot8__sse4(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Narrow8>(params, args);
}

}  // namespace bluestem::kernels
#endif
