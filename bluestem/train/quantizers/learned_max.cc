// How pact and lsq learn the greatest value of an activation. Their codes are
// linear_mid_tread_half's.
#include <algorithm>
#include <cmath>

#include "bluestem/train/quantizers/quantizers.h"

namespace bluestem::train {

double PactMaxGradient(const ActivationSpec& spec, int64_t count, const float* x, const float* gy) {
  float sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += x[i] >= spec.max ? gy[i] : 0.0F;
  return static_cast<double>(sum);
}

double PactMaxFactor(const ActivationSpec&, int64_t) {
  return 1.0;
}

double LsqMaxGradient(const ActivationSpec& spec, int64_t count, const float* x, const float* gy) {
  const float inverse = 1.0F / spec.Scale();
  const auto levels = static_cast<float>(spec.Levels() - 1);
  float sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    const float v = std::min(std::max(x[i] * inverse, 0.0F), levels);
    const float slope =
        v < levels ? static_cast<float>(static_cast<int32_t>(v + 0.5F)) - v : levels;
    sum += gy[i] * slope;
  }
  return static_cast<double>(sum);
}

double LsqMaxFactor(const ActivationSpec& spec, int64_t features) {
  const auto levels = static_cast<double>(spec.Levels() - 1);
  return levels / std::sqrt(static_cast<double>(features) * levels);
}

}  // namespace bluestem::train
