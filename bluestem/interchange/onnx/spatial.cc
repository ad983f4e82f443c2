#include <algorithm>
#include <cmath>

#include "bluestem/interchange/onnx/context.h"
#include "bluestem/interchange/resample.h"

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
  const Builder& builder = context.builder;
  if (builder.declared_batch != builder.batch && context.Has(3)) scales[0] = 1;
  return scales;
}

// How output position i of an axis maps to an input position. Scale: out / in, as the file says.
struct Axis {
  int64_t in, out;
  double scale;
};

Result<double> PositionOf(const std::string& transform, const Axis& axis, int64_t i) {
  const auto x = static_cast<double>(i);
  const auto in = static_cast<double>(axis.in);
  const auto out = static_cast<double>(axis.out);
  if (transform == "half_pixel") return (x + 0.5) / axis.scale - 0.5;
  if (transform == "pytorch_half_pixel") return out > 1 ? (x + 0.5) / axis.scale - 0.5 : 0.0;
  if (transform == "asymmetric") return x / axis.scale;
  if (transform == "align_corners") return out > 1 ? x * (in - 1) / (out - 1) : 0.0;
  if (transform == "tf_half_pixel_for_nn") return (x + 0.5) / axis.scale;
  if (transform == "half_pixel_symmetric") {
    const double adjusted = out / (axis.scale * in);
    return in / 2 * (1 - adjusted) + (x + 0.5) / axis.scale - 0.5;
  }
  return Error(Code::kUnsupported,
               "coordinate_transformation_mode \"{}\"; supported: half_pixel, pytorch_half_pixel, "
               "half_pixel_symmetric, asymmetric, align_corners, tf_half_pixel_for_nn",
               transform);
}

Result<int64_t> NearestOf(const std::string& mode, double position) {
  const double below = std::floor(position);
  const double rest = position - below;
  if (mode == "floor") return static_cast<int64_t>(below);
  if (mode == "ceil") return static_cast<int64_t>(std::ceil(position));
  if (mode == "round_prefer_floor") return static_cast<int64_t>(rest > 0.5 ? below + 1 : below);
  if (mode == "round_prefer_ceil") return static_cast<int64_t>(rest >= 0.5 ? below + 1 : below);
  return Error(Code::kUnsupported, "nearest_mode \"{}\"", mode);
}

struct Sampling {
  std::string mode, transform, nearest;
  double cubic_a = -0.75;
};

Result<Sampling> ReadSampling(const OnnxContext& context) {
  Sampling sampling;
  const bool old = context.node.op_type() == "Upsample" || context.opset < 11;
  BLUESTEM_ASSIGN_OR_RETURN(sampling.mode, context.Text("mode", "nearest"));
  BLUESTEM_ASSIGN_OR_RETURN(sampling.transform, context.Text("coordinate_transformation_mode",
                                                             old ? "asymmetric" : "half_pixel"));
  BLUESTEM_ASSIGN_OR_RETURN(sampling.nearest,
                            context.Text("nearest_mode", old ? "floor" : "round_prefer_floor"));
  BLUESTEM_ASSIGN_OR_RETURN(sampling.cubic_a, context.Float("cubic_coeff_a", -0.75));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t antialias, context.Int("antialias", 0));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t exclude, context.Int("exclude_outside", 0));
  if (sampling.mode == "bilinear") sampling.mode = "linear";
  const bool known =
      sampling.mode == "nearest" || sampling.mode == "linear" || sampling.mode == "cubic";
  if (!known || antialias != 0 || exclude != 0) {
    return Error(Code::kUnsupported,
                 "mode \"{}\"{}{}; supported: nearest, linear and cubic without antialias and "
                 "exclude_outside",
                 sampling.mode, antialias != 0 ? " with antialias" : "",
                 exclude != 0 ? " with exclude_outside" : "");
  }
  return sampling;
}

// Returns the taps of each output position. Errors: of the sampling's names.
Result<std::vector<std::vector<Tap>>> TapsOf(const Sampling& sampling, const Axis& axis) {
  std::vector<std::vector<Tap>> all;
  for (int64_t i = 0; i < axis.out; ++i) {
    BLUESTEM_ASSIGN_OR_RETURN(const double position, PositionOf(sampling.transform, axis, i));
    if (sampling.mode == "linear") {
      all.push_back(LinearTaps(position));
    } else if (sampling.mode == "cubic") {
      all.push_back(CubicTaps(position, sampling.cubic_a));
    } else {
      BLUESTEM_ASSIGN_OR_RETURN(const int64_t nearest, NearestOf(sampling.nearest, position));
      all.push_back({{nearest, 1.0}});
    }
  }
  return all;
}

