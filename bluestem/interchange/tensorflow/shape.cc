#include <algorithm>
#include <cmath>
#include <limits>

#include "bluestem/interchange/resample.h"
#include "bluestem/interchange/tensorflow/context.h"

// Rearrangements, and the arithmetic on shapes, whose inputs are constants.
namespace bluestem::interchange {
namespace {

Result<int64_t> NormalAxis(int64_t axis, size_t rank) {
  const auto limit = static_cast<int64_t>(rank);
  if (axis < -limit || axis >= limit) {
    return Error(Code::kInvalidData, "axis {} is outside a value of {} axes", axis, rank);
  }
  return axis < 0 ? axis + limit : axis;
}

Result<std::vector<int64_t>> IntsIn(const TensorFlowContext& context, int i, const char* what) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol symbol, context.In(i));
  return ConstantInts(symbol, fmt::format("input {} ({})", i, what));
}

Result<int64_t> IntIn(const TensorFlowContext& context, int i, const char* what) {
  BLUESTEM_ASSIGN_OR_RETURN(const auto list, IntsIn(context, i, what));
  if (list.size() == 1) return list[0];
  return Error(Code::kInvalidData, "input {} ({}) has {} elements; expected one", i, what,
               list.size());
}

Result<Symbol> Reshaped(TensorFlowContext& context, const Symbol& x, Shape shape) {
  ir::Attributes attributes;
  attributes.Set("shape", std::move(shape));
  return context.builder.Append("Reshape", context.name(), {x}, std::move(attributes));
}

Status ReadReshape(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(Shape shape, IntsIn(context, 1, "shape"));
  context.builder.PutBatch(x, shape);
  return context.Set(Reshaped(context, x, std::move(shape)));
}

Status ReadShape(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  const Shape& shape = context.builder.ShapeOf(x);
  return context.Set(
      ConstantSymbol(Tensor::Of<int64_t>({static_cast<int64_t>(shape.size())}, shape)));
}

Status ReadSqueeze(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const auto axes, context.Ints("squeeze_dims", {}));
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
  return context.Set(Reshaped(context, x, std::move(shape)));
}

Status ReadExpandDims(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(int64_t axis, IntIn(context, 1, "dim"));
  Shape shape = context.builder.ShapeOf(x);
  BLUESTEM_ASSIGN_OR_RETURN(axis, NormalAxis(axis, shape.size() + 1));
  shape.insert(shape.begin() + axis, 1);
  return context.Set(Reshaped(context, x, std::move(shape)));
}

Status ReadTranspose(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(auto perm, IntsIn(context, 1, "perm"));
  ir::Attributes attributes;
  attributes.Set("perm", std::move(perm));
  return context.Set(context.builder.Append("Transpose", context.name(), {x}, attributes));
}

// The parts, then the axis.
Status ReadConcat(TensorFlowContext& context) {
  const int parts = context.InputCount() - 1;
  if (parts < 1) return Error(Code::kInvalidData, "has no parts");
  std::vector<Symbol> inputs;
  for (int i = 0; i < parts; ++i) {
    BLUESTEM_ASSIGN_OR_RETURN(Symbol input, context.In(i));
    inputs.push_back(std::move(input));
  }
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t axis, IntIn(context, parts, "axis"));
  ir::Attributes attributes;
  attributes.Set("axis", axis);
  return context.Set(context.builder.Append("Concat", context.name(), inputs, attributes));
}

// Joins values along a new axis.
Status ReadPack(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(int64_t axis, context.Int("axis", 0));
  std::vector<Symbol> parts;
  for (int i = 0; i < context.InputCount(); ++i) {
    BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(i));
    Shape shape = context.builder.ShapeOf(x);
    BLUESTEM_ASSIGN_OR_RETURN(axis, NormalAxis(axis, shape.size() + 1));
    shape.insert(shape.begin() + axis, 1);
    BLUESTEM_ASSIGN_OR_RETURN(Symbol part, Reshaped(context, x, std::move(shape)));
    parts.push_back(std::move(part));
  }
  if (parts.empty()) return Error(Code::kInvalidData, "has no parts");
  ir::Attributes attributes;
  attributes.Set("axis", axis);
  return context.Set(context.builder.Append("Concat", context.name(), parts, attributes));
}

