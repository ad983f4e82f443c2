// Both binary quantizers: the sign of each weight, scaled by the mean magnitude of its layer or of
// its channel. Sums run in double, in order, so the scale has the same bits everywhere.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "bluestem/train/quantizers/quantizers.h"

namespace bluestem::train {
namespace {

double SumOfMagnitudes(const float* w, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += std::fabs(static_cast<double>(w[i]));
  return sum;
}

std::vector<int8_t> Signs(const float* w, int64_t count) {
  std::vector<int8_t> codes(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) codes[static_cast<size_t>(i)] = w[i] >= 0.0F ? 1 : -1;
  return codes;
}

// A scale is above zero even where every weight is zero: formats and thresholds rely on it.
float Positive(double scale) {
  return std::max(static_cast<float>(scale), FLT_MIN);
}

}  // namespace

QuantizedWeights BinaryMeanScaling(const float* w, int64_t co, int64_t k) {
  const double mean = SumOfMagnitudes(w, co * k) / static_cast<double>(co * k);
  return {.bits = 1, .codes = Signs(w, co * k), .scales = {Positive(mean)}};
}

QuantizedWeights BinaryChannelWiseMeanScaling(const float* w, int64_t co, int64_t k) {
  QuantizedWeights result{.bits = 1, .codes = Signs(w, co * k), .scales = {}};
  for (int64_t c = 0; c < co; ++c) {
    result.scales.push_back(Positive(SumOfMagnitudes(w + c * k, k) / static_cast<double>(k)));
  }
  return result;
}

}  // namespace bluestem::train
