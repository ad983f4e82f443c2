#include "bluestem/train/quantizers/quantizers.h"

#include <algorithm>

#include "bluestem/base/check.h"

namespace bluestem::train {
namespace {

template <int32_t kBits>
QuantizedWeights Linear(const float* w, int64_t co, int64_t k) {
  return LinearSymmetric(kBits, w, co, k);
}

}  // namespace

const std::vector<WeightQuantizer>& WeightQuantizers() {
  static const std::vector<WeightQuantizer> rows = {
      {"binary_mean_scaling", 1, BinaryMeanScaling},
      {"binary_channel_wise_mean_scaling", 1, BinaryChannelWiseMeanScaling},
      {"ternary_mean_scaling", 2, TernaryMeanScaling},
      {"linear_symmetric_3bit", 3, Linear<3>},
      {"linear_symmetric_4bit", 4, Linear<4>},
      {"linear_symmetric_5bit", 5, Linear<5>},
      {"linear_symmetric_6bit", 6, Linear<6>},
      {"linear_symmetric_7bit", 7, Linear<7>},
      {"linear_symmetric_8bit", 8, Linear<8>},
      {"none", 0, nullptr},
  };
  return rows;
}

const std::vector<ActivationQuantizer>& ActivationQuantizers() {
  static const std::vector<ActivationQuantizer> rows = {
      {"linear_mid_tread_half", true, LinearMidTreadHalfForward, LinearMidTreadHalfCodes,
       LinearMidTreadHalfBackward},
      {"pact", true, LinearMidTreadHalfForward, LinearMidTreadHalfCodes, LinearMidTreadHalfBackward,
       PactMaxGradient, PactMaxFactor},
      {"lsq", true, LinearMidTreadHalfForward, LinearMidTreadHalfCodes, LinearMidTreadHalfBackward,
       LsqMaxGradient, LsqMaxFactor},
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

const WeightQuantizer& WeightQuantizerOf(const WeightQuantizer& configured, int32_t bits) {
  if (configured.bits == bits) return configured;
  for (const WeightQuantizer& row : WeightQuantizers()) {
    if (row.bits == bits) return row;
  }
  BLUESTEM_CHECK(false, "1 to 8 bits");
  return configured;
}

void Values(const QuantizedWeights& weights, int64_t co, int64_t k, float* values) {
  for (int64_t c = 0; c < co; ++c) {
    const float scale = weights.scales[weights.scales.size() == 1 ? 0 : static_cast<size_t>(c)];
    const int8_t* codes = weights.codes.data() + c * k;
    for (int64_t i = 0; i < k; ++i) values[c * k + i] = static_cast<float>(codes[i]) * scale;
  }
}

void WeightValues(const WeightQuantizer& quantizer, const float* w, int64_t co, int64_t k,
                  float* values) {
  if (quantizer.bits == 0) {
    std::copy(w, w + co * k, values);
    return;
  }
  Values(quantizer.quantize(w, co, k), co, k, values);
}

}  // namespace bluestem::train
