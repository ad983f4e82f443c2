// The definition of correct: the sums and epilogues of qconv.h, one output after the other.
#include "bluestem/kernels/qconv/kernels.h"
#include "bluestem/kernels/qconv/layout.h"

namespace bluestem::kernels {
namespace {

int32_t Accumulate(const QConvParams& p, const QConvArgs& args, int32_t oy, int32_t ox,
                   int32_t co) {
  const int32_t group = co / GroupOutputs(p);
  const int32_t output = co % GroupOutputs(p);
  const int64_t block_index = int64_t{group} * GroupBlocks(p) + output / kQConvBlock;
  const uint8_t* block = args.weights + block_index * BlockBytes(p);
  int32_t acc = 0;
  for (int32_t kh = 0; kh < p.kernel_h; ++kh) {
    for (int32_t kw = 0; kw < p.kernel_w; ++kw) {
      const int32_t iy = oy * p.stride_h - p.pad_top + kh * p.dilation_h;
      const int32_t ix = ox * p.stride_w - p.pad_left + kw * p.dilation_w;
      const bool inside = iy >= 0 && iy < p.h && ix >= 0 && ix < p.w;
      for (int32_t ci = 0; ci < GroupInputs(p); ++ci) {
        int32_t code = p.pad_value;
        if (inside) {
          code = args.x[(int64_t{iy} * p.w + ix) * p.ci + group * GroupInputs(p) + ci];
        }
        const int32_t tap = kh * p.kernel_w + kw;
        acc += code * PackedWeight(p, block, tap, ci, output % kQConvBlock);
      }
    }
  }
  return acc;
}

uint8_t Threshold(const QConvParams& p, const QConvArgs& args, int32_t acc, int32_t co) {
  const int32_t* t = args.thresholds + int64_t{co} * (p.levels - 1);
  int32_t code = 0;
  for (int32_t k = 0; k < p.levels - 1; ++k) {
    code += args.directions[co] > 0 ? acc >= t[k] : acc <= t[k];
  }
  return static_cast<uint8_t>(code);
}

float Affine(const QConvParams& p, const QConvArgs& args, int32_t acc, int32_t co) {
  const float product = static_cast<float>(acc) * args.a[co];
  const float v = product + args.b[co];
  return p.relu && v < 0 ? 0.0f : v;
}

}  // namespace

void qconv_u8s8__reference(const QConvParams& p, const QConvArgs& args) {
  int64_t at = 0;
  for (int32_t oy = 0; oy < p.ho; ++oy) {
    for (int32_t ox = 0; ox < p.wo; ++ox) {
      for (int32_t co = 0; co < p.co; ++co, ++at) {
        int32_t acc = Accumulate(p, args, oy, ox, co);
        if (p.epilogue == QConvEpilogue::kThreshold) {
          if (p.residual_bits != 0) acc += args.ratios[co] * args.residual[at];
          static_cast<uint8_t*>(args.y)[at] = Threshold(p, args, acc, co);
        } else if (p.epilogue == QConvEpilogue::kAffine) {
          static_cast<float*>(args.y)[at] = Affine(p, args, acc, co);
        } else {
          static_cast<int32_t*>(args.y)[at] = acc;
        }
      }
    }
  }
}

}  // namespace bluestem::kernels
