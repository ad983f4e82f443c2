// Removes what changes nothing, joins movements, and merges nodes that compute the same.
#include <algorithm>
#include <limits>

#include "bluestem/passes/catalogue.h"
#include "bluestem/passes/rewrite.h"

namespace bluestem::passes {
namespace {

using ir::Node;
using ir::ValueId;

bool AllZero(const std::vector<int64_t>& values) {
  for (const int64_t value : values) {
    if (value != 0) return false;
  }
  return true;
}

bool IsCounting(const std::vector<int64_t>& perm) {
  for (size_t i = 0; i < perm.size(); ++i) {
    if (perm[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

bool GoesBackwards(const std::vector<int64_t>& steps) {
  return std::any_of(steps.begin(), steps.end(), [](int64_t step) { return step < 0; });
}

// Returns true where the node's output equals its first input, bit for bit.
bool ChangesNothing(const ir::Graph& graph, const Node& node, const Shape& x, const Shape& y) {
  const ir::Attributes& attributes = node.attributes;
  if (node.op == "Identity") return true;
  if (node.op == "Transpose") return IsCounting(attributes.Ints("perm"));
  if (node.op == "Reshape") return x == y;
  if (node.op == "Slice") return x == y && !GoesBackwards(attributes.Ints("steps", {}));
  if (node.op == "Pad") return AllZero(attributes.Ints("pads"));
  if (node.op == "Concat") return node.inputs.size() == 1;
  if (node.op == "ResizeNearest")
    return attributes.Int("scale_h") == 1 && attributes.Int("scale_w") == 1;
  if (node.op == "SpaceToDepth" || node.op == "DepthToSpace") return attributes.Int("block") == 1;
  if (node.op == "Mul" || node.op == "Div")
    return x == y && UniformOf(graph, node.inputs[1]) == 1.0;
  if (node.op == "Clip") {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    return attributes.Float("min", 0) == -kInfinity && attributes.Float("max", 0) == kInfinity;
  }
  return false;
}

// Emits Transpose(Transpose(x)) or Reshape(Reshape(x)) as one node. Returns false where `node` is
// no such pair.
Result<bool> JoinMovements(Rewriter& rewriter, const Node& node) {
  const Node* inner = rewriter.graph().Producer(rewriter.Now(node.inputs[0]));
  if (inner == nullptr || inner->op != node.op) return false;
  ir::Attributes attributes = node.attributes;
  if (node.op == "Transpose") {
    const auto first = inner->attributes.Ints("perm");
    std::vector<int64_t> perm;
    for (const int64_t axis : node.attributes.Ints("perm"))
      perm.push_back(first[static_cast<size_t>(axis)]);
    attributes.Set("perm", perm);
  } else if (node.op == "Reshape") {
    attributes.Set("shape", rewriter.graph().value(node.outputs[0]).shape);
  } else {
    return false;
  }
  const ValueId source = inner->inputs[0];
  BLUESTEM_ASSIGN_OR_RETURN(const ValueId joined,
                            rewriter.Emit(node.op, node.name, {source}, attributes));
  rewriter.Replace(node.outputs[0], joined);
  return true;
}

Result<int> RemoveOnce(ir::Graph& graph) {
  Rewriter rewriter(graph);
  for (const Node& node : rewriter.old_nodes()) {
    const ValueId x = rewriter.Now(node.inputs[0]);
    const Shape shape = graph.value(node.outputs[0]).shape;
    const bool is_bare_edge = rewriter.IsOutput(node.outputs[0]) && graph.Producer(x) == nullptr;
    if (!is_bare_edge && ChangesNothing(graph, node, graph.value(x).shape, shape)) {
      rewriter.Replace(node.outputs[0], x);
      continue;
    }
    BLUESTEM_ASSIGN_OR_RETURN(const bool joined, JoinMovements(rewriter, node));
    if (!joined) BLUESTEM_RETURN_IF_ERROR(rewriter.Keep(node));
  }
  return rewriter.Finish();
}

}  // namespace

Result<int> RemoveIdentities(ir::Graph& graph, PassContext& context) {
  int changes = 0;
  while (true) {  // each round that counts has fewer nodes or shorter chains, so this ends
    BLUESTEM_ASSIGN_OR_RETURN(const int round, RemoveOnce(graph));
    BLUESTEM_ASSIGN_OR_RETURN([[maybe_unused]] const int removed, RemoveDeadCode(graph, context));
    changes += round;
    if (round == 0) return changes;
  }
}

Result<int> MergeDuplicates(ir::Graph& graph, PassContext&) {
  Rewriter rewriter(graph);
  for (const Node& node : rewriter.old_nodes()) {
    std::vector<ValueId> inputs;
    for (const ValueId id : node.inputs) inputs.push_back(rewriter.Now(id));
    const Node* twin = nullptr;
    for (const Node& other : graph.nodes) {
      if (other.op == node.op && other.inputs == inputs && other.attributes == node.attributes)
        twin = &other;
    }
    if (twin != nullptr && !rewriter.IsOutput(node.outputs[0])) {
      rewriter.Replace(node.outputs[0], twin->outputs[0]);
    } else {
      BLUESTEM_RETURN_IF_ERROR(rewriter.Keep(node));
    }
  }
  return rewriter.Finish();
}

Result<int> RemoveDeadCode(ir::Graph& graph, PassContext&) {
  std::vector<bool> used(static_cast<size_t>(graph.value_count()), false);
  for (const ValueId id : graph.outputs) used[static_cast<size_t>(id)] = true;
  std::vector<Node> live;
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    if (!used[static_cast<size_t>(node.outputs[0])]) continue;
    for (const ValueId id : node.inputs) {
      if (id != ir::kNoValue) used[static_cast<size_t>(id)] = true;
    }
    live.insert(live.begin(), node);
  }
  const auto removed = static_cast<int>(graph.nodes.size() - live.size());
  // Values cannot be taken out of a graph: the live ones go into a fresh one.
  ir::Graph fresh;
  fresh.name = graph.name;
  fresh.notes = graph.notes;
  std::vector<ValueId> moved(used.size(), ir::kNoValue);
  const auto move = [&](ValueId id) {
    const ir::Value& value = graph.value(id);
    const ValueId to = fresh.AddValue(value.name, value.dtype, value.shape);
    fresh.value(to).constant = value.constant;
    fresh.value(to).quant = value.quant;
    moved[static_cast<size_t>(id)] = to;
    return to;
  };
  for (const ValueId id : graph.inputs) fresh.inputs.push_back(move(id));
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    if (used[static_cast<size_t>(id)] && moved[static_cast<size_t>(id)] == ir::kNoValue) move(id);
  }
  for (Node& node : live) {
    for (ValueId& id : node.inputs) id = id == ir::kNoValue ? id : moved[static_cast<size_t>(id)];
    for (ValueId& id : node.outputs) id = moved[static_cast<size_t>(id)];
    fresh.nodes.push_back(std::move(node));
  }
  for (const ValueId id : graph.outputs) fresh.outputs.push_back(moved[static_cast<size_t>(id)]);
  graph = std::move(fresh);
  return removed;
}

}  // namespace bluestem::passes
