#include "bluestem/kernels/fconv/kernels.h"
#if defined(__x86_64__)
#include <smmintrin.h>

#include "bluestem/kernels/fconv/vector_inl.h"

namespace bluestem::kernels {
namespace {

struct Sse4 {
  static constexpr int32_t kBlocks = 1;
  struct Vector {
    __m128 low, high;
  };
  static inline Vector Zero() { return {_mm_setzero_ps(), _mm_setzero_ps()}; }
  static inline Vector Load(const float* w, int64_t) {
    return {_mm_loadu_ps(w), _mm_loadu_ps(w + 4)};
  }
  static inline Vector Add(Vector sum, float x, Vector w) {
    const __m128 xs = _mm_set1_ps(x);
    return {_mm_add_ps(sum.low, _mm_mul_ps(xs, w.low)),
            _mm_add_ps(sum.high, _mm_mul_ps(xs, w.high))};
  }
  static inline void Store(Vector sum, float* y) {
    _mm_storeu_ps(y, sum.low);
    _mm_storeu_ps(y + 4, sum.high);
  }
};

}  // namespace

void fconv_f32_co8__sse4(const FConvParams& params, const FConvArgs& args) {
  RunFConv<Sse4, 4>(params, args);
}

}  // namespace bluestem::kernels
#endif
