#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "bluestem/ir/ops/families.h"
#include "bluestem/ir/ops/geometry.h"

// Elements move and values do not change, so these are written once for every element type and both
// evaluations.
namespace bluestem::ir {
namespace {

// Row-major element strides.
std::vector<int64_t> Strides(const Shape& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

// Copies an index space: y[y_offset + sum i*y_stride] = x[x_offset + sum i*x_stride].
void CopyBlock(const Tensor& x, int64_t x_offset, const std::vector<int64_t>& x_strides, Tensor& y,
               int64_t y_offset, const std::vector<int64_t>& y_strides, const Shape& extent) {
  const auto element = static_cast<size_t>(DTypeBytes(x.dtype()));
  const uint8_t* from = x.raw();
  uint8_t* to = y.raw();
  ForEachIndex(extent, x_strides, y_strides, [&](int64_t, int64_t a, int64_t b) {
    std::memcpy(to + static_cast<size_t>(y_offset + b) * element,
                from + static_cast<size_t>(x_offset + a) * element, element);
  });
}

Inferred Like(const InferContext& context, Shape shape) {
  return Inferred{context.in(0).dtype, std::move(shape), context.in(0).quant};
}

Status CheckSameKind(const InferContext& context, size_t i) {
  const Value& first = context.in(0);
  const Value& other = context.in(i);
  if (other.dtype != first.dtype) {
    return Error(Code::kInvalidData, "input {} is {}, input 0 is {}; they must be equal", i,
                 DTypeName(other.dtype), DTypeName(first.dtype));
  }
  const bool same = (first.quant == nullptr) == (other.quant == nullptr) &&
                    (first.quant == nullptr || *first.quant == *other.quant);
  if (!same) {
    return Error(Code::kInvalidData,
                 "the codes of input {} have another scale than those of input 0", i);
  }
  return OkStatus();
}

}  // namespace

Result<Inferred> InferConcat(const InferContext& context) {
  Shape shape = context.in(0).shape;
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t axis,
                            NormalAxis(context.attributes().Int("axis"), shape.size()));
  for (size_t i = 1; i < context.node.inputs.size(); ++i) {
    BLUESTEM_RETURN_IF_ERROR(CheckSameKind(context, i));
    Shape other = context.in(i).shape;
    const bool same_rank = other.size() == shape.size();
    const int64_t extent = same_rank ? other[static_cast<size_t>(axis)] : 0;
    if (same_rank) other[static_cast<size_t>(axis)] = shape[static_cast<size_t>(axis)];
    if (other != shape) {
      return Error(Code::kInvalidData,
                   "input {} has shape {}, input 0 {}; they may differ only on "
                   "axis {}",
                   i, ShapeText(context.in(i).shape), ShapeText(context.in(0).shape), axis);
    }
    shape[static_cast<size_t>(axis)] += extent;
  }
  return Like(context, std::move(shape));
}

Tensor EvaluateConcat(const Operands& operands) {
  const Shape& shape = operands.out().shape;
  const auto axis =
      static_cast<size_t>(NormalAxis(operands.attributes().Int("axis"), shape.size()).value());
  Tensor y(operands.in(0).dtype(), shape);
  const auto y_strides = Strides(shape);
  int64_t at = 0;
  for (const Tensor* x : operands.inputs) {
    CopyBlock(*x, 0, Strides(x->shape()), y, at * y_strides[axis], y_strides, x->shape());
    at += x->shape()[axis];
  }
  return y;
}

Result<Inferred> InferReshape(const InferContext& context) {
  const Shape& x = context.in(0).shape;
  Shape shape = context.attributes().Ints("shape");
  const int64_t count = ElementCount(x);
  int64_t known = 1;
  int64_t* open = nullptr;
  for (int64_t& extent : shape) {
    const bool is_second_open = extent == -1 && open != nullptr;
    if (extent < -1 || extent == 0 || is_second_open || (extent > 0 && extent > count / known)) {
      return Error(Code::kInvalidData, "cannot reshape {} to {}", ShapeText(x), ShapeText(shape));
    }
    if (extent == -1) {
      open = &extent;
    } else {
      known *= extent;
    }
  }
  if (count % known != 0 || (open == nullptr && count != known)) {
    return Error(Code::kInvalidData, "cannot reshape {} to {}: {} elements do not fill it",
                 ShapeText(x), ShapeText(shape), count);
  }
  if (open != nullptr) *open = count / known;
  return Like(context, std::move(shape));
}

Tensor EvaluateReshape(const Operands& operands) {
  return operands.in(0).Reshaped(operands.out().shape);
}

Result<Inferred> InferTranspose(const InferContext& context) {
  const Shape& x = context.in(0).shape;
  const auto perm = context.attributes().Ints("perm");
  std::vector<int64_t> sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  bool is_permutation = sorted.size() == x.size();
  for (size_t i = 0; is_permutation && i < sorted.size(); ++i) {
    is_permutation = sorted[i] == static_cast<int64_t>(i);
  }
  if (!is_permutation) {
    return Error(Code::kInvalidData, "perm {} is not a permutation of the {} axes of {}",
                 ShapeText(perm), x.size(), ShapeText(x));
  }
  Shape shape(x.size());
  for (size_t i = 0; i < perm.size(); ++i) shape[i] = x[static_cast<size_t>(perm[i])];
  return Like(context, std::move(shape));
}

Tensor EvaluateTranspose(const Operands& operands) {
  return operands.in(0).Transposed(operands.attributes().Ints("perm"));
}

Result<SliceRange> SliceRangeOf(const Attributes& attributes, const Shape& x) {
  const auto starts = attributes.Ints("starts");
  const auto ends = attributes.Ints("ends");
  const auto axes = attributes.Ints("axes");
  const auto steps = attributes.Ints("steps", std::vector<int64_t>(axes.size(), 1));
  if (starts.size() != axes.size() || ends.size() != axes.size() || steps.size() != axes.size()) {
    return Error(Code::kInvalidData,
                 "starts, ends, axes and steps have {}, {}, {} and {} entries; "
                 "they must be equal",
                 starts.size(), ends.size(), axes.size(), steps.size());
  }
  SliceRange range{std::vector<int64_t>(x.size(), 0), std::vector<int64_t>(x.size(), 1), x};
  for (size_t i = 0; i < axes.size(); ++i) {
    BLUESTEM_ASSIGN_OR_RETURN(const int64_t axis, NormalAxis(axes[i], x.size()));
    const int64_t extent = x[static_cast<size_t>(axis)];
    if (steps[i] == 0) {
      return Error(Code::kInvalidData, "step 0 on axis {}: expected steps forwards or backwards",
                   axis);
    }
    const int64_t step = std::clamp(steps[i], -extent, extent);  // beyond them all take one element
    // Forwards from 0 up to before `extent`; backwards from `extent` - 1 down to before 0, which is
    // -1 and lies before every negative place (ONNX, Slice).
    const bool back = step < 0;
    const auto place = [&](int64_t at) {
      return std::clamp<int64_t>(at < 0 ? std::max(at, -extent - 1) + extent : at, back ? -1 : 0,
                                 back ? extent - 1 : extent);
    };
    const int64_t start = place(starts[i]);
    const int64_t count = back ? start - place(ends[i]) : place(ends[i]) - start;
    if (count < 1) {
      return Error(Code::kInvalidData, "slice {}:{} of axis {} of {} by steps of {} is empty",
                   starts[i], ends[i], axis, ShapeText(x), steps[i]);
    }
    range.start[static_cast<size_t>(axis)] = start;
    range.step[static_cast<size_t>(axis)] = step;
    range.extent[static_cast<size_t>(axis)] = (count - 1) / std::abs(step) + 1;
  }
  return range;
}

Result<Inferred> InferSlice(const InferContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(SliceRange range,
                            SliceRangeOf(context.attributes(), context.in(0).shape));
  return Like(context, std::move(range.extent));
}

Tensor EvaluateSlice(const Operands& operands) {
  const Tensor& x = operands.in(0);
  const SliceRange range = SliceRangeOf(operands.attributes(), x.shape()).value();
  std::vector<int64_t> strides = Strides(x.shape());
  int64_t offset = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    offset += range.start[i] * strides[i];
    strides[i] *= range.step[i];
  }
  Tensor y(x.dtype(), range.extent);
  CopyBlock(x, offset, strides, y, 0, Strides(range.extent), range.extent);
  return y;
}

