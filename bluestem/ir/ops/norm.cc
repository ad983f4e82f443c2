#include <algorithm>
#include <cmath>

#include "bluestem/ir/ops/families.h"
#include "bluestem/kernels/elementwise/elementwise.h"

namespace bluestem::ir {
namespace {

// Returns the axis that holds the channels.
size_t ChannelAxis(const Attributes& attributes, size_t rank) {
  return attributes.Text("layout", "NHWC") == "NCHW" ? 1 : rank - 1;
}

// Returns the tensor with `axis` last (a swap, so that the same call undoes it).
Tensor SwapToLast(const Tensor& tensor, size_t axis) {
  std::vector<int64_t> perm(tensor.shape().size());
  for (size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<int64_t>(i);
  std::swap(perm[axis], perm.back());
  return axis + 1 == perm.size() ? tensor : tensor.Transposed(perm);
}

struct Affine {
  std::vector<double> a, b;
};

// Returns a = gamma / sqrt(var + eps) and b = beta - mean * a, in double.
Affine AffineOf(const Operands& operands) {
  const double epsilon = operands.attributes().Float("epsilon");
  Affine affine;
  for (int64_t c = 0; c < operands.in(1).size(); ++c) {
    const double a = operands.in(1).At(c) / std::sqrt(operands.in(4).At(c) + epsilon);
    affine.a.push_back(a);
    affine.b.push_back(operands.in(2).At(c) - operands.in(3).At(c) * a);
  }
  return affine;
}

}  // namespace

Result<Inferred> InferBatchNorm(const InferContext& context) {
  static constexpr const char* kNames[] = {"x", "gamma", "beta", "mean", "variance"};
  const std::string layout = context.attributes().Text("layout", "NHWC");
  if (layout != "NHWC" && layout != "NCHW") {
    return Error(Code::kUnsupported, "layout \"{}\" is not known; expected NHWC or NCHW", layout);
  }
  const Shape& x = context.in(0).shape;
  if (x.size() < 2) {
    return Error(Code::kInvalidData, "input {} must have 2 axes or more", ShapeText(x));
  }
  const int64_t channels = x[ChannelAxis(context.attributes(), x.size())];
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kF32));
  for (size_t i = 1; i < 5; ++i) {
    BLUESTEM_RETURN_IF_ERROR(NeedDType(context, i, DType::kF32));
    BLUESTEM_RETURN_IF_ERROR(NeedConstant(context, i, kNames[i]));
    if (context.in(i).shape != Shape{channels}) {
      return Error(Code::kInvalidData, "{} has shape {}, but input {} has {} channels ({})",
                   kNames[i], ShapeText(context.in(i).shape), ShapeText(x), channels, layout);
    }
  }
  const double epsilon = context.attributes().Float("epsilon");
  for (int64_t c = 0; c < channels; ++c) {
    const double variance = context.in(4).constant->At(c);
    if (!(variance + epsilon > 0) || !std::isfinite(variance)) {
      return Error(Code::kInvalidData,
                   "the variance of channel {} is {} with epsilon {}; their sum "
                   "must be above 0",
                   c, variance, epsilon);
    }
  }
  return Inferred{DType::kF32, x, nullptr};
}

Tensor EvaluateBatchNorm(const Operands& operands) {
  const size_t axis = ChannelAxis(operands.attributes(), operands.in(0).shape().size());
  const Tensor x = SwapToLast(operands.in(0), axis);
  const Affine affine = AffineOf(operands);
  const std::vector<float> a(affine.a.begin(), affine.a.end());
  const std::vector<float> b(affine.b.begin(), affine.b.end());
  Tensor y(DType::kF32, x.shape());
  const auto channels = static_cast<int64_t>(a.size());
  kernels::affine_f32(
      {.rows = x.size() / channels, .channels = static_cast<int32_t>(channels), .relu = 0},
      x.data<float>(), a.data(), b.data(), y.data<float>());
  return SwapToLast(y, axis);
}

Tensor DoubleBatchNorm(const Operands& operands) {
  const size_t axis = ChannelAxis(operands.attributes(), operands.in(0).shape().size());
  Tensor y = SwapToLast(operands.in(0), axis);
  const Affine affine = AffineOf(operands);
  for (int64_t i = 0; i < y.size(); ++i) {
    const size_t c = static_cast<size_t>(i) % affine.a.size();
    y.data<double>()[i] = y.data<double>()[i] * affine.a[c] + affine.b[c];
  }
  return SwapToLast(y, axis);
}

Result<Inferred> InferSoftmax(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kF32));
  BLUESTEM_ASSIGN_OR_RETURN(
      [[maybe_unused]] const int64_t axis,
      NormalAxis(context.attributes().Int("axis"), context.in(0).shape.size()));
  return Inferred{DType::kF32, context.in(0).shape, nullptr};
}

Tensor EvaluateSoftmax(const Operands& operands) {
  const Shape& shape = operands.in(0).shape();
  const auto axis =
      static_cast<size_t>(NormalAxis(operands.attributes().Int("axis"), shape.size()).value());
  const Tensor x = SwapToLast(operands.in(0), axis);
  Tensor y(DType::kF32, x.shape());
  kernels::softmax_f32(
      {.rows = x.size() / shape[axis], .channels = static_cast<int32_t>(shape[axis])},
      x.data<float>(), y.data<float>());
  return SwapToLast(y, axis);
}

Tensor DoubleSoftmax(const Operands& operands) {
  const Shape& shape = operands.in(0).shape();
  const auto axis =
      static_cast<size_t>(NormalAxis(operands.attributes().Int("axis"), shape.size()).value());
  Tensor y = SwapToLast(operands.in(0), axis);
  const int64_t channels = shape[axis];
  for (double* row = y.data<double>(); row != y.data<double>() + y.size(); row += channels) {
    const double maximum = *std::max_element(row, row + channels);
    double sum = 0;
    for (int64_t c = 0; c < channels; ++c) sum += row[c] = std::exp(row[c] - maximum);
    for (int64_t c = 0; c < channels; ++c) row[c] /= sum;
  }
  return SwapToLast(y, axis);
}

}  // namespace bluestem::ir
