// The arithmetic of exact evaluation on plain arrays: rules 2, 3, 4, 6 of
// bluestem/ir/ops/README.md. No LibTorch. Threads: free functions without state.
#pragma once

#include <cstdint>
#include <vector>

#include "bluestem/train/internal/exact.h"

namespace bluestem::train {

// Per channel in double: scale = s_x * s_w, then bias, then x*a + b of the batch norm (absent ones
// are empty).
struct Chain {
  std::vector<double> scale, bias, a, b;
  // Rule 3: the value that a quantizer sees.
  double Value(float accumulator, size_t c) const {
    double v = static_cast<double>(accumulator) * scale[c];
    if (!bias.empty()) v += bias[c];
    if (!a.empty()) v = v * a[c] + b[c];
    return v;
  }
  // Rule 4: the same folded to one f32 multiply and add.
  void Folded(std::vector<float>& multiply, std::vector<float>& add) const;
};
// `x_scale`: of the codes that the block reads. Real inputs have no chain scale: pass 1 and weights
// without scales.
Chain MakeChain(const BlockConstants& constants, float epsilon, int64_t channels, double x_scale,
                bool integer);

// floor(v / scale + 1/2), clipped to 0 .. levels - 1.
float Code(double v, const ActivationSpec& spec);

// Rule 2: x [h, w, ci], w [co, kernel*kernel*ci], y [conv_h, conv_w, co]; then the bias.
struct RealConv {
  const Block* block;
  const BlockShape* shape;
  const float* packed;  // PackForRealConv
  const float* bias;    // or null
};
// Returns weights as [kernel*kernel*ci][co].
std::vector<float> PackForRealConv(const float* w, int64_t co, int64_t k);
void RunRealConv(const RealConv& conv, const float* x, float* y);

// Maximum over side x side windows of [h, w, c].
void RunMaxPool(int64_t h, int64_t w, int64_t c, int64_t side, const float* x, float* y);
// [h, w, c] -> [h/side, w/side, side*side*c], channel (dy*side + dx)*c + ch.
void RunSpaceToDepth(int64_t h, int64_t w, int64_t c, int64_t side, const float* x, float* y);
// What a code_shortcut adds, [to_h, to_w, to_c], of [h, w, c]: each stride-th pixel, zeros from
// channel c on.
struct Picked {
  int64_t h, w, c, stride, to_h, to_w, to_c;
};
void RunShortcut(const Picked& picked, const float* x, float* y);
// y[i] = sigmoid(x[i]), by the kernel that artefacts have.
void Sigmoids(int64_t count, const float* x, float* y);
// y[ch] = the mean over [pixels, c], in order, times f32(1/pixels).
void RunMean(int64_t pixels, int64_t c, const float* x, float* y);
void RunHead(Head head, int64_t c, const float* x, float* probabilities);

}  // namespace bluestem::train
