// Weights -s, 0 and s. Sums run in double, in order, so that s has the same bits everywhere.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "bluestem/train/quantizers/quantizers.h"

namespace bluestem::train {

QuantizedWeights TernaryMeanScaling(const float* w, int64_t co, int64_t k) {
  constexpr double kThreshold = 0.7;  // of the mean magnitude: best for normal weights
  const int64_t count = co * k;
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += std::fabs(static_cast<double>(w[i]));
  const double threshold = kThreshold * sum / static_cast<double>(count);
  QuantizedWeights result{
      .bits = 2, .codes = std::vector<int8_t>(static_cast<size_t>(count)), .scales = {}};
  double above = 0;
  int64_t kept = 0;
  for (int64_t i = 0; i < count; ++i) {
    const auto x = static_cast<double>(w[i]);
    if (std::fabs(x) <= threshold) continue;
    result.codes[static_cast<size_t>(i)] = x > 0 ? 1 : -1;
    above += std::fabs(x);
    ++kept;
  }
  const double mean = kept > 0 ? above / static_cast<double>(kept) : 0.0;
  result.scales = {std::max(static_cast<float>(mean), FLT_MIN)};
  return result;
}

}  // namespace bluestem::train
