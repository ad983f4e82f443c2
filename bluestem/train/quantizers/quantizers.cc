#include "bluestem/train/quantizers/quantizers.h"

#include <algorithm>

#include "bluestem/base/check.h"

namespace bluestem::train {
namespace {

template <int32_t kBits>
QuantizedWeights Linear(const float* w, int64_t co, int64_t k) {
  return LinearSymmetric(kBits, w, co, k);
}
template <int32_t kBits>
QuantizedWeights LsqBy(float step, const float* w, int64_t co, int64_t k) {
  return LsqWeights(kBits, step, w, co, k);
}
template <int32_t kBits>
QuantizedWeights LsqFirst(const float* w, int64_t co, int64_t k) {
  return LsqWeights(kBits, LsqInitialStep(kBits, co * k, w), w, co, k);
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
      {"lsq_2bit", 2, LsqFirst<2>, LsqBy<2>},
      {"lsq_3bit", 3, LsqFirst<3>, LsqBy<3>},
      {"lsq_4bit", 4, LsqFirst<4>, LsqBy<4>},
      {"lsq_5bit", 5, LsqFirst<5>, LsqBy<5>},
      {"lsq_6bit", 6, LsqFirst<6>, LsqBy<6>},
      {"lsq_7bit", 7, LsqFirst<7>, LsqBy<7>},
      {"lsq_8bit", 8, LsqFirst<8>, LsqBy<8>},
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

const ActivationQuantizer* WithActivationSte(const std::string& ste) {
  const auto row = [](auto* backward) {
    return ActivationQuantizer{"linear_mid_tread_half", true, LinearMidTreadHalfForward,
                               LinearMidTreadHalfCodes, backward};
  };
  static const ActivationQuantizer identity = row(IdentityBackward);
  static const ActivationQuantizer approx_sign = row(ApproxSignBackward);
  if (ste == "clipped") return FindActivationQuantizer("linear_mid_tread_half");
  if (ste == "identity") return &identity;
  return ste == "approx_sign" ? &approx_sign : nullptr;
}

const WeightQuantizer& WeightQuantizerOf(const WeightQuantizer& configured, int32_t bits) {
  if (configured.bits == bits) return configured;
  for (const WeightQuantizer& row : WeightQuantizers()) {
    if (row.bits == bits && row.LearnsStep() && configured.LearnsStep()) return row;
  }
  for (const WeightQuantizer& row : WeightQuantizers()) {
    if (row.bits == bits) return row;
  }
  BLUESTEM_CHECK(false, "1 to 8 bits");
  return configured;
}

QuantizedWeights Quantize(const WeightQuantizer& quantizer, float step, const float* w, int64_t co,
                          int64_t k) {
  return quantizer.LearnsStep() ? quantizer.quantize_by(step, w, co, k)
                                : quantizer.quantize(w, co, k);
}

void Values(const QuantizedWeights& weights, int64_t co, int64_t k, float* values) {
  for (int64_t c = 0; c < co; ++c) {
    const float scale = weights.scales[weights.scales.size() == 1 ? 0 : static_cast<size_t>(c)];
    const int8_t* codes = weights.codes.data() + c * k;
    for (int64_t i = 0; i < k; ++i) values[c * k + i] = static_cast<float>(codes[i]) * scale;
  }
}

void WeightValues(const WeightQuantizer& quantizer, float step, const float* w, int64_t co,
                  int64_t k, float* values) {
  if (quantizer.bits == 0) {
    std::copy(w, w + co * k, values);
    return;
  }
  Values(Quantize(quantizer, step, w, co, k), co, k, values);
}

}  // namespace bluestem::train
