// Quantizers given by their thresholds: MultiThreshold on real values, RealThreshold to codes.
#include <algorithm>
#include <cmath>

#include "bluestem/ir/ops/families.h"
#include "bluestem/kernels/elementwise/elementwise.h"

namespace bluestem::ir {
namespace {

constexpr int64_t kMostThresholds = 255;  // codes are bytes

// Checks the constant of thresholds [rows, n] at input 1.
Status CheckThresholds(const InferContext& context, int64_t channels, bool may_be_shared) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 1, DType::kF32));
  BLUESTEM_RETURN_IF_ERROR(NeedConstant(context, 1, "thresholds"));
  const Shape& shape = context.in(1).shape;
  const bool rows_fit =
      shape.size() == 2 && (shape[0] == channels || (may_be_shared && shape[0] == 1));
  if (!rows_fit) {
    return Error(Code::kInvalidData, "thresholds have shape {}; expected [{},n]{}",
                 ShapeText(shape), channels, may_be_shared ? " or [1,n]" : "");
  }
  if (shape[1] > kMostThresholds) {
    return Error(Code::kUnsupported, "{} thresholds a channel; at most {} are supported", shape[1],
                 kMostThresholds);
  }
  const Tensor& values = *context.in(1).constant;
  for (int64_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values.At(i))) return Error(Code::kInvalidData, "a threshold is not a number");
  }
  return OkStatus();
}

// Returns the axis that holds the channels.
size_t ChannelAxis(const Attributes& attributes, size_t rank) {
  return attributes.Text("layout", "NHWC") == "NCHW" && rank > 1 ? 1 : rank - 1;
}

// Returns for each element how many thresholds of its channel it reaches; NaN counts as 0.
std::vector<int32_t> Counts(const Operands& operands) {
  const Tensor& x = operands.in(0);
  const Tensor& thresholds = operands.in(1);
  const size_t axis = ChannelAxis(operands.attributes(), x.shape().size());
  int64_t stride = 1;
  for (size_t i = axis + 1; i < x.shape().size(); ++i) stride *= x.shape()[i];
  const int64_t count = thresholds.shape()[1];
  std::vector<int32_t> counts;
  for (int64_t i = 0; i < x.size(); ++i) {
    const int64_t row = thresholds.shape()[0] == 1 ? 0 : i / stride % x.shape()[axis];
    const double value = std::isnan(x.At(i)) ? 0 : x.At(i);
    int32_t reached = 0;
    for (int64_t k = 0; k < count; ++k) reached += value >= thresholds.At(row * count + k) ? 1 : 0;
    counts.push_back(reached);
  }
  return counts;
}

}  // namespace

Result<Inferred> InferMultiThreshold(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kF32));
  const Attributes& attributes = context.attributes();
  const std::string layout = attributes.Text("layout", "NHWC");
  if (layout != "NHWC" && layout != "NCHW") {
    return Error(Code::kUnsupported, "layout \"{}\" is not known; expected NHWC or NCHW", layout);
  }
  const double scale = attributes.Float("scale", 1);
  const double bias = attributes.Float("bias", 0);
  if (!std::isfinite(scale) || !std::isfinite(bias)) {
    return Error(Code::kInvalidData, "scale {} and bias {} must be finite", scale, bias);
  }
  const Shape& x = context.in(0).shape;
  if (x.empty()) return Error(Code::kInvalidData, "a scalar has no channels");
  BLUESTEM_RETURN_IF_ERROR(CheckThresholds(context, x[ChannelAxis(attributes, x.size())], true));
  return Inferred{DType::kF32, x, nullptr};
}

Tensor EvaluateMultiThreshold(const Operands& operands) {
  const auto scale = static_cast<float>(operands.attributes().Float("scale", 1));
  const auto bias = static_cast<float>(operands.attributes().Float("bias", 0));
  Tensor y(DType::kF32, operands.in(0).shape());
  float* out = y.data<float>();
  for (const int32_t count : Counts(operands)) {
    const float product = static_cast<float>(count) * scale;
    *out++ = product + bias;
  }
  return y;
}

Tensor DoubleMultiThreshold(const Operands& operands) {
  const double scale = operands.attributes().Float("scale", 1);
  const double bias = operands.attributes().Float("bias", 0);
  Tensor y(DType::kF64, operands.in(0).shape());
  double* out = y.data<double>();
  for (const int32_t count : Counts(operands)) *out++ = count * scale + bias;
  return y;
}

Result<Inferred> InferRealThreshold(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kF32));
  const Shape& x = context.in(0).shape;
  if (x.empty()) return Error(Code::kInvalidData, "a scalar has no channels");
  BLUESTEM_ASSIGN_OR_RETURN(auto quant, QuantFromAttributes(context.attributes()));
  BLUESTEM_RETURN_IF_ERROR(CheckThresholds(context, x.back(), false));
  const Tensor& values = *context.in(1).constant;
  const int64_t count = values.shape()[1];
  if (count != quant->levels - 1) {
    return Error(Code::kInvalidData, "{} thresholds make {} levels, not {}", count, count + 1,
                 quant->levels);
  }
  for (int64_t i = 0; i < values.size(); ++i) {
    if (i % count != 0 && values.At(i) < values.At(i - 1)) {
      return Error(Code::kInvalidData, "the thresholds of channel {} do not rise", i / count);
    }
  }
  return Inferred{DType::kU8, x, std::move(quant)};
}

Tensor EvaluateRealThreshold(const Operands& operands) {
  const Tensor& x = operands.in(0);
  const int64_t channels = x.shape().back();
  Tensor y(DType::kU8, x.shape());
  kernels::threshold_f32_u8({.rows = x.size() / channels,
                             .channels = static_cast<int32_t>(channels),
                             .levels = operands.out().quant->levels},
                            x.data<float>(), operands.in(1).data<float>(), y.data<uint8_t>());
  return y;
}

Tensor DoubleRealThreshold(const Operands& operands) {
  Tensor y(DType::kU8, operands.in(0).shape());
  uint8_t* out = y.data<uint8_t>();
  for (const int32_t count : Counts(operands)) *out++ = static_cast<uint8_t>(count);
  return y;
}

}  // namespace bluestem::ir
