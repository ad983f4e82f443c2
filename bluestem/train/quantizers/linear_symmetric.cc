// Weights of 3 to 8 bits, one scale an output channel.
#include <algorithm>
#include <cmath>

#include "bluestem/train/quantizers/quantizers.h"

namespace bluestem::train {

QuantizedWeights LinearSymmetric(int32_t bits, const float* w, int64_t co, int64_t k) {
  const auto limit = static_cast<double>((1 << (bits - 1)) - 1);
  QuantizedWeights result{
      .bits = bits, .codes = std::vector<int8_t>(static_cast<size_t>(co * k)), .scales = {}};
  for (int64_t c = 0; c < co; ++c) {
    float greatest = 0;
    for (int64_t i = 0; i < k; ++i) greatest = std::max(greatest, std::fabs(w[c * k + i]));
    // An all-zero channel has any scale; 1/limit keeps it finite and positive.
    const float scale = (greatest > 0 ? greatest : 1.0F) / static_cast<float>(limit);
    result.scales.push_back(scale);
    for (int64_t i = 0; i < k; ++i) {
      const double code =
          std::nearbyint(static_cast<double>(w[c * k + i]) / static_cast<double>(scale));
      result.codes[static_cast<size_t>(c * k + i)] =
          static_cast<int8_t>(std::clamp(code, -limit, limit));
    }
  }
  return result;
}

}  // namespace bluestem::train
