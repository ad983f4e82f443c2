// The definition of correct: fconv.h's sum, one output after the other.
#include "bluestem/kernels/fconv/kernels.h"
#include "bluestem/kernels/fconv/layout.h"

namespace bluestem::kernels {
namespace {

float Accumulate(const FConvParams& p, const FConvArgs& args, int32_t oy, int32_t ox, int32_t co) {
  const int32_t cig = FConvGroupInputs(p);
  const int32_t group = co / FConvGroupOutputs(p);
  const int32_t output = co % FConvGroupOutputs(p);
  const int64_t block = int64_t{group} * FConvGroupBlocks(p) + output / kFConvBlock;
  const float* w = args.weights + block * FConvBlockFloats(p) + output % kFConvBlock;
  float sum = 0.0f;
  for (int32_t kh = 0; kh < p.kernel_h; ++kh) {
    for (int32_t kw = 0; kw < p.kernel_w; ++kw) {
      const int32_t iy = oy * p.stride_h - p.pad_top + kh * p.dilation_h;
      const int32_t ix = ox * p.stride_w - p.pad_left + kw * p.dilation_w;
      if (iy < 0 || iy >= p.h || ix < 0 || ix >= p.w) continue;
      const float* x = args.x + (int64_t{iy} * p.w + ix) * p.ci + group * cig;
      const float* tap = w + (int64_t{kh} * p.kernel_w + kw) * cig * kFConvBlock;
      for (int32_t ci = 0; ci < cig; ++ci) {
        const float product = x[ci] * tap[ci * kFConvBlock];
        sum = sum + product;
      }
    }
  }
  return sum;
}

}  // namespace

void fconv_f32__reference(const FConvParams& p, const FConvArgs& args) {
  float* y = args.y;
  for (int32_t oy = 0; oy < p.ho; ++oy) {
    for (int32_t ox = 0; ox < p.wo; ++ox) {
      for (int32_t co = 0; co < p.co; ++co) {
        float v = Accumulate(p, args, oy, ox, co);
        if (args.bias != nullptr) v = v + args.bias[co];
        if (args.a != nullptr) {
          const float product = v * args.a[co];
          v = product + args.b[co];
        }
        *y++ = p.relu && v < 0 ? 0.0f : v;
      }
    }
  }
}

}  // namespace bluestem::kernels
