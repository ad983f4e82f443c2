// 8-bit weights for the first and the last layer, one scale an output channel.
#include <algorithm>
#include <cmath>

#include "bluestem/train/quantizers/quantizers.h"

namespace bluestem::train {

QuantizedWeights LinearSymmetric8Bit(const float* w, int64_t co, int64_t k) {
  QuantizedWeights result{
      .bits = 8, .codes = std::vector<int8_t>(static_cast<size_t>(co * k)), .scales = {}};
  for (int64_t c = 0; c < co; ++c) {
    float greatest = 0;
    for (int64_t i = 0; i < k; ++i) greatest = std::max(greatest, std::fabs(w[c * k + i]));
    // An all-zero channel has any scale; 1/127 keeps it finite and positive.
    const float scale = (greatest > 0 ? greatest : 1.0F) / 127.0F;
    result.scales.push_back(scale);
    for (int64_t i = 0; i < k; ++i) {
      const double code =
          std::nearbyint(static_cast<double>(w[c * k + i]) / static_cast<double>(scale));
      result.codes[static_cast<size_t>(c * k + i)] =
          static_cast<int8_t>(std::clamp(code, -127.0, 127.0));
    }
  }
  return result;
}

}  // namespace bluestem::train