// Cuts `x` along `axis` into parts of the given sizes.
Status Cut(TensorFlowContext& context, const Symbol& x, int64_t axis,
           const std::vector<int64_t>& sizes) {
  const Shape shape = context.builder.ShapeOf(x);
  int64_t at = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 1 || sizes[i] > shape[static_cast<size_t>(axis)] - at) {
      return Error(Code::kInvalidData, "part {} of size {} does not fit axis {} of {}", i, sizes[i],
                   axis, ShapeText(shape));
    }
    ir::Attributes attributes;
    attributes.Set("starts", std::vector<int64_t>{at})
        .Set("ends", std::vector<int64_t>{at + sizes[i]})
        .Set("axes", std::vector<int64_t>{axis});
    BLUESTEM_RETURN_IF_ERROR(context.Set(
        context.builder.Append("Slice", context.name(), {x}, attributes), static_cast<int>(i)));
    at += sizes[i];
  }
  return OkStatus();
}

Status ReadSplit(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(int64_t axis, IntIn(context, 0, "axis"));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(1));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t parts, context.Int("num_split", 1));
  const Shape& shape = context.builder.ShapeOf(x);
  BLUESTEM_ASSIGN_OR_RETURN(axis, NormalAxis(axis, shape.size()));
  const int64_t extent = shape[static_cast<size_t>(axis)];
  if (parts < 1 || parts > extent || extent % parts != 0) {
    return Error(Code::kInvalidData, "axis {} of {} does not split into {} parts", axis,
                 ShapeText(shape), parts);
  }
  return Cut(context, x, axis, std::vector<int64_t>(static_cast<size_t>(parts), extent / parts));
}

Status ReadSplitV(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const auto sizes, IntsIn(context, 1, "sizes"));
  BLUESTEM_ASSIGN_OR_RETURN(int64_t axis, IntIn(context, 2, "axis"));
  BLUESTEM_ASSIGN_OR_RETURN(axis, NormalAxis(axis, context.builder.ShapeOf(x).size()));
  return Cut(context, x, axis, sizes);
}

// [before, after] an axis.
Status ReadPad(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const auto pairs, IntsIn(context, 1, "paddings"));
  double value = 0;
  if (context.node.op() == "PadV2") {
    BLUESTEM_ASSIGN_OR_RETURN(const Symbol symbol, context.In(2));
    BLUESTEM_ASSIGN_OR_RETURN(value, ConstantScalar(symbol, "input 2 (value)"));
  }
  std::vector<int64_t> pads;
  for (const size_t first : {size_t{0}, size_t{1}}) {
    for (size_t i = first; i < pairs.size(); i += 2) pads.push_back(pairs[i]);
  }
  ir::Attributes attributes;
  attributes.Set("pads", pads).Set("value", value);
  return context.Set(context.builder.Append("Pad", context.name(), {x}, attributes));
}

