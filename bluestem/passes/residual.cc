#include "bluestem/passes/residual.h"

#include <algorithm>
#include <limits>
#include <map>

namespace bluestem::passes {
namespace {

using ir::Node;
using ir::ValueId;

constexpr int32_t kLeast = std::numeric_limits<int32_t>::min();
constexpr int32_t kMost = std::numeric_limits<int32_t>::max();
constexpr int64_t kNone = std::numeric_limits<int64_t>::min();

// Reads `real`, of shape `shape`, as codes and a chain of them; kNoValue where it is none.
ValueId ReadCodes(const ir::Graph& graph, ValueId real, const Shape& shape, Chain& chain) {
  while (graph.value(real).shape == shape) {
    const Node* producer = graph.Producer(real);
    if (producer == nullptr) break;
    if (producer->op == "Dequantize") {
      std::reverse(chain.steps.begin(), chain.steps.end());
      const ir::QuantInfo& info = *graph.value(producer->inputs[0]).quant;
      const auto channels = static_cast<size_t>(shape.back());
      chain.scale.assign(channels, static_cast<float>(info.scale));
      chain.offset.assign(channels, info.zero_point);
      return producer->inputs[0];
    }
    const bool data_second = IsBinary(producer->op) && graph.IsConstant(producer->inputs[0]);
    real = producer->inputs[data_second ? 1 : 0];
    Step step{};
    std::string reason;
    if (!ReadStep(graph, *producer, real, shape, step, reason)) break;
    chain.steps.push_back(std::move(step));
  }
  return ir::kNoValue;
}

// Whether `node` adds codes to `value`.
bool AddsCodes(const ir::Graph& graph, const Node& node, ValueId value) {
  if (node.op != "Add" && node.op != "Sub") return false;
  const ValueId other = node.inputs[node.inputs[0] == value ? 1 : 0];
  Chain chain;
  return ReadCodes(graph, other, graph.value(value).shape, chain) != ir::kNoValue;
}

// What a code must reach so that threshold k of the sum is reached, of rising channels: at most
// `upper`, at least `lower`; kNone where any will do. Both are one value where an accumulator
// decides.
struct Bounds {
  int64_t lower = kNone, upper = kNone;
};

// One channel's search for a ratio. A falling channel is a rising one of negated accumulators.
class ChannelFold {
 public:
  ChannelFold(int32_t low, int32_t high, int32_t thresholds)
      : low_(low), high_(high), thresholds_(static_cast<size_t>(thresholds)) {}

  // Takes the thresholds of the next code. Returns false where no ratio is left.
  bool Take(const quant::ChannelThresholds& found) {
    const auto is_finite = [](int32_t t) { return t != kLeast && t != kMost; };
    if (std::any_of(found.values.begin(), found.values.end(), is_finite)) {
      if (direction_ != 0 && direction_ != found.direction) return false;
      direction_ = found.direction;
    }
    codes_.push_back(found);
    return direction_ == 0 || Narrow();
  }

  // Chooses the least ratio, and the thresholds to it. Returns false where they are not all.
  bool Choose() {
    if (direction_ == 0) {
      direction_ = 1;
      if (!Narrow()) return false;
    }
    const int64_t ratio = std::clamp<int64_t>(0, least_, most_);
    for (size_t k = 0; k < thresholds_; ++k) {
      int64_t lower = kNone, upper = kNone;
      for (size_t c = 0; c < codes_.size(); ++c) {
        const Bounds bounds = BoundsOf(c, k);
        const int64_t moved = ratio * static_cast<int64_t>(c);
        if (bounds.lower != kNone) lower = std::max(lower, bounds.lower + moved);
        if (bounds.upper != kNone && (upper == kNone || bounds.upper + moved < upper)) {
          upper = bounds.upper + moved;
        }
      }
      if (lower != kNone && upper != kNone && lower > upper) return false;
      const bool rises = direction_ > 0;
      values_.push_back(lower == kNone   ? (rises ? kLeast : kMost)
                        : upper == kNone ? (rises ? kMost : kLeast)
                                         : direction_ * lower);
    }
    ratio_ = direction_ * ratio;
    return true;
  }

  int64_t ratio() const { return ratio_; }
  int32_t direction() const { return direction_; }
  const std::vector<int64_t>& values() const { return values_; }

 private:
  Bounds BoundsOf(size_t code, size_t k) const {
    const quant::ChannelThresholds& found = codes_[code];
    const int32_t t = found.values[k];
    const bool rises = found.direction > 0;
    if (t == (rises ? kLeast : kMost)) {
      return {.upper = direction_ > 0 ? int64_t{low_} : -int64_t{high_}};
    }
    if (t == (rises ? kMost : kLeast)) {
      return {.lower = (direction_ > 0 ? int64_t{high_} : -int64_t{low_}) + 1};
    }
    return {int64_t{direction_} * t, int64_t{direction_} * t};
  }

  // Leaves the ratios that bring each code's bounds to those of the code before. What lies between
  // codes that are not neighbours follows, as the thresholds move one way.
  bool Narrow() {
    for (; taken_ + 1 < codes_.size(); ++taken_) {
      for (size_t k = 0; k < thresholds_; ++k) {
        const Bounds a = BoundsOf(taken_, k), b = BoundsOf(taken_ + 1, k);
        if (a.lower != kNone && b.upper != kNone) least_ = std::max(least_, a.lower - b.upper);
        if (a.upper != kNone && b.lower != kNone) most_ = std::min(most_, a.upper - b.lower);
      }
      if (least_ > most_) return false;
    }
    return true;
  }

