// aarch64 only: armv7's NEON flushes denormals, so there the portable kernel uses VFP.
#include "bluestem/kernels/fconv/kernels.h"
#if defined(__aarch64__)
#include <arm_neon.h>

#include "bluestem/kernels/fconv/vector_inl.h"

namespace bluestem::kernels {
namespace {

struct Neon {
  static constexpr int32_t kBlocks = 1;
  struct Vector {
    float32x4_t low, high;
  };
  static inline Vector Zero() { return {vdupq_n_f32(0), vdupq_n_f32(0)}; }
  static inline Vector Load(const float* w, int64_t) { return {vld1q_f32(w), vld1q_f32(w + 4)}; }
  // Not vmla: the product is rounded before it is added.
  static inline Vector Add(Vector sum, float x, Vector w) {
    return {vaddq_f32(sum.low, vmulq_n_f32(w.low, x)), vaddq_f32(sum.high, vmulq_n_f32(w.high, x))};
  }
  static inline void Store(Vector sum, float* y) {
    vst1q_f32(y, sum.low);
    vst1q_f32(y + 4, sum.high);
  }
};

}  // namespace

void fconv_f32_co8__neon(const FConvParams& params, const FConvArgs& args) {
  RunFConv<Neon, 8>(params, args);
}

}  // namespace bluestem::kernels
#endif
