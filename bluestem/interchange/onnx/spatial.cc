#include <cmath>

#include "bluestem/interchange/onnx/context.h"

namespace bluestem::interchange {
namespace {

Status ReadBlock(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t block, context.Int("blocksize", 0));
  BLUESTEM_ASSIGN_OR_RETURN(std::string mode, context.Text("mode", "DCR"));
  ir::Attributes attributes;
  attributes.Set("block", block).Set("layout", std::string("NCHW")).Set("mode", std::move(mode));
  return context.Set(context.builder.Append(context.node.op_type(), context.name, {x}, attributes));
}

// Returns the scales of all axes from the attribute, the input of scales, or the input of sizes.
Result<std::vector<double>> ReadScales(const OnnxContext& context, const Shape& shape) {
  std::vector<double> scales;
  for (const onnx::AttributeProto& attribute : context.node.attribute()) {
    if (attribute.name() == "scales") {
      scales.assign(attribute.floats().begin(), attribute.floats().end());
    }
  }
  const int scales_input = context.node.op_type() == "Upsample" || context.opset < 11 ? 1 : 2;
  if (scales.empty() && context.Has(scales_input)) {
    BLUESTEM_ASSIGN_OR_RETURN(const Symbol symbol, context.In(scales_input));
    if (!symbol.IsConstant()) return Error(Code::kUnsupported, "scales must be constant");
    for (int64_t i = 0; i < symbol.constant->size(); ++i) scales.push_back(symbol.constant->At(i));
  }
  if (scales.empty() && context.Has(3)) {
    BLUESTEM_ASSIGN_OR_RETURN(const Symbol symbol, context.In(3));
    BLUESTEM_ASSIGN_OR_RETURN(const auto sizes, ConstantInts(symbol, "sizes"));
    for (size_t i = 0; i < sizes.size() && i < shape.size(); ++i) {
      scales.push_back(static_cast<double>(sizes[i]) / static_cast<double>(shape[i]));
    }
  }
  if (scales.size() != 4 || shape.size() != 4) {
    return Error(Code::kUnsupported, "resizes {} by {} scales; only [n,c,h,w] is supported",
                 ShapeText(shape), scales.size());
  }
  if (context.builder.declared_batch > 1 && context.Has(3)) scales[0] = 1;
  return scales;
}

// Checks that the sampling rule picks source pixel floor(i / scale) for whole scales.
Status CheckSampling(const OnnxContext& context, bool is_double) {
  if (context.node.op_type() == "Upsample" || context.opset < 11) return OkStatus();
  BLUESTEM_ASSIGN_OR_RETURN(const std::string transform,
                            context.Text("coordinate_transformation_mode", "half_pixel"));
  BLUESTEM_ASSIGN_OR_RETURN(const std::string nearest,
                            context.Text("nearest_mode", "round_prefer_floor"));
  const bool half_pixel = (transform == "half_pixel" || transform == "pytorch_half_pixel") &&
                          (nearest == "round_prefer_floor" || nearest == "round_prefer_ceil");
  const bool asymmetric = transform == "asymmetric" &&
                          (nearest == "floor" || (nearest == "round_prefer_floor" && is_double));
  const bool tensorflow = transform == "tf_half_pixel_for_nn" && nearest == "floor";
  if (half_pixel || asymmetric || tensorflow) return OkStatus();
  return Error(Code::kUnsupported,
               "coordinates \"{}\" with rounding \"{}\"; supported: asymmetric "
               "with floor, half_pixel with round_prefer_floor",
               transform, nearest);
}

Status ReadResize(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const std::string mode, context.Text("mode", "nearest"));
  if (mode != "nearest") {
    return Error(Code::kUnsupported, "mode \"{}\"; only nearest is supported", mode);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const auto scales, ReadScales(context, context.builder.ShapeOf(x)));
  for (size_t i = 0; i < 4; ++i) {
    const bool whole = scales[i] == std::floor(scales[i]) && scales[i] >= 1 && scales[i] <= 4096;
    if (!whole || (i < 2 && scales[i] != 1)) {
      return Error(Code::kUnsupported, "scale {} of axis {}; only whole scales of h and w",
                   scales[i], i);
    }
  }
  BLUESTEM_RETURN_IF_ERROR(CheckSampling(context, scales[2] <= 2 && scales[3] <= 2));
  ir::Attributes attributes;
  attributes.Set("scale_h", static_cast<int64_t>(scales[2]))
      .Set("scale_w", static_cast<int64_t>(scales[3]))
      .Set("layout", std::string("NCHW"));
  return context.Set(context.builder.Append("ResizeNearest", context.name, {x}, attributes));
}

// A mean or maximum over h and w of a map is a global pool; anything else stays a reduction.
Status ReadReduce(OnnxContext& context) {
  Builder& builder = context.builder;
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(auto axes, context.IntsOrInput("axes", 1));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t keep, context.Int("keepdims", 1));
  const Shape shape = builder.ShapeOf(x);
  const auto rank = static_cast<int64_t>(shape.size());
  for (int64_t i = 0; axes.empty() && i < rank; ++i) axes.push_back(i);
  for (int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  const std::string& op = context.node.op_type();
  const bool over_map = axes == std::vector<int64_t>{2, 3} || axes == std::vector<int64_t>{3, 2};
  if (rank == 4 && over_map && op != "ReduceSum") {
    ir::Attributes layout;
    layout.Set("layout", std::string("NCHW"));
    BLUESTEM_ASSIGN_OR_RETURN(const Symbol pooled,
                              builder.Append(op == "ReduceMax" ? "GlobalMaxPool" : "GlobalAvgPool",
                                             context.name, {x}, layout));
    if (keep != 0) return context.Set(pooled);
    ir::Attributes flat;
    flat.Set("shape", Shape{shape[0], shape[1]});
    return context.Set(builder.Append("Reshape", context.name + "/shape", {pooled}, flat));
  }
  ir::Attributes attributes;
  attributes.Set("axes", axes).Set("keepdims", keep);
  return context.Set(builder.Append(op, context.name, {x}, attributes));
}

constexpr OnnxReader kReaders[] = {
    {"SpaceToDepth", ReadBlock}, {"DepthToSpace", ReadBlock}, {"Resize", ReadResize},
    {"Upsample", ReadResize},    {"ReduceMean", ReadReduce},  {"ReduceMax", ReadReduce},
    {"ReduceSum", ReadReduce},
};

}  // namespace

std::span<const OnnxReader> OnnxSpatialReaders() {
  return kReaders;
}

}  // namespace bluestem::interchange