  int64_t low_, high_;
  size_t thresholds_;
  int32_t direction_ = 0;  // until a threshold lies within the range
  std::vector<quant::ChannelThresholds> codes_;
  size_t taken_ = 0;  // codes that Narrow has compared with the next
  int64_t least_ = kLeast, most_ = kMost;
  int64_t ratio_ = 0;
  std::vector<int64_t> values_;
};

}  // namespace

void SinkToSums(ir::Graph& graph) {
  constexpr size_t kOutside = std::numeric_limits<size_t>::max();
  std::map<ValueId, std::vector<size_t>> readers;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const ValueId input : graph.nodes[i].inputs) readers[input].push_back(i);
  }
  for (const ValueId output : graph.outputs) readers[output].push_back(kOutside);
  std::vector<std::pair<size_t, size_t>> order;  // the node before which one stands, and itself
  for (size_t i = 0; i < graph.nodes.size(); ++i) order.emplace_back(i, i);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].op != "Conv") continue;
    std::vector<size_t> chain = {i};
    while (true) {
      const ValueId value = graph.nodes[chain.back()].outputs[0];
      const std::vector<size_t>& next = readers[value];
      if (next.size() != 1 || next[0] == kOutside) break;
      const Node& reader = graph.nodes[next[0]];
      if (AddsCodes(graph, reader, value)) {
        for (const size_t node : chain) order[node].first = next[0];
        break;
      }
      if (MakesCodes(reader) || reader.op == "Conv") break;
      chain.push_back(next[0]);
    }
  }
  std::sort(order.begin(), order.end());
  std::vector<Node> nodes;
  for (const auto& place : order) nodes.push_back(std::move(graph.nodes[place.second]));
  graph.nodes = std::move(nodes);
}

std::optional<Residual> ReadResidual(const Rewriter& rewriter, const ir::Graph& graph,
                                     const Node& node, ValueId value, const Shape& shape,
                                     Step& step) {
  if (node.op != "Add" && node.op != "Sub") return std::nullopt;
  const bool data_first = node.inputs[0] == value;
  step = {node.op == "Add" ? StepKind::kAdd
          : data_first     ? StepKind::kSub
                           : StepKind::kSubFrom,
          {},
          {}};
  Residual residual;
  Chain chain;
  residual.codes = ReadCodes(graph, rewriter.Now(node.inputs[data_first ? 1 : 0]), shape, chain);
  if (residual.codes == ir::kNoValue) return std::nullopt;
  residual.info = *graph.value(residual.codes).quant;
  for (int32_t code = 0; code < residual.info.levels; ++code) {
    std::vector<double>& values = residual.values.emplace_back();
    for (size_t c = 0; c < chain.scale.size(); ++c) values.push_back(chain.Apply(c, code));
  }
  return residual;
}

Result<ResidualThresholds> FoldResidual(Chain chain, size_t step, const Residual& residual,
                                        const ChannelCoder& coder, const AccRange& range) {
  const int32_t count = coder.levels() - 1;
  const auto channels = static_cast<int64_t>(chain.scale.size());
  ResidualThresholds folded{Tensor(DType::kS32, {channels, count}), Tensor(DType::kS8, {channels}),
                            Tensor(DType::kS32, {channels})};
  for (int64_t c = 0; c < channels; ++c) {
    const auto channel = static_cast<size_t>(c);
    const int32_t low = range.low[channel], high = range.high[channel];
    const auto code = [&](int32_t acc) { return coder.Code(channel, chain.Apply(channel, acc)); };
    const auto uneven = [&](size_t at) {
      return Error(Code::kUnsupported, "thresholds do not move by whole steps: channel {}, code {}",
                   c, at);
    };
    ChannelFold fold(low, high, count);
    for (size_t at = 0; at < residual.values.size(); ++at) {
      chain.steps[step].p0 = residual.values[at];
      BLUESTEM_ASSIGN_OR_RETURN(const quant::ChannelThresholds found,
                                quant::FoldThresholds(code, coder.levels(), low, high));
      if (!fold.Take(found)) return uneven(at);
    }
    if (!fold.Choose()) return uneven(residual.values.size() - 1);
    const int64_t reach = std::max(std::abs(int64_t{low}), std::abs(int64_t{high})) +
                          std::abs(fold.ratio()) * (residual.info.levels - 1);
    if (reach >= kMost) {
      return Error(Code::kUnsupported, "sums with codes of channel {} reach {}, beyond 32 bits", c,
                   reach);
    }
    folded.ratios.data<int32_t>()[c] = static_cast<int32_t>(fold.ratio());
    folded.directions.data<int8_t>()[c] = static_cast<int8_t>(fold.direction());
    for (int32_t k = 0; k < count; ++k) {
      folded.thresholds.data<int32_t>()[c * count + k] =
          static_cast<int32_t>(fold.values()[static_cast<size_t>(k)]);
    }
  }
  return folded;
}

}  // namespace bluestem::passes
