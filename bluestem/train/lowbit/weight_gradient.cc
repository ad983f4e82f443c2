#include "bluestem/train/lowbit/weight_gradient.h"

#include <algorithm>

namespace bluestem::train {
namespace {

void Pack(const uint8_t* maps, int32_t images, int64_t pixels, int32_t channels, int32_t block,
          uint8_t flip, uint8_t* packed) {
  for (int32_t first = 0; first < channels; first += block) {
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      for (int32_t c = first; c < first + block; ++c) {
        for (int32_t i = 0; i < kGradientImages; ++i) {
          const uint8_t byte = i < images ? maps[(i * pixels + pixel) * channels + c] ^ flip : 0;
          *packed++ = byte;
        }
      }
    }
  }
}

int32_t Dot(const uint8_t* codes, const uint8_t* gradients) {
  int32_t sum = 0;
  for (int32_t i = 0; i < kGradientImages; ++i) sum += codes[i] * static_cast<int8_t>(gradients[i]);
  return sum;
}

void Add(const GradientShape& s, int32_t groups, const uint8_t* codes, const uint8_t* gradients,
         int32_t* sums) {
  const int64_t x_group = int64_t{s.h} * s.w * s.ci * kGradientImages;
  const int64_t g_group = int64_t{s.oh} * s.ow * s.co * kGradientImages;
  for (int32_t co = 0; co < s.co; ++co) {
    for (int32_t kh = 0; kh < s.kernel; ++kh) {
      for (int32_t kw = 0; kw < s.kernel; ++kw) {
        for (int32_t ci = 0; ci < s.ci; ++ci) {
          int32_t sum = 0;
          for (int64_t at = 0; at < int64_t{groups} * s.oh * s.ow; ++at) {
            const int64_t group = at / (s.oh * s.ow), pixel = at % (s.oh * s.ow);
            const int64_t y = pixel / s.ow - s.pad + kh, x = pixel % s.ow - s.pad + kw;
            if (y < 0 || y >= s.h || x < 0 || x >= s.w) continue;
            const int64_t code = (ci / 16 * int64_t{s.h} * s.w + y * s.w + x) * 16 + ci % 16;
            const int64_t gradient = (co / 4 * int64_t{s.oh} * s.ow + pixel) * 4 + co % 4;
            sum += Dot(codes + group * x_group + code * kGradientImages,
                       gradients + group * g_group + gradient * kGradientImages);
          }
          sums[SumsAt(s, co, kh * s.kernel + kw, ci)] += sum;
        }
      }
    }
  }
}

}  // namespace

const WeightGradientKernel kWeightGradientPortable = {Pack, Add};

const WeightGradientKernel& SelectWeightGradient(kernels::IsaSet isas) {
  const bool avx2 =
      kWeightGradientAvx2 != nullptr && (isas & kernels::IsaBit(kernels::Isa::kAvx2)) != 0;
  return avx2 ? *kWeightGradientAvx2 : kWeightGradientPortable;
}

}  // namespace bluestem::train
