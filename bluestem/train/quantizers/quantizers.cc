#include "bluestem/train/quantizers/quantizers.h"

#include <algorithm>

namespace bluestem::train {

const std::vector<WeightQuantizer>& WeightQuantizers() {
  static const std::vector<WeightQuantizer> rows = {
      {"binary_mean_scaling", 1, BinaryMeanScaling},
      {"binary_channel_wise_mean_scaling", 1, BinaryChannelWiseMeanScaling},
      {"linear_symmetric_8bit", 8, LinearSymmetric8Bit},
      {"none", 0, nullptr},
  };
  return rows;
}

const std::vector<ActivationQuantizer>& ActivationQuantizers() {
  static const std::vector<ActivationQuantizer> rows = {
      {"linear_mid_tread_half", true, LinearMidTreadHalfForward, LinearMidTreadHalfCodes,
       LinearMidTreadHalfBackward},
      {"none", false, ReluForward, nullptr, ReluBackward},
  };
  return rows;
}

const WeightQuantizer* FindWeightQuantizer(const std::string& name) {
  for (const WeightQuantizer& row : WeightQuantizers()) {
    if (name == row.name) return &row;
  }
  return nullptr;
}

const ActivationQuantizer* FindActivationQuantizer(const std::string& name) {
  for (const ActivationQuantizer& row : ActivationQuantizers()) {
    if (name == row.name) return &row;
  }
  return nullptr;
}

void WeightValues(const WeightQuantizer& quantizer, const float* w, int64_t co, int64_t k,
                  float* values) {
  if (quantizer.bits == 0) {
    std::copy(w, w + co * k, values);
    return;
  }
  const QuantizedWeights quantized = quantizer.quantize(w, co, k);
  for (int64_t c = 0; c < co; ++c) {
    const float scale = quantized.scales[quantized.scales.size() == 1 ? 0 : static_cast<size_t>(c)];
    const int8_t* codes = quantized.codes.data() + c * k;
    for (int64_t i = 0; i < k; ++i) values[c * k + i] = static_cast<float>(codes[i]) * scale;
  }
}

}  // namespace bluestem::train
