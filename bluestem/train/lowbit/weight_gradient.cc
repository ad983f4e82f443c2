#include "bluestem/train/lowbit/weight_gradient.h"

#include <algorithm>

namespace bluestem::train {
namespace {

void Pack(const uint8_t* maps, int32_t images, int64_t pixels, int32_t channels, int32_t block,
          uint8_t flip, uint8_t* packed) {
  for (int32_t first = 0; first < channels; first += block) {
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      for (int32_t c = first; c < first + block; ++c) {
        for (int32_t i = 0; i < kFour; ++i) {
          const uint8_t byte = i < images ? maps[(i * pixels + pixel) * channels + c] ^ flip : 0;
          *packed++ = byte;
        }
      }
    }
  }
}

void PackCodes(const uint8_t* maps, int32_t images, int64_t pixels, int32_t channels,
               uint8_t* packed) {
  Pack(maps, images, pixels, channels, 16, 0, packed);
}

void PackGradients(const uint8_t* maps, int32_t images, int64_t pixels, int32_t channels,
                   uint8_t flip, uint8_t* packed) {
  Pack(maps, images, pixels, channels, 4, flip, packed);
}

int32_t Dot(const uint8_t* codes, const uint8_t* gradients) {
  int32_t sum = 0;
  for (int32_t i = 0; i < kFour; ++i) sum += codes[i] * static_cast<int8_t>(gradients[i]);
  return sum;
}

void Add(const GradientShape& s, int32_t groups, const uint8_t* codes, const uint8_t* gradients,
         int32_t* sums) {
  const int64_t x_group = int64_t{s.h} * s.w * s.ci * kFour;
  const int64_t g_group = int64_t{s.oh} * s.ow * s.co * kFour;
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
            sum += Dot(codes + group * x_group + code * kFour,
                       gradients + group * g_group + gradient * kFour);
          }
          sums[SumsAt(s, co, kh * s.kernel + kw, ci)] += sum;
        }
      }
    }
  }
}

}  // namespace

const WeightGradientKernel kWeightGradientPortable = {kFour, PackCodes, PackGradients, Add};

const WeightGradientKernel& SelectWeightGradient(kernels::IsaSet isas) {
  const auto has = [&](kernels::Isa isa) { return (isas & kernels::IsaBit(isa)) != 0; };
  if (kWeightGradientAmx != nullptr && has(kernels::Isa::kAmx)) return *kWeightGradientAmx;
  if (kWeightGradientAddVnni != nullptr && has(kernels::Isa::kAvx512Vnni)) {
    static const WeightGradientKernel vnni = [] {
      WeightGradientKernel kernel = *kWeightGradientAvx2;
      kernel.add = kWeightGradientAddVnni;
      return kernel;
    }();
    return vnni;
  }
  if (kWeightGradientAvx2 != nullptr && has(kernels::Isa::kAvx2)) return *kWeightGradientAvx2;
  return kWeightGradientPortable;
}

}  // namespace bluestem::train
