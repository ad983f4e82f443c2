// Reductions: softmax over the last axis; sum, mean and maximum over a middle axis.
#include "bluestem/kernels/elementwise/elementwise.h"

namespace bluestem::kernels {

void softmax_f32(const SoftmaxParams& params, const float* x, float* y) {
  for (int64_t row = 0; row < params.rows; ++row) {
    float maximum = x[0];
    for (int32_t c = 1; c < params.channels; ++c) maximum = x[c] > maximum ? x[c] : maximum;
    const double m = maximum;
    double sum = 0;
    for (int32_t c = 0; c < params.channels; ++c) sum += Exp(x[c] - m);
    // There is no room for the terms in double, so each is computed again.
    for (int32_t c = 0; c < params.channels; ++c) {
      y[c] = static_cast<float>(Exp(x[c] - m) / sum);
    }
    x += params.channels;
    y += params.channels;
  }
}

void reduce_f32(const ReduceParams& params, const float* x, float* y) {
  constexpr int32_t kMean = 1;
  constexpr int32_t kMaximum = 2;
  for (int64_t outer = 0; outer < params.outer; ++outer) {
    for (int64_t i = 0; i < params.inner; ++i) {
      y[i] = params.op == kMaximum ? x[i] : 0.0f + x[i];
    }
    for (int32_t k = 1; k < params.n; ++k) {
      const float* row = x + k * params.inner;
      for (int64_t i = 0; i < params.inner; ++i) {
        if (params.op == kMaximum) {
          y[i] = (row[i] > y[i] || row[i] != row[i]) ? row[i] : y[i];
        } else {
          y[i] += row[i];
        }
      }
    }
    if (params.op == kMean) {
      const float scale = 1.0f / static_cast<float>(params.n);
      for (int64_t i = 0; i < params.inner; ++i) y[i] *= scale;
    }
    x += params.n * params.inner;
    y += params.inner;
  }
}

}  // namespace bluestem::kernels
