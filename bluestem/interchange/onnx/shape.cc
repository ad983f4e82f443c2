#include <algorithm>
#include <limits>

#include "bluestem/interchange/onnx/context.h"
#include "bluestem/interchange/onnx/tensor.h"
#include "bluestem/ir/ops/ops.h"

// Rearrangements, and the arithmetic on shapes that exporters write: its inputs are constants, so
// it is folded here.
namespace bluestem::interchange {
namespace {

Result<int64_t> NormalAxis(int64_t axis, size_t rank) {
  const auto limit = static_cast<int64_t>(rank);
  if (axis < -limit || axis >= limit) {
    return Error(Code::kInvalidData, "axis {} is outside a value of {} axes", axis, rank);
  }
  return axis < 0 ? axis + limit : axis;
}

Result<Symbol> Reshape(OnnxContext& context, const Symbol& x, Shape shape) {
  ir::Attributes attributes;
  attributes.Set("shape", std::move(shape));
  return context.builder.Append("Reshape", context.name, {x}, std::move(attributes));
}

Status ReadShape(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  const Shape& shape = context.builder.ShapeOf(x);
  const auto rank = static_cast<int64_t>(shape.size());
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t start, context.Int("start", 0));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t end, context.Int("end", rank));
  const auto place = [&](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? std::max(at, -rank) + rank : at, 0, rank);
  };
  const int64_t from = place(start);
  const int64_t to = std::max(from, place(end));
  return context.Set(
      ConstantSymbol(Tensor::Of<int64_t>({to - from}, {shape.begin() + from, shape.begin() + to})));
}

Status ReadConstant(OnnxContext& context) {
  for (const onnx::AttributeProto& attribute : context.node.attribute()) {
    if (attribute.name() == "value" && attribute.has_t()) {
      BLUESTEM_ASSIGN_OR_RETURN(Tensor tensor, TensorFromOnnx(attribute.t()));
      if (context.node.output_size() > 0) {
        context.builder.SetElementType(context.node.output(0), attribute.t().data_type());
      }
      return context.Set(ConstantSymbol(std::move(tensor)));
    }
    if (attribute.name() == "value_float") {
      return context.Set(ConstantSymbol(Tensor::Of<float>({}, {attribute.f()})));
    }
    if (attribute.name() == "value_int") {
      return context.Set(ConstantSymbol(Tensor::Of<int64_t>({}, {attribute.i()})));
    }
    if (attribute.name() == "value_floats") {
      return context.Set(ConstantSymbol(Tensor::Of<float>(
          {attribute.floats_size()}, {attribute.floats().begin(), attribute.floats().end()})));
    }
    if (attribute.name() == "value_ints") {
      return context.Set(ConstantSymbol(Tensor::Of<int64_t>(
          {attribute.ints_size()}, {attribute.ints().begin(), attribute.ints().end()})));
    }
  }
  return Error(Code::kUnsupported, "holds neither a tensor nor numbers");
}

Status ReadConstantOfShape(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(Shape shape, ConstantInts(x, "the shape"));
  BLUESTEM_RETURN_IF_ERROR(ir::CheckShape(shape));
  if (ElementCount(shape) > ir::kMaxRepeatedElements) {
    return Error(Code::kUnsupported, "a constant of shape {} is too large", ShapeText(shape));
  }
  Tensor value = Tensor::Of<float>({1}, {0});
  for (const onnx::AttributeProto& attribute : context.node.attribute()) {
    if (attribute.name() == "value" && attribute.has_t()) {
      BLUESTEM_ASSIGN_OR_RETURN(value, TensorFromOnnx(attribute.t()));
    }
  }
  if (value.size() != 1) return Error(Code::kInvalidData, "value must have one element");
  Tensor filled(DType::kF64, std::move(shape));
  std::fill(filled.data<double>(), filled.data<double>() + filled.size(), value.At(0));
  return context.Set(ConstantSymbol(filled.Cast(value.dtype())));
}

