// Both binary quantizers: the sign of each weight, scaled by the mean magnitude of its layer or of
// its channel. Sums run in double, in one order, so the scale has the same bits everywhere.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "bluestem/train/internal/clones.h"
#include "bluestem/train/quantizers/quantizers.h"

namespace bluestem::train {
namespace {

constexpr int64_t kLanes = 16;

// Adds |w[i]| to lane i % kLanes.
BLUESTEM_CLONES void AddMagnitudes(const float* __restrict w, int64_t count,
                                   double* __restrict lanes) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] += std::fabs(static_cast<double>(w[i + lane]));
  }
  for (; i < count; ++i) lanes[i % kLanes] += std::fabs(static_cast<double>(w[i]));
}

double SumOfMagnitudes(const float* w, int64_t count) {
  double lanes[kLanes] = {}, sum = 0;
  AddMagnitudes(w, count, lanes);
  for (const double lane : lanes) sum += lane;
  return sum;
}

BLUESTEM_CLONES void FillSigns(const float* __restrict w, int64_t count, int8_t* __restrict codes) {
  for (int64_t i = 0; i < count; ++i)
    codes[i] = static_cast<int8_t>(static_cast<int32_t>(w[i] >= 0.0F) * 2 - 1);
}

std::vector<int8_t> Signs(const float* w, int64_t count) {
  std::vector<int8_t> codes(static_cast<size_t>(count));
  FillSigns(w, count, codes.data());
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
