#include "bluestem/kernels/fconv/kernels.h"
#if defined(__x86_64__)
// GCC 12 takes its own intrinsics' undefined registers for uninitialized variables.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include "bluestem/kernels/fconv/vector_inl.h"

namespace bluestem::kernels {
namespace {

// The odd last block of 8 outputs.
struct Avx512One {
  static constexpr int32_t kBlocks = 1;
  using Vector = __m256;
  static inline Vector Zero() { return _mm256_setzero_ps(); }
  static inline Vector Load(const float* w, int64_t) { return _mm256_loadu_ps(w); }
  static inline Vector Add(Vector sum, float x, Vector w) {
    return _mm256_add_ps(sum, _mm256_mul_ps(_mm256_set1_ps(x), w));
  }
  static inline void Store(Vector sum, float* y) { _mm256_storeu_ps(y, sum); }
};

// Two blocks, one in each half of a register.
struct Avx512 {
  static constexpr int32_t kBlocks = 2;
  using One = Avx512One;
  using Vector = __m512;
  static inline Vector Zero() { return _mm512_setzero_ps(); }
  static inline Vector Load(const float* w, int64_t next) {
    const __m512d low = _mm512_castps_pd(_mm512_castps256_ps512(_mm256_loadu_ps(w)));
    const __m256d high = _mm256_castps_pd(_mm256_loadu_ps(w + next));
    return _mm512_castpd_ps(_mm512_insertf64x4(low, high, 1));
  }
  static inline Vector Add(Vector sum, float x, Vector w) {
    return _mm512_add_ps(sum, _mm512_mul_ps(_mm512_set1_ps(x), w));
  }
  static inline void Store(Vector sum, float* y) { _mm512_storeu_ps(y, sum); }
};

}  // namespace

void fconv_f32_co8__avx512(const FConvParams& params, const FConvArgs& args) {
  RunFConv<Avx512, 8>(params, args);
}

}  // namespace bluestem::kernels
#endif
