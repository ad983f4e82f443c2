#include "bluestem/train/internal/exact_math.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bluestem/kernels/elementwise/elementwise.h"
#include "bluestem/train/internal/clones.h"

namespace bluestem::train {

void Chain::Folded(std::vector<float>& multiply, std::vector<float>& add) const {
  for (size_t c = 0; c < scale.size(); ++c) {
    double m = scale[c], d = bias.empty() ? 0.0 : bias[c];
    if (!a.empty()) {
      m = m * a[c];
      d = d * a[c] + b[c];
    }
    multiply.push_back(static_cast<float>(m));
    add.push_back(static_cast<float>(d));
  }
}

Chain MakeChain(const BlockConstants& constants, float epsilon, int64_t channels, double x_scale,
                bool integer) {
  Chain chain;
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    const std::vector<float>& scales = constants.weights.scales;
    chain.scale.push_back(
        integer ? x_scale * static_cast<double>(scales[scales.size() == 1 ? 0 : c]) : 1.0);
    if (!constants.bias.empty()) chain.bias.push_back(static_cast<double>(constants.bias[c]));
    if (constants.beta.empty()) continue;
    const double a =
        static_cast<double>(constants.gamma[c]) /
        std::sqrt(static_cast<double>(constants.variance[c]) + static_cast<double>(epsilon));
    chain.a.push_back(a);
    chain.b.push_back(static_cast<double>(constants.beta[c]) -
                      static_cast<double>(constants.mean[c]) * a);
  }
  return chain;
}

float Code(double v, const ActivationSpec& spec) {
  const double code = std::floor(v / static_cast<double>(spec.Scale()) + 0.5);
  return static_cast<float>(std::clamp(code, 0.0, static_cast<double>(spec.Levels() - 1)));
}

std::vector<float> PackForRealConv(const float* w, int64_t co, int64_t k) {
  std::vector<float> packed(static_cast<size_t>(co * k));
  for (int64_t c = 0; c < co; ++c) {
    for (int64_t i = 0; i < k; ++i) packed[static_cast<size_t>(i * co + c)] = w[c * k + i];
  }
  return packed;
}

namespace {

// sum[c] += x * w[c]: product and sum rounded one after the other.
BLUESTEM_CLONES void AddTaps(int64_t taps, int64_t co, const float* __restrict x,
                             const float* __restrict w, float* __restrict sum) {
  for (int64_t i = 0; i < taps; ++i, w += co) {
    for (int64_t c = 0; c < co; ++c) sum[c] += x[i] * w[c];
  }
}

}  // namespace

void RunRealConv(const RealConv& conv, const float* x, float* y) {
  const Block& block = *conv.block;
  const BlockShape& s = *conv.shape;
  for (int64_t oy = 0; oy < s.conv_h; ++oy) {
    for (int64_t ox = 0; ox < s.conv_w; ++ox, y += s.co) {
      std::fill(y, y + s.co, 0.0F);
      for (int64_t kh = 0; kh < block.kernel; ++kh) {
        const int64_t iy = oy * block.stride - block.pad + kh;
        if (iy < 0 || iy >= s.h) continue;
        for (int64_t kw = 0; kw < block.kernel; ++kw) {
          const int64_t ix = ox * block.stride - block.pad + kw;
          if (ix < 0 || ix >= s.w) continue;
          AddTaps(s.ci, s.co, x + (iy * s.w + ix) * s.ci,
                  conv.packed + (kh * block.kernel + kw) * s.ci * s.co, y);
        }
      }
      for (int64_t c = 0; conv.bias != nullptr && c < s.co; ++c) y[c] += conv.bias[c];
    }
  }
}

void RunMaxPool(int64_t h, int64_t w, int64_t c, int64_t side, const float* x, float* y) {
  for (int64_t oy = 0; oy < h / side; ++oy) {
    for (int64_t ox = 0; ox < w / side; ++ox, y += c) {
      std::fill(y, y + c, -std::numeric_limits<float>::infinity());
      for (int64_t tap = 0; tap < side * side; ++tap) {
        const float* from = x + ((oy * side + tap / side) * w + ox * side + tap % side) * c;
        for (int64_t ch = 0; ch < c; ++ch) y[ch] = std::max(y[ch], from[ch]);
      }
    }
  }
}

void RunSpaceToDepth(int64_t h, int64_t w, int64_t c, int64_t side, const float* x, float* y) {
  for (int64_t oy = 0; oy < h / side; ++oy) {
    for (int64_t ox = 0; ox < w / side; ++ox) {
      for (int64_t tap = 0; tap < side * side; ++tap, y += c) {
        const float* from = x + ((oy * side + tap / side) * w + ox * side + tap % side) * c;
        std::copy(from, from + c, y);
      }
    }
  }
}

void RunShortcut(const Picked& p, const float* x, float* y) {
  for (int64_t oy = 0; oy < p.to_h; ++oy) {
    for (int64_t ox = 0; ox < p.to_w; ++ox, y += p.to_c) {
      const float* from = x + (oy * p.w + ox) * p.stride * p.c;
      std::copy(from, from + p.c, y);
      std::fill(y + p.c, y + p.to_c, 0.0F);
    }
  }
}

void Sigmoids(int64_t count, const float* x, float* y) {
  kernels::unary_f32({.op = kernels::UnaryOp::kSigmoid, .count = count, .p0 = 0, .p1 = 0}, x, y);
}

void RunMean(int64_t pixels, int64_t c, const float* x, float* y) {
  std::fill_n(y, c, 0.0F);
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t ch = 0; ch < c; ++ch) y[ch] += x[p * c + ch];
  }
  const float share = 1.0F / static_cast<float>(pixels);
  for (int64_t ch = 0; ch < c; ++ch) y[ch] *= share;
}

void RunHead(Head head, int64_t c, const float* x, float* probabilities) {
  if (head == Head::kSigmoid) return Sigmoids(c, x, probabilities);
  kernels::softmax_f32({.rows = 1, .channels = static_cast<int32_t>(c)}, x, probabilities);
}

}  // namespace bluestem::train
