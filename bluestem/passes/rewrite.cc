#include "bluestem/passes/rewrite.h"

#include <algorithm>
#include <utility>

#include "bluestem/ir/evaluate.h"
#include "bluestem/ir/ops/ops.h"

namespace bluestem::passes {

using ir::kNoValue;
using ir::Node;
using ir::ValueId;

Rewriter::Rewriter(ir::Graph& graph) : graph_(graph), old_(std::move(graph.nodes)) {
  graph_.nodes.clear();
  const auto count = static_cast<size_t>(graph_.value_count());
  producers_.resize(count, nullptr);
  users_.resize(count);
  absorbed_.resize(old_.size(), false);
  for (size_t i = 0; i < count; ++i) now_.push_back(static_cast<ValueId>(i));
  for (const Node& node : old_) {
    for (const ValueId id : node.outputs) producers_[static_cast<size_t>(id)] = &node;
    for (const ValueId id : node.inputs) {
      if (id != kNoValue) users_[static_cast<size_t>(id)].push_back(&node);
    }
  }
}

const Node* Rewriter::Producer(ValueId value) const {
  const auto index = static_cast<size_t>(value);
  return value != kNoValue && index < producers_.size() ? producers_[index] : nullptr;
}

const std::vector<const Node*>& Rewriter::Users(ValueId value) const {
  return users_.at(static_cast<size_t>(value));
}

bool Rewriter::IsOutput(ValueId value) const {
  return std::count(graph_.outputs.begin(), graph_.outputs.end(), value) != 0;
}

const Node* Rewriter::OnlyUser(ValueId value) const {
  const auto& users = Users(value);
  return users.size() == 1 && !IsOutput(value) ? users[0] : nullptr;
}

ValueId Rewriter::Now(ValueId value) const {
  while (value != kNoValue && static_cast<size_t>(value) < now_.size() &&
         now_[static_cast<size_t>(value)] != value) {
    value = now_[static_cast<size_t>(value)];
  }
  return value;
}

Result<ValueId> Rewriter::Emit(const std::string& op, const std::string& name,
                               std::vector<ValueId> inputs, ir::Attributes attributes) {
  return graph_.Append(op, name, std::move(inputs), std::move(attributes));
}

Status Rewriter::Keep(const Node& node) {
  Node kept = node;
  for (ValueId& id : kept.inputs) id = Now(id);
  BLUESTEM_ASSIGN_OR_RETURN(ir::Inferred inferred, ir::InferNode(graph_, kept));
  ir::Value& output = graph_.value(kept.outputs[0]);
  output.dtype = inferred.dtype;
  output.shape = std::move(inferred.shape);
  output.quant = std::move(inferred.quant);
  const auto same_name = [&](const Node& other) { return other.name == kept.name; };
  if (std::any_of(graph_.nodes.begin(), graph_.nodes.end(), same_name)) {
    // A node emitted before took the name; value names are unique.
    kept.name += "/" + output.name;
  }
  graph_.nodes.push_back(std::move(kept));
  return OkStatus();
}

void Rewriter::Redirect(ValueId old, ValueId now) {
  BLUESTEM_CHECK(old != now, "a value cannot replace itself");
  now_.at(static_cast<size_t>(old)) = now;
  ++changes_;
}

void Rewriter::Replace(ValueId old, ValueId now) {
  Redirect(old, now);
  const bool is_made_here =
      static_cast<size_t>(now) >= now_.size() && graph_.value(now).constant == nullptr;
  if (is_made_here) std::swap(graph_.value(old).name, graph_.value(now).name);
}

void Rewriter::Absorb(const Node& node) {
  absorbed_.at(static_cast<size_t>(&node - old_.data())) = true;
}

bool Rewriter::IsAbsorbed(const Node& node) const {
  return absorbed_.at(static_cast<size_t>(&node - old_.data()));
}

int Rewriter::Finish() {
  for (ValueId& id : graph_.outputs) {
    const ValueId now = Now(id);
    // An output keeps its name also where another value of the graph takes its place.
    if (now != id && graph_.value(now).constant == nullptr &&
        static_cast<size_t>(now) < now_.size() &&
        std::count(graph_.inputs.begin(), graph_.inputs.end(), now) == 0) {
      std::swap(graph_.value(id).name, graph_.value(now).name);
    }
    id = now;
  }
  return changes_;
}

const Tensor* ConstantOf(const ir::Graph& graph, ValueId value) {
  return graph.IsConstant(value) ? graph.value(value).constant.get() : nullptr;
}

std::optional<double> UniformOf(const ir::Graph& graph, ValueId value) {
  const Tensor* tensor = ConstantOf(graph, value);
  if (tensor == nullptr || tensor->size() == 0) return std::nullopt;
  const double first = tensor->At(0);
  for (int64_t i = 1; i < tensor->size(); ++i) {
    if (tensor->At(i) != first) return std::nullopt;
  }
  return first;
}

std::optional<std::vector<double>> PerChannelOf(const ir::Graph& graph, ValueId value,
                                                const Shape& shape) {
  const Tensor* tensor = ConstantOf(graph, value);
  if (tensor == nullptr || tensor->shape().size() > shape.size() || shape.empty())
    return std::nullopt;
  const int64_t channels = shape.back();
  if (const auto uniform = UniformOf(graph, value)) {
    // A constant that widens the value is no per-channel operand.
    for (size_t i = 0; i < tensor->shape().size(); ++i) {
      const int64_t extent = tensor->shape()[i];
      if (extent != 1 && extent != shape[shape.size() - tensor->shape().size() + i])
        return std::nullopt;
    }
    return std::vector<double>(static_cast<size_t>(channels), *uniform);
  }
  if (tensor->size() != channels || tensor->shape().back() != channels) return std::nullopt;
  std::vector<double> values;
  for (int64_t i = 0; i < channels; ++i) values.push_back(tensor->At(i));
  return values;
}

Result<Tensor> EvaluateConstantNode(const ir::Graph& graph, const Node& node) {
  ir::Graph single;
  std::vector<ValueId> inputs;
  for (const ValueId id : node.inputs) {
    inputs.push_back(id == kNoValue
                         ? kNoValue
                         : single.AddConstant(graph.value(id).name, *graph.value(id).constant));
    if (id != kNoValue) single.value(inputs.back()).quant = graph.value(id).quant;
  }
  BLUESTEM_ASSIGN_OR_RETURN(const ValueId output,
                            single.Append(node.op, node.name, inputs, node.attributes));
  single.outputs = {output};
  BLUESTEM_ASSIGN_OR_RETURN(auto results, ir::Evaluate(single, {}));
  return std::move(results[0]);
}

bool IsUnary(const std::string& op) {
  static constexpr const char* kUnary[] = {"Relu",        "LeakyRelu", "Clip", "Sigmoid", "Tanh",
                                           "HardSigmoid", "Abs",       "Neg",  "Exp",     "Sqrt",
                                           "Log",         "Floor",     "Ceil", "Round"};
  return std::any_of(std::begin(kUnary), std::end(kUnary),
                     [&](const char* name) { return op == name; });
}

bool IsBinary(const std::string& op) {
  static constexpr const char* kBinary[] = {"Add", "Sub", "Mul", "Div", "Min", "Max", "Pow"};
  return std::any_of(std::begin(kBinary), std::end(kBinary),
                     [&](const char* name) { return op == name; });
}

void Decide(PassContext& context, const std::string& pass, const std::string& node,
            std::string text) {
  if (context.decisions != nullptr) context.decisions->push_back({node, pass, std::move(text)});
}

}  // namespace bluestem::passes