Status ReadStridedSlice(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(auto begin, IntsIn(context, 1, "begin"));
  BLUESTEM_ASSIGN_OR_RETURN(auto end, IntsIn(context, 2, "end"));
  BLUESTEM_ASSIGN_OR_RETURN(const auto strides, IntsIn(context, 3, "strides"));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t begin_mask, context.Int("begin_mask", 0));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t end_mask, context.Int("end_mask", 0));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t shrink_mask, context.Int("shrink_axis_mask", 0));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t ellipsis, context.Int("ellipsis_mask", 0));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t new_axis, context.Int("new_axis_mask", 0));
  if (ellipsis != 0 || new_axis != 0) {
    return Error(Code::kUnsupported, "uses ellipsis_mask or new_axis_mask");
  }
  if (begin.size() > 6 || end.size() != begin.size()) {
    return Error(Code::kInvalidData, "begin has {} entries, end {}", begin.size(), end.size());
  }
  std::vector<int64_t> axes;
  for (size_t i = 0; i < begin.size(); ++i) {
    axes.push_back(static_cast<int64_t>(i));
    const auto masked = [&](int64_t mask) { return (mask >> i & 1) != 0; };
    if (masked(shrink_mask)) {
      end[i] = begin[i] == -1 ? std::numeric_limits<int64_t>::max() : begin[i] + 1;
      continue;
    }
    using Limits = std::numeric_limits<int64_t>;
    const bool back = i < strides.size() && strides[i] < 0;
    if (masked(begin_mask)) begin[i] = back ? Limits::max() : 0;
    if (masked(end_mask)) end[i] = back ? Limits::min() : Limits::max();
  }
  ir::Attributes attributes;
  attributes.Set("starts", begin).Set("ends", end).Set("axes", axes).Set("steps", strides);
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol slice,
                            context.builder.Append("Slice", context.name(), {x}, attributes));
  if (shrink_mask == 0) return context.Set(slice);
  const Shape& from = context.builder.ShapeOf(slice);
  Shape shape;
  for (size_t i = 0; i < from.size(); ++i) {
    if (i >= begin.size() || (shrink_mask >> i & 1) == 0) shape.push_back(from[i]);
  }
  return context.Set(Reshaped(context, slice, std::move(shape)));
}

Status ReadSlice(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const auto begin, IntsIn(context, 1, "begin"));
  BLUESTEM_ASSIGN_OR_RETURN(const auto size, IntsIn(context, 2, "size"));
  std::vector<int64_t> ends;
  std::vector<int64_t> axes;
  for (size_t i = 0; i < begin.size() && i < size.size(); ++i) {
    int64_t end = 0;
    const bool rest = size[i] == -1 || __builtin_add_overflow(begin[i], size[i], &end);
    ends.push_back(rest ? std::numeric_limits<int64_t>::max() : end);
    axes.push_back(static_cast<int64_t>(i));
  }
  ir::Attributes attributes;
  attributes.Set("starts", begin).Set("ends", ends).Set("axes", axes);
  return context.Set(context.builder.Append("Slice", context.name(), {x}, attributes));
}

// Patches that do not overlap are blocks: the channel order is that of SpaceToDepth.
Status ReadPatches(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const auto sizes, context.Ints("ksizes", {}));
  BLUESTEM_ASSIGN_OR_RETURN(const auto strides, context.Ints("strides", {}));
  BLUESTEM_ASSIGN_OR_RETURN(const auto rates, context.Ints("rates", {1, 1, 1, 1}));
  const bool blocks = sizes.size() == 4 && sizes == strides && sizes[0] == 1 &&
                      sizes[1] == sizes[2] && sizes[3] == 1 &&
                      rates == std::vector<int64_t>{1, 1, 1, 1};
  if (!blocks) {
    return Error(Code::kUnsupported,
                 "ksizes {}, strides {}, rates {}: only square patches side by side are supported",
                 ShapeText(sizes), ShapeText(strides), ShapeText(rates));
  }
  ir::Attributes attributes;
  attributes.Set("block", sizes[1]).Set("layout", std::string("NHWC"));
  return context.Set(context.builder.Append("SpaceToDepth", context.name(), {x}, attributes));
}

Status ReadBlock(TensorFlowContext& context) {
  BLUESTEM_RETURN_IF_ERROR(context.NeedNhwc());
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t block, context.Int("block_size", 0));
  ir::Attributes attributes;
  attributes.Set("block", block).Set("layout", std::string("NHWC"));
  return context.Set(context.builder.Append(context.node.op(), context.name(), {x}, attributes));
}

// The input position of output position i along an axis.
double PositionOf(int64_t in, int64_t out, bool align, bool half_pixel, int64_t i) {
  const auto x = static_cast<double>(i);
  if (align && out > 1) return x * static_cast<double>(in - 1) / static_cast<double>(out - 1);
  const double ratio = static_cast<double>(in) / static_cast<double>(out);
  return half_pixel ? (x + 0.5) * ratio - 0.5 : x * ratio;
}

