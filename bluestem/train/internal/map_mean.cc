#include "bluestem/train/internal/map_mean.h"

namespace bluestem::train {

std::vector<float> MapMean(const at::Tensor& x) {
  const int64_t n = x.size(0), channels = x.size(1), pixels = x.size(2) * x.size(3);
  const auto* values = x.data_ptr<float>();
  std::vector<float> means(static_cast<size_t>(n * channels));
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t k = 0; k < channels; ++k) {
      float sum = 0;
      for (int64_t p = 0; p < pixels; ++p) sum += values[(i * pixels + p) * channels + k];
      means[static_cast<size_t>(i * channels + k)] = sum / static_cast<float>(pixels);
    }
  }
  return means;
}

at::Tensor MapMeanGradient(const at::Tensor& x, const std::vector<float>& gradient, double part) {
  const int64_t n = x.size(0), channels = x.size(1), pixels = x.size(2) * x.size(3);
  at::Tensor g = EmptyMap(n, channels, x.size(2), x.size(3));
  auto* values = g.data_ptr<float>();
  for (int64_t i = 0; i < n * pixels; ++i) {
    for (int64_t k = 0; k < channels; ++k)
      values[i * channels + k] = gradient[static_cast<size_t>((i / pixels) * channels + k)] *
                                 static_cast<float>(part) / static_cast<float>(pixels);
  }
  return g;
}

}  // namespace bluestem::train
