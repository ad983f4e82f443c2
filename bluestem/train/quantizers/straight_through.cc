#include "bluestem/train/quantizers/straight_through.h"

#include <algorithm>
#include <cmath>

namespace bluestem::train {
namespace {

// Sums run in double, in order: the same bits everywhere. An all-zero layer has any unit.
double RootMeanSquare(int64_t count, const float* w) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(w[i]) * static_cast<double>(w[i]);
  return sum > 0 ? std::sqrt(sum / static_cast<double>(count)) : 1.0;
}

// Multiplies each gradient by slope(u).
template <typename Slope>
void Multiply(int64_t count, const float* w, float* gradient, const Slope& slope) {
  const double inverse = 1 / RootMeanSquare(count, w);
  for (int64_t i = 0; i < count; ++i)
    gradient[i] *= static_cast<float>(slope(static_cast<double>(w[i]) * inverse));
}

void Clipped(double, int64_t count, const float* w, float* gradient) {
  Multiply(count, w, gradient, [](double u) { return std::fabs(u) < 1 ? 1.0 : 0.0; });
}

void ApproxSign(double, int64_t count, const float* w, float* gradient) {
  Multiply(count, w, gradient, [](double u) { return std::max(0.0, 2 - 2 * std::fabs(u)); });
}

void Ede(double progress, int64_t count, const float* w, float* gradient) {
  const double t = std::pow(10.0, 2 * progress - 1), k = std::max(1 / t, 1.0);
  Multiply(count, w, gradient, [&](double u) {
    const double tanh = std::tanh(t * u);
    return k * t * (1 - tanh * tanh);
  });
}

}  // namespace

const std::vector<WeightSte>& WeightStes() {
  static const std::vector<WeightSte> rows = {
      {"identity", nullptr}, {"clipped", Clipped}, {"approx_sign", ApproxSign}, {"ede", Ede}};
  return rows;
}

const WeightSte* FindWeightSte(const std::string& name) {
  for (const WeightSte& row : WeightStes()) {
    if (name == row.name) return &row;
  }
  return nullptr;
}

}  // namespace bluestem::train
