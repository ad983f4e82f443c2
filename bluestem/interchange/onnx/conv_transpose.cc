#include <algorithm>

#include "bluestem/interchange/onnx/context.h"

// ConvTranspose as a Conv and DepthToSpace. Along one axis, with stride s and kernel k,
//   y[s*m + r] = sum over j of x[m - j] * w[r + s*j],   j < q = ceil(k / s), r + s*j < k
// so that each of the s phases r is a convolution of its own with q taps; the s*s phases of a map
// are channels, which DepthToSpace (CRD) lays side by side. Pads cut the result.
namespace bluestem::interchange {
namespace {

constexpr int64_t kMaxStride = 64;

struct Geometry {
  int64_t stride = 1;
  int64_t groups = 1;
  std::vector<int64_t> kernel;  // h, w
  std::vector<int64_t> taps;    // q
  std::vector<int64_t> pads;    // top, left, bottom, right
  std::vector<int64_t> extra;   // output_padding
};

Result<Geometry> ReadGeometry(const OnnxContext& context, const Shape& x, const Shape& w) {
  Geometry g;
  if (x.size() != 4 || w.size() != 4 || w[0] != x[1]) {
    return Error(Code::kUnsupported,
                 "{} and weights {}; only [n,ci,h,w] and [ci,co,kh,kw] are "
                 "supported",
                 ShapeText(x), ShapeText(w));
  }
  BLUESTEM_ASSIGN_OR_RETURN(const auto strides, context.Ints("strides", {1, 1}));
  BLUESTEM_ASSIGN_OR_RETURN(const auto dilations, context.Ints("dilations", {1, 1}));
  BLUESTEM_ASSIGN_OR_RETURN(g.pads, context.Ints("pads", {0, 0, 0, 0}));
  BLUESTEM_ASSIGN_OR_RETURN(g.extra, context.Ints("output_padding", {0, 0}));
  BLUESTEM_ASSIGN_OR_RETURN(g.groups, context.Int("group", 1));
  BLUESTEM_ASSIGN_OR_RETURN(const std::string mode, context.Text("auto_pad", "NOTSET"));
  const bool plain = dilations == std::vector<int64_t>{1, 1} && strides.size() == 2 &&
                     strides[0] == strides[1] && mode == "NOTSET" &&
                     !context.HasAttribute("output_shape");
  if (!plain) {
    return Error(
        Code::kUnsupported,
        "strides {}, dilations {}, auto_pad {}{}: one stride for h and w, no dilation, and "
        "pads written out are supported",
        ShapeText(strides), ShapeText(dilations), mode,
        context.HasAttribute("output_shape") ? ", output_shape" : "");
  }
  g.stride = strides[0];
  const auto bad = [&](int64_t value) { return value < 0 || value > kMaxStride * kMaxStride; };
  if (g.stride < 1 || g.stride > kMaxStride || g.pads.size() != 4 || g.extra.size() != 2 ||
      std::any_of(g.pads.begin(), g.pads.end(), bad) || g.groups < 1 || x[1] % g.groups != 0 ||
      std::any_of(g.extra.begin(), g.extra.end(),
                  [&](int64_t value) { return value < 0 || value >= g.stride; })) {
    return Error(Code::kInvalidData,
                 "stride {}, pads {}, output_padding {}, group {} do not fit {}", g.stride,
                 ShapeText(g.pads), ShapeText(g.extra), g.groups, ShapeText(x));
  }
  for (const size_t i : {size_t{2}, size_t{3}}) {
    g.kernel.push_back(w[i]);
    g.taps.push_back((w[i] + g.stride - 1) / g.stride);
  }
  return g;
}

// Returns the weights [co*s*s, ci/groups, qh, qw] of the phases.
Tensor PhaseWeights(const Tensor& w, const Geometry& g) {
  const int64_t s = g.stride;
  const int64_t ci = w.shape()[0] / g.groups;
  const int64_t co = w.shape()[1];
  const int64_t kh = g.kernel[0];
  const int64_t kw = g.kernel[1];
  Tensor phases(DType::kF32, {g.groups * co * s * s, ci, g.taps[0], g.taps[1]});
  float* out = phases.data<float>();
  for (int64_t c = 0; c < g.groups * co; ++c) {
    for (int64_t r = 0; r < s * s; ++r) {
      for (int64_t i = 0; i < ci; ++i) {
        const int64_t map = ((c / co * ci + i) * co + c % co) * kh * kw;
        for (int64_t th = 0; th < g.taps[0]; ++th) {
          for (int64_t tw = 0; tw < g.taps[1]; ++tw) {
            const int64_t y = r / s + s * (g.taps[0] - 1 - th);
            const int64_t x = r % s + s * (g.taps[1] - 1 - tw);
            *out++ = y < kh && x < kw ? w.data<float>()[map + y * kw + x] : 0.0F;
          }
        }
      }
    }
  }
  return phases;
}

// Returns the phases of constant weights, or of the constant inside their quantizer, which must
// keep 0.
Result<Symbol> TurnWeights(OnnxContext& context, const Symbol& w, const Geometry& g) {
  Builder& builder = context.builder;
  if (w.IsConstant()) return ConstantSymbol(PhaseWeights(w.constant->Cast(DType::kF32), g));
  const ir::Node* producer = builder.graph.Producer(w.id);
  const auto single = [&](size_t i) {
    const ir::Value& value = builder.graph.value(producer->inputs[i]);
    return value.constant != nullptr && value.constant->size() == 1;
  };
  const bool fits = producer != nullptr && producer->op == "Quant" &&
                    builder.graph.IsConstant(producer->inputs[0]) && single(1) && single(2) &&
                    builder.graph.value(producer->inputs[2]).constant->At(0) == 0;
  if (!fits) {
    return Error(
        Code::kUnsupported,
        "the weights must be constant, or quantized by a Quant of one scale and zero point "
        "0");
  }
  const ir::Node copy = builder.Supersede(w.id);
  const auto constant = [&](size_t i) { return builder.graph.value(copy.inputs[i]).constant; };
  return builder.Append(
      copy.op, copy.name,
      {ConstantSymbol(PhaseWeights(*constant(0), g)), ConstantSymbol(constant(1)->Reshaped({})),
       ConstantSymbol(constant(2)->Reshaped({}))},
      copy.attributes);
}

Status ReadConvTranspose(OnnxContext& context) {
  Builder& builder = context.builder;
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol w, context.In(1));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol bias, context.OptionalIn(2));
  const Shape shape = builder.ShapeOf(x);
  BLUESTEM_ASSIGN_OR_RETURN(const Geometry g, ReadGeometry(context, shape, builder.ShapeOf(w)));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol phases, TurnWeights(context, w, g));
  std::vector<Symbol> inputs = {x, phases};
  if (!bias.IsAbsent()) {
    if (!bias.IsConstant()) return Error(Code::kUnsupported, "the bias is computed at run time");
    std::vector<float> repeated;
    for (int64_t i = 0; i < bias.constant->size() * g.stride * g.stride; ++i) {
      repeated.push_back(static_cast<float>(bias.constant->At(i / (g.stride * g.stride))));
    }
    inputs.push_back(
        ConstantSymbol(Tensor::Of<float>({static_cast<int64_t>(repeated.size())}, repeated)));
  }
  std::vector<int64_t> pads(4);
  std::vector<int64_t> starts;
  std::vector<int64_t> ends;
  for (size_t i = 0; i < 2; ++i) {
    const bool longer = g.kernel[i] + g.extra[i] > g.stride * g.taps[i];
    pads[i] = g.taps[i] - 1;
    pads[2 + i] = g.taps[i] - 1 + (longer ? 1 : 0);
    starts.push_back(g.pads[i]);
    ends.push_back(g.stride * (shape[2 + i] - 1) + g.kernel[i] + g.extra[i] - g.pads[2 + i]);
    if (ends[i] <= starts[i]) {
      return Error(Code::kInvalidData, "pads {} leave nothing of {}", ShapeText(g.pads),
                   ShapeText(shape));
    }
  }
  const std::string nchw = "NCHW";
  ir::Attributes conv;
  conv.Set("pads", pads).Set("groups", g.groups).Set("layout", nchw);
  BLUESTEM_ASSIGN_OR_RETURN(Symbol y,
                            builder.Append("Conv", context.name, inputs, std::move(conv)));
  if (g.stride > 1) {
    ir::Attributes block;
    block.Set("block", g.stride).Set("mode", std::string("CRD")).Set("layout", nchw);
    BLUESTEM_ASSIGN_OR_RETURN(
        y, builder.Append("DepthToSpace", context.name + "/phases", {y}, std::move(block)));
  }
  ir::Attributes cut;
  cut.Set("starts", starts).Set("ends", ends).Set("axes", std::vector<int64_t>{2, 3});
  return context.Set(builder.Append("Slice", context.name + "/cut", {y}, std::move(cut)));
}

constexpr OnnxReader kReaders[] = {{"ConvTranspose", ReadConvTranspose}};

}  // namespace

std::span<const OnnxReader> OnnxConvTransposeReaders() {
  return kReaders;
}

}  // namespace bluestem::interchange