// Whole repetitions of pixels are ResizeNearest; all else is a matrix product for h and one for w.
Status ReadResize(TensorFlowContext& context) {
  Builder& builder = context.builder;
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const auto size, IntsIn(context, 1, "size"));
  BLUESTEM_ASSIGN_OR_RETURN(const bool align, context.Bool("align_corners", false));
  BLUESTEM_ASSIGN_OR_RETURN(const bool half_pixel, context.Bool("half_pixel_centers", false));
  const Shape shape = builder.ShapeOf(x);
  if (shape.size() != 4 || size.size() != 2 || size[0] < 1 || size[1] < 1) {
    return Error(Code::kInvalidData, "resizes {} to {}; expected [n,h,w,c] and two sizes above 0",
                 ShapeText(shape), ShapeText(size));
  }
  const bool nearest = context.node.op() == "ResizeNearestNeighbor";
  if (nearest && !align && size[0] % shape[1] == 0 && size[1] % shape[2] == 0) {
    ir::Attributes attributes;
    attributes.Set("scale_h", size[0] / shape[1])
        .Set("scale_w", size[1] / shape[2])
        .Set("layout", std::string("NHWC"));
    return context.Set(builder.Append("ResizeNearest", context.name(), {x}, attributes));
  }
  Symbol y = x;
  for (const size_t axis : {size_t{1}, size_t{2}}) {
    const int64_t in = shape[axis];
    const int64_t out = size[axis - 1];
    if (in == out) continue;
    const auto taps = [&](int64_t i) {
      const double position = PositionOf(in, out, align, half_pixel, i);
      if (!nearest) return LinearTaps(position);
      // With half pixels the pixel that holds the centre, with corners the nearest, else the one
      // that begins before.
      const double pick = half_pixel || align ? position + 0.5 : position;
      return std::vector<Tap>{{static_cast<int64_t>(std::floor(pick)), 1.0}};
    };
    BLUESTEM_ASSIGN_OR_RETURN(y, Resample(builder, context.name(), y, axis, out, taps));
  }
  return context.Set(y);
}

// Mean, Max and Sum; a mean over h and w of a map is a global pool.
Status ReadReduce(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(auto axes, IntsIn(context, 1, "axes"));
  BLUESTEM_ASSIGN_OR_RETURN(const bool keep, context.Bool("keep_dims", false));
  const Shape shape = context.builder.ShapeOf(x);
  for (int64_t& axis : axes) axis += axis < 0 ? static_cast<int64_t>(shape.size()) : 0;
  const bool over_map = shape.size() == 4 &&
                        (axes == std::vector<int64_t>{1, 2} || axes == std::vector<int64_t>{2, 1});
  const std::string& op = context.node.op();
  if (over_map && op != "Sum") {
    ir::Attributes layout;
    layout.Set("layout", std::string("NHWC"));
    BLUESTEM_ASSIGN_OR_RETURN(
        const Symbol pooled, context.builder.Append(op == "Max" ? "GlobalMaxPool" : "GlobalAvgPool",
                                                    context.name(), {x}, layout));
    if (keep) return context.Set(pooled);
    return context.Set(Reshaped(context, pooled, {shape[0], shape[3]}));
  }
  ir::Attributes attributes;
  attributes.Set("axes", axes).Set("keepdims", int64_t{keep ? 1 : 0});
  return context.Set(context.builder.Append("Reduce" + op, context.name(), {x}, attributes));
}

// Arithmetic on shapes: constants of whole numbers.
Status ReadFloorDiv(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const auto x, IntsIn(context, 0, "x"));
  BLUESTEM_ASSIGN_OR_RETURN(const auto y, IntsIn(context, 1, "y"));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol symbol, context.In(0));
  if (y.size() != 1 || y[0] < 1) {
    return Error(Code::kUnsupported, "divides by {}; expected one number above 0", ShapeText(y));
  }
  Tensor quotient(DType::kS64, symbol.constant->shape());
  for (size_t i = 0; i < x.size(); ++i) {
    const int64_t rest = x[i] % y[0];
    quotient.data<int64_t>()[i] = x[i] / y[0] - (rest < 0 ? 1 : 0);
  }
  return context.Set(ConstantSymbol(std::move(quotient)));
}