Status ReadCast(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t to, context.Int("to", 0));
  const bool to_real = to == onnx::TensorProto::FLOAT || to == onnx::TensorProto::DOUBLE ||
                       to == onnx::TensorProto::FLOAT16 || to == onnx::TensorProto::BFLOAT16;
  if (!x.IsConstant()) {
    if (to_real) return context.Set(x);
    return Error(Code::kUnsupported,
                 "casts a value computed at run time to ONNX type {}; only "
                 "floats",
                 to);
  }
  if (to_real) return context.Set(ConstantSymbol(x.constant->Cast(DType::kF32)));
  if (to != onnx::TensorProto::INT64 && to != onnx::TensorProto::INT32) {
    return Error(Code::kUnsupported,
                 "casts a constant to ONNX type {}; expected float, int32 or "
                 "int64",
                 to);
  }
  Tensor integers(DType::kS64, x.constant->shape());
  for (int64_t i = 0; i < integers.size(); ++i) {
    const double value = x.constant->At(i);
    if (!(value > -9e15 && value < 9e15)) {
      return Error(Code::kInvalidData, "{} has no integer", value);
    }
    integers.data<int64_t>()[i] = static_cast<int64_t>(value);
  }
  return context.Set(ConstantSymbol(std::move(integers)));
}

// One index is a slice; a list of indices is the concatenation of its slices.
Status ReadGather(OnnxContext& context) {
  Builder& builder = context.builder;
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol index, context.In(1));
  BLUESTEM_ASSIGN_OR_RETURN(const auto places, ConstantInts(index, "the indices"));
  BLUESTEM_ASSIGN_OR_RETURN(int64_t axis, context.Int("axis", 0));
  Shape shape = builder.ShapeOf(x);
  BLUESTEM_ASSIGN_OR_RETURN(axis, NormalAxis(axis, shape.size()));
  const int64_t extent = shape[static_cast<size_t>(axis)];
  if (index.constant->shape().size() > 1 || places.empty() || places.size() > 4096) {
    return Error(Code::kUnsupported, "indices of shape {}; expected one index or a short list",
                 ShapeText(index.constant->shape()));
  }
  std::vector<Symbol> slices;
  for (int64_t place : places) {
    if (place < -extent || place >= extent) {
      return Error(Code::kInvalidData, "index {} is outside axis {} of {}", place, axis,
                   ShapeText(shape));
    }
    if (place < 0) place += extent;
    ir::Attributes attributes;
    attributes.Set("starts", std::vector<int64_t>{place})
        .Set("ends", std::vector<int64_t>{place + 1})
        .Set("axes", std::vector<int64_t>{axis});
    BLUESTEM_ASSIGN_OR_RETURN(Symbol slice,
                              builder.Append("Slice", context.name + "/slice", {x}, attributes));
    slices.push_back(std::move(slice));
  }
  if (index.constant->shape().empty()) {
    shape.erase(shape.begin() + axis);
    return context.Set(Reshape(context, slices[0], std::move(shape)));
  }
  ir::Attributes attributes;
  attributes.Set("axis", axis);
  return context.Set(builder.Append("Concat", context.name, slices, attributes));
}

Status ReadReshape(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol wanted, context.In(1));
  BLUESTEM_ASSIGN_OR_RETURN(Shape shape, ConstantInts(wanted, "the shape"));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t allow_zero, context.Int("allowzero", 0));
  const Shape& from = context.builder.ShapeOf(x);
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && allow_zero == 0 && i < from.size()) shape[i] = from[i];
  }
  context.builder.PutBatch(x, shape);
  return context.Set(Reshape(context, x, std::move(shape)));
}

Status ReadFlatten(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(int64_t axis, context.Int("axis", 1));
  const Shape& shape = context.builder.ShapeOf(x);
  const auto rank = static_cast<int64_t>(shape.size());
  if (axis < -rank || axis > rank) {
    return Error(Code::kInvalidData, "axis {} is outside {}", axis, ShapeText(shape));
  }
  if (axis < 0) axis += rank;
  const int64_t rows = ElementCount(Shape(shape.begin(), shape.begin() + axis));
  return context.Set(Reshape(context, x, {rows, -1}));
}

