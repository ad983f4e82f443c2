#include "bluestem/kernels/fconv/kernels.h"
#include "bluestem/kernels/fconv/vector_inl.h"

namespace bluestem::kernels {
namespace {

struct Portable {
  static constexpr int32_t kBlocks = 1;
  struct Vector {
    float lanes[kFConvBlock];
  };
  static inline Vector Zero() { return {}; }
  static inline Vector Load(const float* w, int64_t) {
    Vector v;
    for (int32_t i = 0; i < kFConvBlock; ++i) v.lanes[i] = w[i];
    return v;
  }
  static inline Vector Add(const Vector& sum, float x, const Vector& w) {
    Vector v;
    for (int32_t i = 0; i < kFConvBlock; ++i) {
      const float product = x * w.lanes[i];
      v.lanes[i] = sum.lanes[i] + product;
    }
    return v;
  }
  static inline void Store(const Vector& sum, float* y) {
    for (int32_t i = 0; i < kFConvBlock; ++i) y[i] = sum.lanes[i];
  }
};

}  // namespace

void fconv_f32_co8__portable(const FConvParams& params, const FConvArgs& args) {
  RunFConv<Portable, 1>(params, args);
}

}  // namespace bluestem::kernels