Result<Inferred> InferPad(const InferContext& context) {
  Shape shape = context.in(0).shape;
  const auto pads = context.attributes().Ints("pads");
  if (pads.size() != 2 * shape.size()) {
    return Error(Code::kInvalidData, "pads has {} entries; a value of {} axes needs {}",
                 pads.size(), shape.size(), 2 * shape.size());
  }
  for (size_t i = 0; i < pads.size(); ++i) {
    if (pads[i] < 0 || pads[i] >= kMaxElements) {
      return Error(Code::kUnsupported, "pad {} is outside 0 to {}", pads[i], kMaxElements - 1);
    }
    shape[i % shape.size()] += pads[i];
  }
  const double value = context.attributes().Float("value");
  if (context.in(0).dtype == DType::kU8 && !(value >= 0 && value <= 255)) {
    return Error(Code::kInvalidData, "value {} is not a code (0 to 255)", value);
  }
  return Like(context, std::move(shape));
}

Tensor EvaluatePad(const Operands& operands) {
  const Tensor& x = operands.in(0);
  const Shape& shape = operands.out().shape;
  const double value = operands.attributes().Float("value");
  Tensor y = Tensor::Of<double>({1}, {value}).Cast(x.dtype());
  const Tensor one = y;
  y = Tensor(x.dtype(), shape);
  const std::vector<int64_t> repeat(shape.size(), 0);
  const auto strides = Strides(shape);
  CopyBlock(one, 0, repeat, y, 0, strides, shape);
  const auto pads = operands.attributes().Ints("pads");
  int64_t offset = 0;
  for (size_t i = 0; i < shape.size(); ++i) offset += pads[i] * strides[i];
  CopyBlock(x, 0, Strides(x.shape()), y, offset, strides, x.shape());
  return y;
}

}  // namespace bluestem::ir