// True where output i is input floor(i / scale) for a whole scale.
bool Repeats(const std::vector<std::vector<Tap>>& taps, const Axis& axis) {
  if (axis.out % axis.in != 0) return false;
  for (int64_t i = 0; i < axis.out; ++i) {
    const auto& one = taps[static_cast<size_t>(i)];
    const int64_t position = std::clamp<int64_t>(one[0].position, 0, axis.in - 1);
    if (one.size() != 1 || position != i / (axis.out / axis.in)) return false;
  }
  return true;
}

// Whole repetitions of pixels are ResizeNearest; all else is a matrix product for h and one for w.
Status ReadResize(OnnxContext& context) {
  Builder& builder = context.builder;
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  const Shape shape = builder.ShapeOf(x);
  BLUESTEM_ASSIGN_OR_RETURN(const auto scales, ReadScales(context, shape));
  BLUESTEM_ASSIGN_OR_RETURN(const Sampling sampling, ReadSampling(context));
  std::vector<Axis> axes;
  std::vector<std::vector<std::vector<Tap>>> taps;
  for (size_t i = 0; i < 4; ++i) {
    const auto in = static_cast<double>(shape[i]);
    // A size over an extent may come out below the size again; the sum is far below a pixel.
    const double extent = std::floor(in * scales[i] + 1e-6);
    if (!(extent >= 1 && extent <= 65536) || (i < 2 && scales[i] != 1)) {
      return Error(Code::kUnsupported,
                   "scale {} of axis {}; only h and w are resized, to at most "
                   "65536",
                   scales[i], i);
    }
    if (i < 2) continue;
    axes.push_back({shape[i], static_cast<int64_t>(extent), scales[i]});
    BLUESTEM_ASSIGN_OR_RETURN(auto one, TapsOf(sampling, axes.back()));
    taps.push_back(std::move(one));
  }
  if (Repeats(taps[0], axes[0]) && Repeats(taps[1], axes[1])) {
    ir::Attributes attributes;
    attributes.Set("scale_h", axes[0].out / axes[0].in)
        .Set("scale_w", axes[1].out / axes[1].in)
        .Set("layout", std::string("NCHW"));
    return context.Set(builder.Append("ResizeNearest", context.name, {x}, attributes));
  }
  Symbol y = x;
  for (size_t i = 0; i < 2; ++i) {
    if (axes[i].out == axes[i].in && Repeats(taps[i], axes[i])) continue;
    BLUESTEM_ASSIGN_OR_RETURN(
        y, Resample(builder, context.name, y, 2 + i, axes[i].out,
                    [&](int64_t at) { return taps[i][static_cast<size_t>(at)]; }));
  }
  return context.Set(y);
}

// A mean or maximum over h and w of a map is a global pool; anything else stays a reduction.
Status ReadReduce(OnnxContext& context) {
  Builder& builder = context.builder;
  BLUESTEM_ASSIGN_OR_RETURN(Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(auto axes, context.IntsOrInput("axes", 1));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t keep, context.Int("keepdims", 1));
  const Shape shape = builder.ShapeOf(x);
  const auto rank = static_cast<int64_t>(shape.size());
  for (int64_t i = 0; axes.empty() && i < rank; ++i) axes.push_back(i);
  for (int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  std::string op = context.node.op_type();
  if (op == "ReduceMin") {  // -max(-x)
    BLUESTEM_ASSIGN_OR_RETURN(x, builder.Append("Neg", context.name + "/minus", {x}));
    op = "ReduceMax";
  }
  const auto finish = [&](Result<Symbol> y) {
    if (!y.ok() || context.node.op_type() != "ReduceMin") return context.Set(std::move(y));
    return context.Set(builder.Append("Neg", context.name + "/back", {*y}));
  };
  const bool over_map = axes == std::vector<int64_t>{2, 3} || axes == std::vector<int64_t>{3, 2};
  if (rank == 4 && over_map && op != "ReduceSum") {
    ir::Attributes layout;
    layout.Set("layout", std::string("NCHW"));
    BLUESTEM_ASSIGN_OR_RETURN(const Symbol pooled,
                              builder.Append(op == "ReduceMax" ? "GlobalMaxPool" : "GlobalAvgPool",
                                             context.name, {x}, layout));
    if (keep != 0) return finish(pooled);
    ir::Attributes flat;
    flat.Set("shape", Shape{shape[0], shape[1]});
    return finish(builder.Append("Reshape", context.name + "/shape", {pooled}, flat));
  }
  ir::Attributes attributes;
  attributes.Set("axes", axes).Set("keepdims", keep);
  return finish(builder.Append(op, context.name, {x}, attributes));
}

constexpr OnnxReader kReaders[] = {
    {"SpaceToDepth", ReadBlock}, {"DepthToSpace", ReadBlock}, {"Resize", ReadResize},
    {"Upsample", ReadResize},    {"ReduceMean", ReadReduce},  {"ReduceMax", ReadReduce},
    {"ReduceSum", ReadReduce},   {"ReduceMin", ReadReduce},
};

}  // namespace

std::span<const OnnxReader> OnnxSpatialReaders() {
  return kReaders;
}

}  // namespace bluestem::interchange
