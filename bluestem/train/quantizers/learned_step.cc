// How lsq_2bit to lsq_8bit learn the step of a layer's weights.
#include <algorithm>
#include <cmath>

#include "bluestem/train/quantizers/quantizers.h"

namespace bluestem::train {
namespace {

double GreatestCode(int32_t bits) {
  return static_cast<double>((1 << (bits - 1)) - 1);
}

}  // namespace

float LsqInitialStep(int32_t bits, int64_t count, const float* w) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += std::fabs(static_cast<double>(w[i]));
  // An all-zero layer has any step.
  return sum > 0 ? static_cast<float>(2 * sum / static_cast<double>(count) /
                                      std::sqrt(GreatestCode(bits)))
                 : 1.0F;
}

QuantizedWeights LsqWeights(int32_t bits, float step, const float* w, int64_t co, int64_t k) {
  const double greatest = GreatestCode(bits);
  QuantizedWeights result{
      .bits = bits, .codes = std::vector<int8_t>(static_cast<size_t>(co * k)), .scales = {step}};
  for (int64_t i = 0; i < co * k; ++i) {
    const double code = std::nearbyint(static_cast<double>(w[i]) / static_cast<double>(step));
    result.codes[static_cast<size_t>(i)] =
        static_cast<int8_t>(std::clamp(code, -greatest, greatest));
  }
  return result;
}

double LsqStepGradient(int32_t bits, float step, int64_t count, const float* w, float* gradient) {
  const double greatest = GreatestCode(bits);
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double steps = static_cast<double>(w[i]) / static_cast<double>(step);
    const bool inside = std::fabs(steps) < greatest;
    const double slope = inside ? std::nearbyint(steps) - steps : std::copysign(greatest, steps);
    sum += slope * static_cast<double>(gradient[i]);
    if (!inside) gradient[i] = 0.0F;
  }
  return sum / std::sqrt(static_cast<double>(count) * greatest);
}

}  // namespace bluestem::train
