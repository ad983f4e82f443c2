#include "bluestem/kernels/qconv/kernels.h"
#if defined(__x86_64__)
#include <immintrin.h>

#include "bluestem/kernels/qconv/dot_inl.h"

namespace bluestem::kernels {
namespace {

inline __m256i Broadcast(const uint8_t* word) {
  int32_t bits;
  std::memcpy(&bits, word, sizeof(bits));
  return _mm256_set1_epi32(bits);
}

inline __m256i Load(const uint8_t* bytes) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
}

inline void Store(__m256i v, int32_t* acc) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(acc), v);
}

// Two registers of 8 outputs.
struct Pair {
  __m256i first, second;
};

// Registers: 8 sums, 4 of widened weights, 2 of codes.
struct Wide16 : WideDotStep {
  static constexpr int32_t kLanes = 16;
  static constexpr int32_t kMaxPixels = 4;
  struct Weights {
    Pair even, odd;
  };
  using Sum = Pair;
  using Wide = Pair;

  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    const __m256i w0 = Load(weights);
    const __m256i w1 = Load(weights + 32);
    return {{_mm256_srai_epi16(_mm256_slli_epi16(w0, 8), 8),
             _mm256_srai_epi16(_mm256_slli_epi16(w1, 8), 8)},
            {_mm256_srai_epi16(w0, 8), _mm256_srai_epi16(w1, 8)}};
  }
  static inline Sum ZeroSum() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static inline void Step(Sum& sum, const uint8_t* codes, const Weights& w) {
    const __m256i even = Broadcast(codes);
    const __m256i odd = Broadcast(codes + 4);
    sum.first = _mm256_add_epi32(sum.first, _mm256_madd_epi16(even, w.even.first));
    sum.second = _mm256_add_epi32(sum.second, _mm256_madd_epi16(even, w.even.second));
    sum.first = _mm256_add_epi32(sum.first, _mm256_madd_epi16(odd, w.odd.first));
    sum.second = _mm256_add_epi32(sum.second, _mm256_madd_epi16(odd, w.odd.second));
  }
  static inline void StoreWide(const Wide& wide, int32_t, bool, int32_t* acc) {
    Store(wide.first, acc);
    Store(wide.second, acc + 8);
  }
};

// Registers: 8 sums of 16 bits; the 8 of 32 bits are needed only once a chunk.
struct Narrow16 : NarrowDotStep {
  static constexpr int32_t kLanes = 16;
  static constexpr int32_t kMaxPixels = 4;
  using Weights = Pair;
  using Sum = Pair;
  using Wide = Pair;

  static inline Weights LoadWeights(const uint8_t* weights, int64_t) {
    return {Load(weights), Load(weights + 32)};
  }
  static inline Sum ZeroSum() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static inline Wide ZeroWide() { return ZeroSum(); }
  static inline void Step(Sum& sum, const uint8_t* codes, const Weights& w) {
    const __m256i x = Broadcast(codes);
    sum.first = _mm256_add_epi16(sum.first, _mm256_maddubs_epi16(x, w.first));
    sum.second = _mm256_add_epi16(sum.second, _mm256_maddubs_epi16(x, w.second));
  }
  static inline void Widen(Wide& wide, const Sum& sum) {
    const __m256i one = _mm256_set1_epi16(1);
    wide.first = _mm256_add_epi32(wide.first, _mm256_madd_epi16(sum.first, one));
    wide.second = _mm256_add_epi32(wide.second, _mm256_madd_epi16(sum.second, one));
  }
  static inline void StoreWide(const Wide& wide, int32_t, bool, int32_t* acc) {
    Store(wide.first, acc);
    Store(wide.second, acc + 8);
  }
};

}  // namespace

void qconv_u8s8_dot16__avx2(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Wide16>(params, args);
}

void qconv_u4s8_dot16__avx2(const QConvParams& params, const QConvArgs& args) {
  RunBanded<Narrow16>(params, args);
}

}  // namespace bluestem::kernels
#endif