Status ReadProd(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const auto x, IntsIn(context, 0, "x"));
  int64_t product = 1;
  for (const int64_t factor : x) {
    if (__builtin_mul_overflow(product, factor, &product)) {
      return Error(Code::kInvalidData, "the product of {} has more than 64 bits", ShapeText(x));
    }
  }
  return context.Set(ConstantSymbol(Tensor::Of<int64_t>({}, {product})));
}

// Entries of a list at constant places.
Status ReadGather(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const auto x, IntsIn(context, 0, "x"));
  BLUESTEM_ASSIGN_OR_RETURN(const auto places, IntsIn(context, 1, "indices"));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol indices, context.In(1));
  Tensor picked(DType::kS64, indices.constant->shape());
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i] < 0 || places[i] >= static_cast<int64_t>(x.size())) {
      return Error(Code::kInvalidData, "index {} is outside a list of {}", places[i], x.size());
    }
    picked.data<int64_t>()[i] = x[static_cast<size_t>(places[i])];
  }
  return context.Set(ConstantSymbol(std::move(picked)));
}

// Between numbers of one meaning; what is computed at run time is f32 and stays so.
Status ReadCast(TensorFlowContext& context) {
  constexpr int64_t kFloat = 1;
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  const auto it = context.node.attr().find("DstT");
  const int64_t to = it == context.node.attr().end() ? 0 : it->second.type();
  if (!x.IsConstant() && to != kFloat) {
    return Error(Code::kUnsupported,
                 "casts a value computed at run time to TensorFlow type {}; only "
                 "float (1)",
                 to);
  }
  if (!x.IsConstant()) return context.Set(x);
  if (to == kFloat) return context.Set(ConstantSymbol(x.constant->Cast(DType::kF32)));
  BLUESTEM_ASSIGN_OR_RETURN(const auto whole, ConstantInts(x, "input 0"));
  return context.Set(ConstantSymbol(Tensor::Of<int64_t>(x.constant->shape(), whole)));
}

// Ranking at the end of a graph is left to whoever reads the scores: they are the output.
Status ReadRanking(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  if (context.builder.IsRead(context.name() + ":0")) {
    return Error(Code::kUnsupported,
                 "other nodes read its output; only a ranking at the end can be left out");
  }
  context.builder.graph.notes.push_back(
      fmt::format("node \"{}\" ({}) is left out: the output is the scores that it ranks",
                  context.name(), context.node.op()));
  return context.Set(x);
}

constexpr TensorFlowReader kReaders[] = {
    {"Reshape", ReadReshape},
    {"Shape", ReadShape},
    {"Squeeze", ReadSqueeze},
    {"ExpandDims", ReadExpandDims},
    {"Transpose", ReadTranspose},
    {"ConcatV2", ReadConcat},
    {"Pack", ReadPack},
    {"Split", ReadSplit},
    {"SplitV", ReadSplitV},
    {"Pad", ReadPad},
    {"PadV2", ReadPad},
    {"StridedSlice", ReadStridedSlice},
    {"Slice", ReadSlice},
    {"ExtractImagePatches", ReadPatches},
    {"SpaceToDepth", ReadBlock},
    {"DepthToSpace", ReadBlock},
    {"ResizeNearestNeighbor", ReadResize},
    {"ResizeBilinear", ReadResize},
    {"FloorDiv", ReadFloorDiv},
    {"Prod", ReadProd},
    {"GatherV2", ReadGather},
    {"Gather", ReadGather},
    {"Cast", ReadCast},
    {"ArgMax", ReadRanking},
    {"Mean", ReadReduce},
    {"Max", ReadReduce},
    {"Sum", ReadReduce},
};

}  // namespace

std::span<const TensorFlowReader> TensorFlowShapeReaders() {
  return kReaders;
}

}  // namespace bluestem::interchange
