// A convolution of codes with integer weights becomes a QConv, with what follows it as its
// epilogue:
//   chain of per-channel monotone ops, then Quantize          -> thresholds (rule 3)
//   the same with a sum with codes in the chain               -> thresholds and a residual
//   chain, a maximum or a repetition of pixels, then Quantize -> raw accumulators, the maximum,
//   Threshold (rule 3) otherwise                                                 -> a, b and relu
//   (rule 4), and the rest stays as it is
#include <cmath>
#include <limits>

#include "bluestem/passes/catalogue.h"
#include "bluestem/passes/chain.h"
#include "bluestem/passes/codes.h"
#include "bluestem/passes/residual.h"
#include "bluestem/passes/rewrite.h"
#include "bluestem/passes/weights.h"

namespace bluestem::passes {
namespace {

using ir::Attributes;
using ir::Node;
using ir::QuantInfo;
using ir::ValueId;

// What follows a convolution, up to its quantizer if there is one.
struct Tail {
  std::vector<const Node*> nodes;  // absorbed by the epilogue
  std::vector<const Node*>
      movements;  // between the accumulator and the quantizer; in the order of the graph
  std::vector<Step> steps;
  bool has_maximum = false;         // some movement is a MaxPool
  size_t steps_before_maximum = 0;  // the last one
  std::optional<Residual> residual;
  size_t residual_step = 0;
  const Node* quantize = nullptr;
  std::string reason;  // why there is no quantizer at the end
};

struct Conv {
  const Node* node = nullptr;
  ValueId codes = ir::kNoValue;
  QuantInfo x;
  std::vector<double> factor;  // [co] of the real input channel that the output reads; empty: 1
  IntegerWeights weights;
  std::vector<int64_t> sums;  // [co] sum of the weights
  int64_t left_pad = 0;       // more than the node's own
  AccRange range;             // over all inputs that the codes allow
};

// Proves that no order of summation leaves s32. Errors: kUnsupported with the bound.
Result<AccRange> BoundAccumulators(const IntegerWeights& weights, const QuantInfo& x,
                                   std::vector<int64_t>& sums) {
  const int64_t outputs = weights.codes.shape()[0];
  const int64_t each = weights.codes.size() / outputs;
  const int64_t top = (int64_t{1} << x.bits) - 1;
  AccRange range;
  for (int64_t co = 0; co < outputs; ++co) {
    int64_t negative = 0;
    int64_t positive = 0;
    for (int64_t i = 0; i < each; ++i) {
      const int64_t w = weights.codes.data<int8_t>()[co * each + i];
      (w < 0 ? negative : positive) += w;
    }
    if ((positive - negative) * top >= std::numeric_limits<int32_t>::max()) {
      return Error(Code::kUnsupported, "accumulators of output {} reach {}, beyond 32 bits", co,
                   (positive - negative) * top);
    }
    sums.push_back(negative + positive);
    range.low.push_back(static_cast<int32_t>(negative * (x.levels - 1)));
    range.high.push_back(static_cast<int32_t>(positive * (x.levels - 1)));
  }
  return range;
}

// Reads what a Conv convolves: codes, or codes times a constant that can be part of the scales: one
// number, or one a channel where each output reads one channel.
Status ReadInput(const Rewriter& rewriter, const ir::Graph& graph, Conv& conv) {
  const Node& node = *conv.node;
  const ValueId input = rewriter.Now(node.inputs[0]);
  conv.codes = CodesOf(graph, input);
  if (conv.codes != ir::kNoValue) return OkStatus();
  const Status is_real = Error(Code::kUnsupported, "its input is f32, not codes");
  const Node* product = graph.Producer(input);
  if (product == nullptr || product->op != "Mul") return is_real;
  const size_t data = graph.IsConstant(product->inputs[0]) ? 1 : 0;
  const Shape& shape = graph.value(input).shape;
  const auto factors = PerChannelOf(graph, product->inputs[1 - data], shape);
  if (!factors || graph.value(product->inputs[data]).shape != shape) return is_real;
  conv.codes = CodesOf(graph, product->inputs[data]);
  if (conv.codes == ir::kNoValue) return is_real;
  const int64_t outputs = graph.value(node.outputs[0]).shape.back();
  const bool depthwise = node.attributes.Int("groups", 1) == shape.back();
  if (!UniformOf(graph, product->inputs[1 - data]) && !depthwise) {
    return Error(Code::kUnsupported, "its input has one scale a channel, and an output reads many");
  }
  for (int64_t co = 0; co < outputs; ++co) {
    conv.factor.push_back(
        (*factors)[depthwise ? static_cast<size_t>(co * shape.back() / outputs) : size_t{0}]);
  }
  return OkStatus();
}

// Reads a Conv over codes. Errors: kUnsupported with the reason why it stays f32.
Result<Conv> ReadConv(const Rewriter& rewriter, const ir::Graph& graph, const Node& node) {
  Conv conv;
  conv.node = &node;
  BLUESTEM_RETURN_IF_ERROR(ReadInput(rewriter, graph, conv));
  conv.x = *graph.value(conv.codes).quant;
  BLUESTEM_ASSIGN_OR_RETURN(conv.weights, ReadWeights(graph, rewriter.Now(node.inputs[1])));
  bool pads = false;
  for (const int64_t pad : node.attributes.Ints("pads")) pads = pads || pad != 0;
  if (pads && (conv.x.zero_point < 0 || conv.x.zero_point >= conv.x.levels)) {
    return Error(Code::kUnsupported, "it pads with 0, which is no code of its input");
  }
  BLUESTEM_ASSIGN_OR_RETURN(conv.range, BoundAccumulators(conv.weights, conv.x, conv.sums));
  return conv;
}

Chain StartChain(const ir::Graph& graph, const Rewriter& rewriter, const Conv& conv) {
  Chain chain;
  const double x_scale = static_cast<float>(conv.x.scale);
  for (size_t c = 0; c < conv.sums.size(); ++c) {
    const double factor = conv.factor.empty() ? 1 : conv.factor[c];
    chain.scale.push_back(x_scale * factor * conv.weights.scale[c]);
    chain.offset.push_back(conv.x.zero_point * conv.sums[c]);
  }
  const bool has_bias = conv.node->inputs.size() > 2 && conv.node->inputs[2] != ir::kNoValue;
  if (has_bias) {
    Step bias{StepKind::kAdd, {}, {}};
    const Tensor& values = *graph.value(rewriter.Now(conv.node->inputs[2])).constant;
    for (int64_t c = 0; c < values.size(); ++c) bias.p0.push_back(values.At(c));
    chain.steps.push_back(std::move(bias));
  }
  return chain;
}

// True for ops after which pixel and channel still are those of one accumulator, or the greatest of
// some.
bool KeepsChannels(const Node& node) {
  return node.op == "MaxPool" || node.op == "ResizeNearest";
}

// Reads `node` as the sum of `value` and codes.
bool ReadSum(const Rewriter& rewriter, const ir::Graph& graph, const Node& node, ValueId value,
             Tail& tail) {
  Step step{};
  tail.residual = ReadResidual(rewriter, graph, node, value, graph.value(value).shape, step);
  if (!tail.residual) return false;
  tail.residual_step = tail.steps.size();
  tail.steps.push_back(std::move(step));
  return true;
}

// Walks from the convolution to its quantizer.
Tail ReadTail(const Rewriter& rewriter, const ir::Graph& graph, const Node& conv) {
  Tail tail;
  ValueId value = conv.outputs[0];
  while (true) {
    const Node* user = rewriter.OnlyUser(value);
    if (user == nullptr) {
      tail.reason =
          rewriter.IsOutput(value) ? "its value is an output" : "its value has several readers";
      return tail;
    }
    Step step{};
    std::string reason;
    if (MakesCodes(*user)) {
      tail.quantize = user;
      return tail;
    }
    if (KeepsChannels(*user)) {
      tail.movements.push_back(user);
      if (user->op == "MaxPool") {
        tail.has_maximum = true;
        tail.steps_before_maximum = tail.steps.size();
      }
    } else if (ReadStep(graph, *user, value, graph.value(value).shape, step, reason)) {
      tail.steps.push_back(std::move(step));
      tail.nodes.push_back(user);
    } else if (!tail.residual && ReadSum(rewriter, graph, *user, value, tail)) {
      tail.nodes.push_back(user);
    } else {
      tail.reason = fmt::format("\"{}\" ({}) follows: {}", user->name, user->op, reason);
      return tail;
    }
    value = user->outputs[0];
  }
}

struct Folded {
  ValueId thresholds = ir::kNoValue;
  ValueId directions = ir::kNoValue;
};

// Folds chain and quantizer to threshold constants. Errors: when the chain turns out not to be
// monotone.
Result<Folded> Fold(ir::Graph& graph, const Chain& chain, const AccRange& range,
                    const Node& quantize) {
  const ChannelCoder coder(graph, quantize);
  const int32_t levels = coder.levels();
  const auto channels = static_cast<int64_t>(chain.scale.size());
  Tensor thresholds(DType::kS32, {channels, levels - 1});
  Tensor directions(DType::kS8, {channels});
  for (int64_t c = 0; c < channels; ++c) {
    const auto channel = static_cast<size_t>(c);
    const auto code = [&](int32_t acc) { return coder.Code(channel, chain.Apply(channel, acc)); };
    BLUESTEM_ASSIGN_OR_RETURN(
        const quant::ChannelThresholds found,
        quant::FoldThresholds(code, levels, range.low[channel], range.high[channel]));
    for (int32_t k = 0; k + 1 < levels; ++k) {
      thresholds.data<int32_t>()[c * (levels - 1) + k] = found.values[static_cast<size_t>(k)];
    }
    directions.data<int8_t>()[c] = found.direction;
  }
  return Folded{graph.AddConstant(quantize.name + "/thresholds", std::move(thresholds)),
                graph.AddConstant(quantize.name + "/directions", std::move(directions))};
}

// True where the first `count` steps never fall: then the maximum of their results is their result
// of the maximum.
bool Rises(const Chain& chain, size_t count) {
  for (const double scale : chain.scale) {
    if (scale < 0) return false;
  }
  for (size_t i = 0; i < count; ++i) {
    if (!NeverFalls(chain.steps[i])) return false;
  }
  return true;
}

Attributes ConvAttributes(const Conv& conv, const std::string& epilogue) {
  Attributes attributes = conv.node->attributes;
  attributes.Remove("layout");
  auto pads = attributes.Ints("pads", {0, 0, 0, 0});
  pads[1] += conv.left_pad;
  attributes.Set("pads", pads);
  const bool zero_is_code = conv.x.zero_point >= 0 && conv.x.zero_point < conv.x.levels;
  return attributes.Set("pad_value", static_cast<int64_t>(zero_is_code ? conv.x.zero_point : 0))
      .Set("x_bits", static_cast<int64_t>(conv.x.bits))
      .Set("w_bits", static_cast<int64_t>(conv.weights.bits))
      .Set("epilogue", epilogue);
}

void SetCodes(Attributes& attributes, const QuantInfo& info) {
  const Attributes codes =
      CodeAttributes(info);  // named: a range-for does not keep a temporary's parts alive
  for (const auto& [name, value] : codes.all()) attributes.Set(name, value);
}

// Lets `value` stand for the codes of the tail's quantizer.
void AbsorbTail(Rewriter& rewriter, const Tail& tail, ValueId value) {
  for (const Node* node : tail.nodes) rewriter.Absorb(*node);
  rewriter.Absorb(*tail.quantize);
  rewriter.Replace(tail.quantize->outputs[0], value);
}

std::string Summary(const Conv& conv) {
  return fmt::format(
      "u{} codes x {} weights, accumulators within 32 bits", conv.x.bits,
      conv.weights.bits == 1 ? std::string("s1") : fmt::format("s{}", conv.weights.bits));
}

// conv, chain with a sum with codes, Quantize -> QConv with thresholds and a residual. Returns
// false with a reason where it cannot be.
Result<bool> EmitResidual(Rewriter& rewriter, const Conv& conv, const Chain& chain,
                          const Tail& tail, std::string& reason) {
  ir::Graph& graph = rewriter.graph();
  if (!tail.movements.empty()) {
    reason = "a maximum or a repetition of pixels stands beside a sum with codes";
    return false;
  }
  const size_t own_steps = chain.steps.size() - tail.steps.size();  // the bias
  auto folded = FoldResidual(chain, own_steps + tail.residual_step, *tail.residual,
                             ChannelCoder(graph, *tail.quantize), conv.range);
  if (!folded.ok()) {
    reason = folded.status().message();
    return false;
  }
  const std::string& name = conv.node->name;
  const std::string& codes = tail.quantize->name;
  Attributes attributes = ConvAttributes(conv, "threshold");
  attributes.Set("residual_bits", static_cast<int64_t>(tail.residual->info.bits));
  SetCodes(attributes, *graph.value(tail.quantize->outputs[0]).quant);
  const ValueId weights = graph.AddConstant(name + "/weights", conv.weights.codes);
  const ValueId thresholds =
      graph.AddConstant(codes + "/thresholds", std::move(folded->thresholds));
  const ValueId directions =
      graph.AddConstant(codes + "/directions", std::move(folded->directions));
  const ValueId ratios = graph.AddConstant(codes + "/ratios", std::move(folded->ratios));
  BLUESTEM_ASSIGN_OR_RETURN(
      const ValueId value,
      rewriter.Emit("QConv", name,
                    {conv.codes, weights, thresholds, directions, tail.residual->codes, ratios},
                    attributes));
  AbsorbTail(rewriter, tail, value);
  return true;
}

// conv, chain, Quantize -> QConv with thresholds, or QConv raw, movements, Threshold. Returns false
// with a reason where it cannot be.
Result<bool> EmitThreshold(Rewriter& rewriter, const Conv& conv, const Chain& chain,
                           const Tail& tail, std::string& reason) {
  ir::Graph& graph = rewriter.graph();
  if (tail.residual) return EmitResidual(rewriter, conv, chain, tail, reason);
  const size_t own_steps = chain.steps.size() - tail.steps.size();  // the bias
  if (tail.has_maximum && !Rises(chain, own_steps + tail.steps_before_maximum)) {
    reason = "a maximum is taken of what falls with the accumulator in some channels";
    return false;
  }
  auto folded = Fold(graph, chain, conv.range, *tail.quantize);
  if (!folded.ok()) {
    reason = folded.status().message();
    return false;
  }
  const QuantInfo info = *graph.value(tail.quantize->outputs[0]).quant;
  const std::string& name = conv.node->name;
  const ValueId weights = graph.AddConstant(name + "/weights", conv.weights.codes);
  ValueId value = ir::kNoValue;
  if (tail.movements.empty()) {
    Attributes attributes = ConvAttributes(conv, "threshold");
    SetCodes(attributes, info);
    BLUESTEM_ASSIGN_OR_RETURN(
        value,
        rewriter.Emit("QConv", name, {conv.codes, weights, folded->thresholds, folded->directions},
                      attributes));
  } else {
    BLUESTEM_ASSIGN_OR_RETURN(
        value, rewriter.Emit("QConv", name, {conv.codes, weights}, ConvAttributes(conv, "raw")));
    for (const Node* movement : tail.movements) {
      BLUESTEM_ASSIGN_OR_RETURN(
          value, rewriter.Emit(movement->op, movement->name, {value}, movement->attributes));
      rewriter.Absorb(*movement);
    }
    BLUESTEM_ASSIGN_OR_RETURN(value, rewriter.Emit("Threshold", tail.quantize->name,
                                                   {value, folded->thresholds, folded->directions},
                                                   CodeAttributes(info)));
  }
  AbsorbTail(rewriter, tail, value);
  return true;
}

// Over maps of one column the zero point's part can be taken off in integers: a second tap to the
// left reads padding, that is the zero point, and has the negated weights. Then equal sums give
// equal scores, to the bit; a zero-point part in b would round them apart. Changes nothing where
// the map is wider, the zero point is 0, or the doubled sums would not fit. Costs as many
// multiplications again, for products with a vector mostly.
void TakeZeroPointOff(const ir::Graph& graph, Conv& conv, Chain& chain) {
  const Shape x = graph.value(conv.codes).shape;
  const Shape w = conv.weights.codes.shape();
  const auto pads = conv.node->attributes.Ints("pads", {0, 0, 0, 0});
  const bool one_column = x[2] == 1 && w[2] == 1 && pads[1] == 0 && pads[3] == 0 && w[1] == 1;
  const bool zero_is_code = conv.x.zero_point > 0 && conv.x.zero_point < conv.x.levels;
  if (!one_column || !zero_is_code) return;
  IntegerWeights doubled{Tensor(DType::kS8, {w[0], w[1], 2, w[3]}), conv.weights.scale,
                         conv.weights.bits};
  for (int64_t row = 0; row < w[0]; ++row) {
    for (int64_t i = 0; i < w[3]; ++i) {
      const int8_t weight = conv.weights.codes.data<int8_t>()[row * w[3] + i];
      if (weight == -128) return;
      doubled.codes.data<int8_t>()[row * 2 * w[3] + i] = static_cast<int8_t>(-weight);
      doubled.codes.data<int8_t>()[(row * 2 + 1) * w[3] + i] = weight;
    }
  }
  std::vector<int64_t> sums;
  if (!BoundAccumulators(doubled, conv.x, sums).ok()) return;
  conv.weights = std::move(doubled);
  conv.left_pad = 1;
  chain.offset.assign(chain.offset.size(), 0);
}

// conv, affine ops, relu -> QConv with a and b.
Status EmitAffine(Rewriter& rewriter, const Conv& conv, Chain chain) {
  ir::Graph& graph = rewriter.graph();
  const ValueId weights = graph.AddConstant(conv.node->name + "/weights", conv.weights.codes);
  ValueId last = conv.node->outputs[0];
  bool relu = false;
  while (!relu) {
    const Node* user = rewriter.OnlyUser(last);
    Step step{};
    std::string reason;
    if (user == nullptr || !ReadStep(graph, *user, last, graph.value(last).shape, step, reason))
      break;
    relu = step.kind == StepKind::kRelu;
    if (!relu && !IsAffine(step)) break;
    if (!relu) chain.steps.push_back(std::move(step));
    rewriter.Absorb(*user);
    last = user->outputs[0];
  }
  const Affine affine = FoldAffine(chain);
  const auto channels = static_cast<int64_t>(affine.a.size());
  const auto constant = [&](const char* name, const std::vector<double>& values) {
    return graph.AddConstant(
        conv.node->name + name,
        Tensor::Of<float>({channels}, std::vector<float>(values.begin(), values.end())));
  };
  Attributes attributes = ConvAttributes(conv, "affine");
  attributes.Set("activation", std::string(relu ? "relu" : "none"));
  BLUESTEM_ASSIGN_OR_RETURN(
      const ValueId value,
      rewriter.Emit("QConv", conv.node->name,
                    {conv.codes, weights, constant("/a", affine.a), constant("/b", affine.b)},
                    attributes));
  rewriter.Replace(last, value);
  return OkStatus();
}

Status EmitQConv(Rewriter& rewriter, Conv conv, PassContext& context) {
  ir::Graph& graph = rewriter.graph();
  Chain chain = StartChain(graph, rewriter, conv);
  Tail tail = ReadTail(rewriter, graph, *conv.node);
  const std::string& name = conv.node->name;
  if (tail.quantize != nullptr) {
    Chain full = chain;
    full.steps.insert(full.steps.end(), tail.steps.begin(), tail.steps.end());
    BLUESTEM_ASSIGN_OR_RETURN(const bool done,
                              EmitThreshold(rewriter, conv, full, tail, tail.reason));
    if (done) {
      Decide(context, "quantize_conv", name,
             fmt::format("QConv: {}; {} ops up to \"{}\" are thresholds{}", Summary(conv),
                         tail.nodes.size(), tail.quantize->name,
                         tail.residual            ? " of sums with codes"
                         : tail.movements.empty() ? ""
                                                  : " of pooled raw accumulators"));
      return OkStatus();
    }
  }
  TakeZeroPointOff(graph, conv, chain);
  Decide(context, "quantize_conv", name,
         fmt::format("QConv: {}; gives f32, no thresholds: {}{}", Summary(conv), tail.reason,
                     conv.left_pad == 0 ? "" : "; a tap of padding takes the zero point off"));
  return EmitAffine(rewriter, conv, std::move(chain));
}

}  // namespace

Result<int> QuantizeConv(ir::Graph& graph, PassContext& context) {
  SinkToSums(graph);
  Rewriter rewriter(graph);
  for (const Node& node : rewriter.old_nodes()) {
    if (rewriter.IsAbsorbed(node)) continue;
    if (node.op != "Conv") {
      BLUESTEM_RETURN_IF_ERROR(rewriter.Keep(node));
      continue;
    }
    auto conv = ReadConv(rewriter, graph, node);
    if (conv.ok()) {
      BLUESTEM_RETURN_IF_ERROR(EmitQConv(rewriter, std::move(*conv), context));
    } else if (conv.status().code() == Code::kUnsupported) {
      Decide(context, "quantize_conv", node.name, "f32 convolution: " + conv.status().message());
      BLUESTEM_RETURN_IF_ERROR(rewriter.Keep(node));
    } else {
      return conv.status();
    }
  }
  return rewriter.Finish();
}

}  // namespace bluestem::passes
