#include "bluestem/kernels/fconv/kernels.h"
#if defined(__x86_64__)
#include <immintrin.h>

#include "bluestem/kernels/fconv/vector_inl.h"

namespace bluestem::kernels {
namespace {

struct Avx2 {
  static constexpr int32_t kBlocks = 1;
  using Vector = __m256;
  static inline Vector Zero() { return _mm256_setzero_ps(); }
  static inline Vector Load(const float* w, int64_t) { return _mm256_loadu_ps(w); }
  static inline Vector Add(Vector sum, float x, Vector w) {
    return _mm256_add_ps(sum, _mm256_mul_ps(_mm256_set1_ps(x), w));
  }
  static inline void Store(Vector sum, float* y) { _mm256_storeu_ps(y, sum); }
};

}  // namespace

void fconv_f32_co8__avx2(const FConvParams& params, const FConvArgs& args) {
  RunFConv<Avx2, 8>(params, args);
}

}  // namespace bluestem::kernels
#endif
