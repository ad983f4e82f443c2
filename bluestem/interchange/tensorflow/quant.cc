#include <cmath>

#include "bluestem/interchange/tensorflow/context.h"

// Blueoil's quantizers, known by their op names; the function library that defines them in the file
// is not read.
namespace bluestem::interchange {
namespace {

// The scale is the mean of |w|, summed in double and rounded once: one for the layer, or one for
// each of the `channels` last-axis entries.
Tensor MeanScale(const Tensor& weights, int64_t channels) {
  std::vector<double> sums(static_cast<size_t>(channels), 0.0);
  for (int64_t i = 0; i < weights.size(); ++i) {
    sums[static_cast<size_t>(i % channels)] += std::fabs(weights.At(i));
  }
  const double count = static_cast<double>(weights.size()) / static_cast<double>(channels);
  std::vector<float> scales;
  for (const double sum : sums) scales.push_back(static_cast<float>(sum / count));
  return Tensor::Of<float>(channels == 1 ? Shape{} : Shape{channels}, std::move(scales));
}

Status ReadBinary(TensorFlowContext& context, bool per_channel) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol w, context.In(0));
  if (!w.IsConstant() || w.constant->size() == 0 || w.constant->shape().empty()) {
    return Error(Code::kUnsupported, "quantizes a value computed at run time; only weights");
  }
  const int64_t channels = per_channel ? w.constant->shape().back() : 1;
  const Symbol scale = ConstantSymbol(MeanScale(*w.constant, channels));
  return context.Set(context.builder.Append("BinaryQuant", context.name(), {w, scale}));
}

Status ReadBinaryLayer(TensorFlowContext& context) {
  return ReadBinary(context, false);
}
Status ReadBinaryChannel(TensorFlowContext& context) {
  return ReadBinary(context, true);
}

// code = floor(x / max * (2^bit - 1) + 0.5), value = code * max / (2^bit - 1).
Status ReadLinear(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol bit_symbol, context.In(1));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol max_symbol, context.In(2));
  BLUESTEM_ASSIGN_OR_RETURN(const double bit, ConstantScalar(bit_symbol, "input 1 (bit)"));
  BLUESTEM_ASSIGN_OR_RETURN(const double maximum, ConstantScalar(max_symbol, "input 2 (max)"));
  if (bit != std::floor(bit) || bit < 1 || bit > 8) {
    return Error(Code::kUnsupported, "bit is {}; whole numbers from 1 to 8 are supported", bit);
  }
  if (!std::isfinite(maximum) || maximum <= 0) {
    return Error(Code::kInvalidData, "max is {}; it must be above 0", maximum);
  }
  const double scale = maximum / (std::ldexp(1, static_cast<int>(bit)) - 1);
  ir::Attributes attributes;
  attributes.Set("bits", static_cast<int64_t>(bit))
      .Set("signed", int64_t{0})
      .Set("narrow", int64_t{0})
      .Set("rounding", std::string("HALF_UP"));
  return context.Set(
      context.builder.Append("Quant", context.name(),
                             {x, ConstantSymbol(Tensor::Of<float>({}, {static_cast<float>(scale)})),
                              ConstantSymbol(Tensor::Of<float>({}, {0.0F}))},
                             attributes));
}

constexpr TensorFlowReader kReaders[] = {
    {"QTZ_binary_mean_scaling", ReadBinaryLayer},
    {"BinaryMeanScalingQuantizer", ReadBinaryLayer},
    {"QTZ_binary_channel_wise_mean_scaling", ReadBinaryChannel},
    {"BinaryChannelWiseMeanScalingQuantizer", ReadBinaryChannel},
    {"QTZ_linear_mid_tread_half", ReadLinear},
    {"LinearMidTreadHalfQuantizer", ReadLinear},
};

}  // namespace

std::span<const TensorFlowReader> TensorFlowQuantReaders() {
  return kReaders;
}

}  // namespace bluestem::interchange
