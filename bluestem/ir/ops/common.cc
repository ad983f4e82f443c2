#include <algorithm>
#include <cmath>

#include "bluestem/ir/ops/families.h"
#include "bluestem/ir/ops/geometry.h"

namespace bluestem::ir {

Status NeedDType(const InferContext& context, size_t input, DType dtype) {
  const DType got = context.in(input).dtype;
  if (got == dtype) return OkStatus();
  return Error(Code::kInvalidData, "input {} (\"{}\") is {}; the op needs {}", input,
               context.in(input).name, DTypeName(got), DTypeName(dtype));
}

Status NeedConstant(const InferContext& context, size_t input, const char* what) {
  if (context.graph.IsConstant(context.node.inputs[input])) return OkStatus();
  return Error(Code::kUnsupported, "{} (\"{}\") must be a constant", what, context.in(input).name);
}

Result<std::shared_ptr<const QuantInfo>> QuantFromAttributes(const Attributes& attributes) {
  QuantInfo quant;
  quant.scale = attributes.Float("scale", 1.0);
  quant.zero_point = static_cast<int32_t>(attributes.Int("zero_point", 0));
  const int64_t bits = attributes.Int("bits", 8);
  if (bits < 1 || bits > 8) {
    return Error(Code::kInvalidData, "bits is {}; codes have 1 to 8 bits", bits);
  }
  const int64_t levels = attributes.Int("levels", int64_t{1} << bits);
  if (levels < 2 || levels > (int64_t{1} << bits)) {
    return Error(Code::kInvalidData, "levels is {}; {}-bit codes have 2 to {} levels", levels, bits,
                 int64_t{1} << bits);
  }
  if (!std::isfinite(quant.scale) || quant.scale <= 0) {
    return Error(Code::kInvalidData, "scale is {}; it must be finite and above 0", quant.scale);
  }
  const int64_t zero_point = attributes.Int("zero_point", 0);
  if (zero_point < -(1 << 24) || zero_point > (1 << 24)) {
    return Error(Code::kInvalidData, "zero_point is {}; it must be within +-2^24", zero_point);
  }
  quant.bits = static_cast<int32_t>(bits);
  quant.levels = static_cast<int32_t>(levels);
  return std::make_shared<const QuantInfo>(quant);
}

Result<Shape> Broadcast(const Shape& x, const Shape& y) {
  const size_t rank = std::max(x.size(), y.size());
  Shape shape(rank, 1);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t a = i < rank - x.size() ? 1 : x[i - (rank - x.size())];
    const int64_t b = i < rank - y.size() ? 1 : y[i - (rank - y.size())];
    if (a != b && a != 1 && b != 1) {
      return Error(Code::kInvalidData,
                   "shapes {} and {} do not broadcast: {} against {} on axis {}", ShapeText(x),
                   ShapeText(y), a, b, i);
    }
    shape[i] = a == 1 ? b : a;
  }
  return shape;
}

std::vector<int64_t> BroadcastStrides(const Shape& from, const Shape& to) {
  std::vector<int64_t> strides(to.size(), 0);
  int64_t stride = 1;
  for (size_t i = from.size(); i-- > 0;) {
    if (from[i] != 1) strides[to.size() - from.size() + i] = stride;
    stride *= from[i];
  }
  return strides;
}

Tensor ToNhwc(const Tensor& tensor, const std::string& layout) {
  return layout == "NCHW" ? tensor.Transposed({0, 2, 3, 1}) : tensor;
}

Tensor FromNhwc(const Tensor& tensor, const std::string& layout) {
  return layout == "NCHW" ? tensor.Transposed({0, 3, 1, 2}) : tensor;
}

Result<int64_t> NormalAxis(int64_t axis, size_t rank) {
  const auto signed_rank = static_cast<int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    return Error(Code::kInvalidData, "axis {} is outside a value of {} axes", axis, rank);
  }
  return axis < 0 ? axis + signed_rank : axis;
}

Result<MapShape> MapShapeOf(const Shape& shape, const std::string& layout) {
  if (layout != "NHWC" && layout != "NCHW") {
    return Error(Code::kUnsupported, "layout \"{}\" is not known; expected NHWC or NCHW", layout);
  }
  if (shape.size() != 4) {
    return Error(Code::kInvalidData, "a value of shape {} is not an image map: expected 4 axes, {}",
                 ShapeText(shape), layout);
  }
  if (layout == "NCHW") return MapShape{shape[0], shape[2], shape[3], shape[1]};
  return MapShape{shape[0], shape[1], shape[2], shape[3]};
}

}  // namespace bluestem::ir