Status ReadSqueeze(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const auto axes, context.IntsOrInput("axes", 1));
  const Shape& from = context.builder.ShapeOf(x);
  std::vector<bool> dropped(from.size(), false);
  for (size_t i = 0; axes.empty() && i < from.size(); ++i) dropped[i] = from[i] == 1;
  for (const int64_t axis : axes) {
    BLUESTEM_ASSIGN_OR_RETURN(const int64_t normal, NormalAxis(axis, from.size()));
    if (from[static_cast<size_t>(normal)] != 1) {
      return Error(Code::kInvalidData, "axis {} of {} is not 1", axis, ShapeText(from));
    }
    dropped[static_cast<size_t>(normal)] = true;
  }
  Shape shape;
  for (size_t i = 0; i < from.size(); ++i) {
    if (!dropped[i]) shape.push_back(from[i]);
  }
  return context.Set(Reshape(context, x, std::move(shape)));
}

Status ReadUnsqueeze(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const auto axes, context.IntsOrInput("axes", 1));
  const Shape& from = context.builder.ShapeOf(x);
  if (axes.size() > 8) return Error(Code::kUnsupported, "adds {} axes", axes.size());
  std::vector<bool> added(from.size() + axes.size(), false);
  for (const int64_t axis : axes) {
    BLUESTEM_ASSIGN_OR_RETURN(const int64_t normal, NormalAxis(axis, added.size()));
    if (added[static_cast<size_t>(normal)]) {
      return Error(Code::kInvalidData, "axis {} stands twice", axis);
    }
    added[static_cast<size_t>(normal)] = true;
  }
  Shape shape;
  size_t next = 0;
  for (const bool is_added : added) shape.push_back(is_added ? 1 : from[next++]);
  return context.Set(Reshape(context, x, std::move(shape)));
}

// Repeats a value to a constant shape: times ones.
Status ReadExpand(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol wanted, context.In(1));
  BLUESTEM_ASSIGN_OR_RETURN(const Shape shape, ConstantInts(wanted, "the shape"));
  BLUESTEM_RETURN_IF_ERROR(ir::CheckShape(shape));
  if (ElementCount(shape) > ir::kMaxRepeatedElements) {
    return Error(Code::kUnsupported, "expands to {}, which is too large", ShapeText(shape));
  }
  if (x.IsConstant() && x.constant->size() == 1 && x.constant->dtype() != DType::kF32) {
    Tensor filled(DType::kS64, shape);
    std::fill_n(filled.data<int64_t>(), filled.size(), static_cast<int64_t>(x.constant->At(0)));
    return context.Set(ConstantSymbol(std::move(filled)));
  }
  Tensor ones(DType::kF32, shape);
  std::fill_n(ones.data<float>(), ones.size(), 1.0F);
  return context.Set(
      context.builder.Append("Mul", context.name, {x, ConstantSymbol(std::move(ones))}));
}

Status ReadTranspose(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  std::vector<int64_t> reversed;
  for (size_t i = context.builder.ShapeOf(x).size(); i-- > 0;) {
    reversed.push_back(static_cast<int64_t>(i));
  }
  BLUESTEM_ASSIGN_OR_RETURN(auto perm, context.Ints("perm", reversed));
  ir::Attributes attributes;
  attributes.Set("perm", std::move(perm));
  return context.Set(context.builder.Append("Transpose", context.name, {x}, attributes));
}

Status ReadConcat(OnnxContext& context) {
  std::vector<Symbol> inputs;
  for (int i = 0; i < context.node.input_size(); ++i) {
    BLUESTEM_ASSIGN_OR_RETURN(Symbol input, context.In(i));
    inputs.push_back(std::move(input));
  }
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t axis, context.Int("axis", 0));
  ir::Attributes attributes;
  attributes.Set("axis", axis);
  return context.Set(context.builder.Append("Concat", context.name, inputs, attributes));
}

