#include "bluestem/passes/codes.h"

#include <algorithm>
#include <cmath>

#include "bluestem/passes/catalogue.h"
#include "bluestem/passes/rewrite.h"

namespace bluestem::passes {
namespace {

using ir::Attributes;
using ir::Node;
using ir::QuantInfo;
using ir::ValueId;

constexpr int64_t kMostSplitChannels = 1024;

int32_t BitsFor(int32_t levels) {
  int32_t bits = 1;
  while ((1 << bits) < levels) ++bits;
  return bits;
}

Result<ValueId> EmitDequantized(Rewriter& rewriter, const std::string& name, ValueId codes) {
  return rewriter.Emit("Dequantize", name + "/real", {codes});
}

// x >= 0 ? s : -s. The codes are 0 and 2 around a zero point of 1: level 1 does not occur, and real
// = (code - 1) * s is exact.
Result<ValueId> EmitBinary(Rewriter& rewriter, const std::string& name, ValueId x, double scale) {
  // Every f32 is a multiple of 2^-149, so x / 2^-149 + 1 is exact around 0 and its floor is 1 or
  // more just where x >= 0.
  const Attributes sign = Attributes()
                              .Set("scale", std::ldexp(1.0, -149))
                              .Set("zero_point", int64_t{1})
                              .Set("bits", int64_t{1})
                              .Set("levels", int64_t{2})
                              .Set("rounding", std::string("FLOOR"));
  BLUESTEM_ASSIGN_OR_RETURN(const ValueId bit,
                            rewriter.Emit("Quantize", name + "/sign", {x}, sign));
  Tensor table(DType::kU8, {256});
  for (int64_t i = 0; i < 256; ++i) table.data<uint8_t>()[i] = (i >= 1) == (scale > 0) ? 2 : 0;
  const ValueId constant = rewriter.graph().AddConstant(name + "/table", std::move(table));
  const QuantInfo info{std::fabs(scale), 1, 2, 3};
  BLUESTEM_ASSIGN_OR_RETURN(const ValueId codes,
                            rewriter.Emit("Lookup", name, {bit, constant}, CodeAttributes(info)));
  return EmitDequantized(rewriter, name, codes);
}

Attributes QuantizeAttributes(const Node& node, const TensorQuantizer& quantizer) {
  Attributes attributes = CodeAttributes(quantizer.info);
  attributes.Set("rounding", node.attributes.Text("rounding", "ROUND"));
  if (quantizer.spec.low != 0) attributes.Set("low", static_cast<int64_t>(quantizer.spec.low));
  return attributes;
}

Result<ValueId> EmitQuantize(Rewriter& rewriter, const Node& node, ValueId x,
                             const TensorQuantizer& quantizer) {
  BLUESTEM_ASSIGN_OR_RETURN(
      const ValueId codes,
      rewriter.Emit("Quantize", node.name, {x}, QuantizeAttributes(node, quantizer)));
  return EmitDequantized(rewriter, node.name, codes);
}

// One scale a channel: codes of scale 1, and the scales as a real factor. code * s[c] is rounded
// once either way.
Result<ValueId> EmitScaled(Rewriter& rewriter, const Node& node,
                           const std::vector<double>& scales) {
  ir::Graph& graph = rewriter.graph();
  Node unit = node;
  unit.inputs[1] = graph.AddConstant(node.name + "/unit", Tensor::Of<float>({}, {1.0F}));
  BLUESTEM_ASSIGN_OR_RETURN(const TensorQuantizer quantizer, ReadQuantizer(graph, unit));
  const auto channels = static_cast<int64_t>(scales.size());
  const ValueId constant = graph.AddConstant(
      node.name + "/scales", Tensor::Of<float>({channels}, {scales.begin(), scales.end()}));
  BLUESTEM_ASSIGN_OR_RETURN(
      const ValueId codes,
      rewriter.Emit("Quantize", node.name + "/codes", {rewriter.Now(node.inputs[0]), constant},
                    QuantizeAttributes(node, quantizer)));
  BLUESTEM_ASSIGN_OR_RETURN(const ValueId real, EmitDequantized(rewriter, node.name, codes));
  return rewriter.Emit("Mul", node.name, {real, constant});
}

// One zero point a channel: each channel is cut out, quantized and put back.
Result<ValueId> EmitSplit(Rewriter& rewriter, const Node& node) {
  ir::Graph& graph = rewriter.graph();
  const ValueId x = rewriter.Now(node.inputs[0]);
  const Shape shape = graph.value(x).shape;
  const auto scale = PerChannelOf(graph, node.inputs[1], shape);
  const auto zero_point = PerChannelOf(graph, node.inputs[2], shape);
  if (!scale || !zero_point || shape.back() > kMostSplitChannels) {
    return Error(Code::kUnsupported,
                 "its scale is neither one number nor one for each of at most {} channels",
                 kMostSplitChannels);
  }
  std::vector<ValueId> parts;
  const auto axis = static_cast<int64_t>(shape.size()) - 1;
  for (int64_t c = 0; c < shape.back(); ++c) {
    const auto scalar = [&](const std::vector<double>& values) {
      return graph.AddConstant(
          node.name + "/parameter",
          Tensor::Of<float>({}, {static_cast<float>(values[static_cast<size_t>(c)])}));
    };
    Node single = node;
    single.name = fmt::format("{}/{}", node.name, c);
    single.inputs = {x, scalar(*scale), scalar(*zero_point)};
    BLUESTEM_ASSIGN_OR_RETURN(const TensorQuantizer quantizer, ReadQuantizer(graph, single));
    BLUESTEM_ASSIGN_OR_RETURN(const ValueId part,
                              rewriter.Emit("Slice", single.name, {x},
                                            Attributes()
                                                .Set("starts", std::vector<int64_t>{c})
                                                .Set("ends", std::vector<int64_t>{c + 1})
                                                .Set("axes", std::vector<int64_t>{axis})));
    BLUESTEM_ASSIGN_OR_RETURN(const ValueId real, EmitQuantize(rewriter, single, part, quantizer));
    parts.push_back(real);
  }
  return rewriter.Emit("Concat", node.name, parts, Attributes().Set("axis", axis));
}

// The thresholds [c, n] of a MultiThreshold, rising, each `times` times.
Tensor RisingThresholds(const Tensor& thresholds, int64_t channels, int64_t times) {
  const int64_t count = thresholds.shape()[1];
  Tensor rising(DType::kF32, {channels, count * times});
  for (int64_t c = 0; c < channels; ++c) {
    const float* from = thresholds.data<float>() + (thresholds.shape()[0] == 1 ? 0 : c * count);
    std::vector<float> row(from, from + count);
    std::sort(row.begin(), row.end());
    for (int64_t k = 0; k < count * times; ++k) {
      rising.data<float>()[c * count * times + k] = row[static_cast<size_t>(k / times)];
    }
  }
  return rising;
}

// Returns the codes' meaning that gives, with f32 rounding and all, each count its value count *
// scale + bias, where counts go in steps of `times`; nothing where there is none.
std::optional<QuantInfo> InfoOfCounts(double scale, double bias, int64_t count, int32_t times) {
  if (!(scale > 0) || count * times > 255) return std::nullopt;
  const double zero_point = -bias / scale * times;
  if (zero_point != std::floor(zero_point) || std::fabs(zero_point) > (1 << 20)) {
    return std::nullopt;
  }
  const auto levels = static_cast<int32_t>(count * times + 1);
  const QuantInfo info{scale / times, static_cast<int32_t>(zero_point), BitsFor(levels), levels};
  for (int32_t k = 0; k <= count; ++k) {
    const float product = static_cast<float>(k) * static_cast<float>(scale);
    const float wanted = product + static_cast<float>(bias);
    const float got =
        static_cast<float>(k * times - info.zero_point) * static_cast<float>(info.scale);
    if (got != wanted) return std::nullopt;
  }
  return info;
}

// MultiThreshold: the count is the code where scale and bias are a code's meaning, or the doubled
// count where half a step is missing (-1 and +1 are codes 0 and 2); else scale and bias stay real.
Result<ValueId> EmitCounts(Rewriter& rewriter, const Node& node) {
  ir::Graph& graph = rewriter.graph();
  const ValueId x = rewriter.Now(node.inputs[0]);
  const Tensor& thresholds = *ConstantOf(graph, node.inputs[1]);
  const int64_t count = thresholds.shape()[1];
  const double scale = node.attributes.Float("scale", 1);
  const double bias = node.attributes.Float("bias", 0);
  int32_t times = 1;
  std::optional<QuantInfo> info = InfoOfCounts(scale, bias, count, 1);
  if (!info) {
    info = InfoOfCounts(scale, bias, count, 2);
    if (info) times = 2;
  }
  const bool whole = info.has_value();
  if (!info) {
    const auto levels = static_cast<int32_t>(count + 1);
    info = QuantInfo{1.0, 0, BitsFor(levels), levels};
  }
  const ValueId constant = graph.AddConstant(
      node.name + "/thresholds", RisingThresholds(thresholds, graph.value(x).shape.back(), times));
  BLUESTEM_ASSIGN_OR_RETURN(
      const ValueId codes,
      rewriter.Emit("RealThreshold", node.name, {x, constant}, CodeAttributes(*info)));
  BLUESTEM_ASSIGN_OR_RETURN(ValueId real, EmitDequantized(rewriter, node.name, codes));
  if (whole) return real;
  const auto scalar = [&](double value) {
    return graph.AddConstant(node.name + "/parameter",
                             Tensor::Of<float>({}, {static_cast<float>(value)}));
  };
  BLUESTEM_ASSIGN_OR_RETURN(real,
                            rewriter.Emit("Mul", node.name + "/scale", {real, scalar(scale)}));
  return rewriter.Emit("Add", node.name + "/bias", {real, scalar(bias)});
}

Result<ValueId> EmitCodes(Rewriter& rewriter, const Node& node) {
  ir::Graph& graph = rewriter.graph();
  const ValueId x = rewriter.Now(node.inputs[0]);
  if (node.op == "MultiThreshold") return EmitCounts(rewriter, node);
  if (node.op == "BinaryQuant") {
    if (const auto scale = UniformOf(graph, node.inputs[1]); scale && *scale != 0) {
      return EmitBinary(rewriter, node.name, x, *scale);
    }
    // One scale a channel: the sign is a code, the scale a real factor. +-1 * s is exact.
    BLUESTEM_ASSIGN_OR_RETURN(const ValueId sign,
                              EmitBinary(rewriter, node.name + "/unit", x, 1.0));
    return rewriter.Emit("Mul", node.name, {sign, node.inputs[1]});
  }
  auto quantizer = ReadQuantizer(graph, node);
  if (quantizer.ok()) return EmitQuantize(rewriter, node, x, *quantizer);
  if (UniformOf(graph, node.inputs[1]) && UniformOf(graph, node.inputs[2]))
    return quantizer.status();
  const auto scales = PerChannelOf(graph, node.inputs[1], graph.value(x).shape);
  if (scales && UniformOf(graph, node.inputs[2])) return EmitScaled(rewriter, node, *scales);
  return EmitSplit(rewriter, node);
}

// True for a quantizer of constants: those of weights are read by quantize_conv.
bool IsOfWeights(const ir::Graph& graph, const Node& node) {
  return graph.IsConstant(node.inputs[0]);
}

}  // namespace

Result<TensorQuantizer> ReadQuantizer(const ir::Graph& graph, const Node& node) {
  const auto scale = UniformOf(graph, node.inputs[1]);
  const auto zero_point = UniformOf(graph, node.inputs[2]);
  if (!scale || !zero_point) return Error(Code::kUnsupported, "its scale or zero point varies");
  const int64_t bits = node.attributes.Int("bits");
  if (bits < 1 || bits > 8) {
    return Error(Code::kUnsupported, "it has {} bits; activations have 1 to 8", bits);
  }
  if (*zero_point != std::floor(*zero_point) || std::fabs(*zero_point) > (1 << 20)) {
    return Error(Code::kUnsupported, "its zero point {} is not a whole number", *zero_point);
  }
  const auto rounding = quant::FindRounding(node.attributes.Text("rounding", "ROUND"));
  BLUESTEM_CHECK(rounding.has_value(), "verified with the graph");
  TensorQuantizer result;
  result.spec = quant::MakeQuantSpec(*scale, *zero_point, static_cast<int32_t>(bits),
                                     node.attributes.Int("signed") != 0,
                                     node.attributes.Int("narrow") != 0, *rounding);
  const int32_t levels = result.spec.high - result.spec.low + 1;
  result.info = {*scale, static_cast<int32_t>(*zero_point) - result.spec.low, BitsFor(levels),
                 levels};
  return result;
}

bool MakesCodes(const Node& node) {
  return node.op == "Quantize" || node.op == "RealThreshold";
}

ChannelCoder::ChannelCoder(const ir::Graph& graph, const Node& node) {
  if (node.op == "RealThreshold") {
    thresholds_ = ConstantOf(graph, node.inputs[1]);
    levels_ = static_cast<int32_t>(thresholds_->shape()[1]) + 1;
    return;
  }
  spec_ = SpecOfQuantize(node);
  levels_ = spec_.high - spec_.low + 1;
  if (node.inputs.size() < 2) return;
  const Tensor& scales = *ConstantOf(graph, node.inputs[1]);
  for (int64_t c = 0; c < scales.size(); ++c) scales_.push_back(scales.At(c));
}

int32_t ChannelCoder::Code(size_t channel, double x) const {
  if (thresholds_ != nullptr) {
    const float* row = thresholds_->data<float>() + channel * static_cast<size_t>(levels_ - 1);
    const double value = std::isnan(x) ? 0 : x;
    return static_cast<int32_t>(std::upper_bound(row, row + levels_ - 1, value) - row);
  }
  if (scales_.empty()) return spec_.Code(x) - spec_.low;
  quant::QuantSpec spec = spec_;
  spec.scale = scales_[channel];
  return spec.Code(x) - spec.low;
}

quant::QuantSpec SpecOfQuantize(const Node& node) {
  const Attributes& attributes = node.attributes;
  const auto low = static_cast<int32_t>(attributes.Int("low", 0));
  const auto levels =
      static_cast<int32_t>(attributes.Int("levels", int64_t{1} << attributes.Int("bits", 8)));
  const auto rounding = quant::FindRounding(attributes.Text("rounding", "ROUND"));
  BLUESTEM_CHECK(rounding.has_value(), "verified with the graph");
  return {.scale = attributes.Float("scale", 1.0),
          .zero_point = static_cast<double>(attributes.Int("zero_point", 0) + low),
          .low = low,
          .high = low + levels - 1,
          .rounding = *rounding};
}

Attributes CodeAttributes(const QuantInfo& info) {
  return Attributes()
      .Set("scale", info.scale)
      .Set("zero_point", static_cast<int64_t>(info.zero_point))
      .Set("bits", static_cast<int64_t>(info.bits))
      .Set("levels", static_cast<int64_t>(info.levels));
}

ValueId CodesOf(const ir::Graph& graph, ValueId value) {
  const Node* node = graph.Producer(value);
  return node != nullptr && node->op == "Dequantize" ? node->inputs[0] : ir::kNoValue;
}

std::optional<int32_t> CodeOfReal(const QuantInfo& info, double value) {
  const auto wanted = static_cast<float>(value);
  const auto scale = static_cast<float>(info.scale);
  for (int32_t code = 0; code < info.levels; ++code) {
    if (static_cast<float>(code - info.zero_point) * scale == wanted) return code;
  }
  return std::nullopt;
}

Result<int> QuantizersToCodes(ir::Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (const Node& node : rewriter.old_nodes()) {
    const bool is_quantizer =
        (node.op == "Quant" || node.op == "BinaryQuant" || node.op == "MultiThreshold") &&
        !IsOfWeights(graph, node);
    if (!is_quantizer) {
      BLUESTEM_RETURN_IF_ERROR(rewriter.Keep(node));
      continue;
    }
    auto real = EmitCodes(rewriter, node);
    if (!real.ok()) {
      if (real.status().code() != Code::kUnsupported) return real.status();
      Decide(context, "quantizers_to_codes", node.name,
             "stays a real quantizer: " + real.status().message());
      BLUESTEM_RETURN_IF_ERROR(rewriter.Keep(node));
      continue;
    }
    rewriter.Replace(node.outputs[0], *real);
  }
  return rewriter.Finish();
}

}  // namespace bluestem::passes