Status ReadSlice(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(auto starts, context.IntsOrInput("starts", 1));
  BLUESTEM_ASSIGN_OR_RETURN(auto ends, context.IntsOrInput("ends", 2));
  BLUESTEM_ASSIGN_OR_RETURN(auto axes, context.IntsOrInput("axes", 3));
  BLUESTEM_ASSIGN_OR_RETURN(auto steps, context.IntsOrInput("steps", 4));
  for (size_t i = 0; axes.size() < starts.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  if (steps.empty()) steps.assign(starts.size(), 1);
  ir::Attributes attributes;
  attributes.Set("starts", starts).Set("ends", ends).Set("axes", axes).Set("steps", steps);
  return context.Set(context.builder.Append("Slice", context.name, {x}, attributes));
}

Status ReadSplit(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(int64_t axis, context.Int("axis", 0));
  BLUESTEM_ASSIGN_OR_RETURN(auto sizes, context.IntsOrInput("split", 1));
  const Shape shape = context.builder.ShapeOf(x);
  BLUESTEM_ASSIGN_OR_RETURN(axis, NormalAxis(axis, shape.size()));
  const int64_t extent = shape[static_cast<size_t>(axis)];
  const int parts = context.node.output_size();
  if (sizes.empty() && parts > 0) {
    // Equal parts; the last may be smaller.
    const int64_t size = (extent + parts - 1) / parts;
    for (int64_t at = 0; at < extent; at += size) sizes.push_back(std::min(size, extent - at));
  }
  if (sizes.size() != static_cast<size_t>(parts)) {
    return Error(Code::kInvalidData, "axis {} of {} does not split into {} parts", axis,
                 ShapeText(shape), parts);
  }
  int64_t at = 0;
  for (int i = 0; i < parts; ++i) {
    const int64_t size = sizes[static_cast<size_t>(i)];
    if (size < 1 || size > extent - at) {
      return Error(Code::kInvalidData, "part {} of size {} does not fit axis {} of {}", i, size,
                   axis, ShapeText(shape));
    }
    ir::Attributes attributes;
    attributes.Set("starts", std::vector<int64_t>{at})
        .Set("ends", std::vector<int64_t>{at + size})
        .Set("axes", std::vector<int64_t>{axis});
    BLUESTEM_RETURN_IF_ERROR(
        context.Set(context.builder.Append("Slice", context.name, {x}, attributes), i));
    at += size;
  }
  return at == extent ? OkStatus()
                      : Error(Code::kInvalidData, "the parts make {} of axis {} of {}", at, axis,
                              ShapeText(shape));
}

Status ReadPad(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const std::string mode, context.Text("mode", "constant"));
  if (mode != "constant") {
    return Error(Code::kUnsupported, "mode \"{}\"; only constant padding is supported", mode);
  }
  BLUESTEM_ASSIGN_OR_RETURN(auto pads, context.IntsOrInput("pads", 1));
  BLUESTEM_ASSIGN_OR_RETURN(double value, context.Float("value", 0));
  if (context.Has(2)) {
    BLUESTEM_ASSIGN_OR_RETURN(const Symbol symbol, context.In(2));
    BLUESTEM_ASSIGN_OR_RETURN(value, ConstantScalar(symbol, "the value"));
  }
  if (context.Has(3)) {
    // Opset 18 names the axes that are padded.
    BLUESTEM_ASSIGN_OR_RETURN(const auto axes, context.IntsOrInput("axes", 3));
    const size_t rank = context.builder.ShapeOf(x).size();
    if (pads.size() != 2 * axes.size()) {
      return Error(Code::kInvalidData, "{} pads for {} axes", pads.size(), axes.size());
    }
    std::vector<int64_t> all(2 * rank, 0);
    for (size_t i = 0; i < axes.size(); ++i) {
      BLUESTEM_ASSIGN_OR_RETURN(const int64_t axis, NormalAxis(axes[i], rank));
      all[static_cast<size_t>(axis)] = pads[i];
      all[static_cast<size_t>(axis) + rank] = pads[i + axes.size()];
    }
    pads = std::move(all);
  }
  ir::Attributes attributes;
  attributes.Set("pads", pads).Set("value", value);
  return context.Set(context.builder.Append("Pad", context.name, {x}, attributes));
}

constexpr OnnxReader kReaders[] = {
    {"Shape", ReadShape},
    {"Constant", ReadConstant},
    {"ConstantOfShape", ReadConstantOfShape},
    {"Cast", ReadCast},
    {"Gather", ReadGather},
    {"Reshape", ReadReshape},
    {"Flatten", ReadFlatten},
    {"Squeeze", ReadSqueeze},
    {"Unsqueeze", ReadUnsqueeze},
    {"Transpose", ReadTranspose},
    {"Expand", ReadExpand},
    {"Concat", ReadConcat},
    {"Slice", ReadSlice},
    {"Split", ReadSplit},
    {"Pad", ReadPad},
};

}  // namespace

std::span<const OnnxReader> OnnxShapeReaders() {
  return kReaders;
}

}  // namespace bluestem::interchange
