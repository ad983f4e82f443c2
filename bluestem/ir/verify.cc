#include <set>

#include "bluestem/ir/ops/ops.h"

namespace bluestem::ir {
namespace {

bool SameQuant(const std::shared_ptr<const QuantInfo>& x,
               const std::shared_ptr<const QuantInfo>& y) {
  return (x == nullptr) == (y == nullptr) && (x == nullptr || *x == *y);
}

Status Violation(const Node& node, const std::string& text) {
  return Error(Code::kInvalidData, "node \"{}\" ({}): {}", node.name, node.op, text);
}

// Checks the values that exist before the first node, and marks them as made.
Status VerifySources(const Graph& graph, std::vector<bool>& made) {
  std::set<std::string> names;
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    const Value& value = graph.value(id);
    if (!names.insert(value.name).second) {
      return Error(Code::kInvalidData, "two values are named \"{}\"", value.name);
    }
    if (value.constant == nullptr) continue;
    if (value.constant->dtype() != value.dtype || value.constant->shape() != value.shape) {
      return Error(Code::kInvalidData, "constant \"{}\" is {}{} but its value says {}{}",
                   value.name, DTypeName(value.constant->dtype()),
                   ShapeText(value.constant->shape()), DTypeName(value.dtype),
                   ShapeText(value.shape));
    }
    made[static_cast<size_t>(id)] = true;
  }
  for (const ValueId id : graph.inputs) {
    if (id < 0 || id >= graph.value_count()) {
      return Error(Code::kInvalidData, "a graph input is not a value of the graph");
    }
    if (made[static_cast<size_t>(id)]) {
      return Error(Code::kInvalidData, "graph input \"{}\" is a constant or stands twice",
                   graph.value(id).name);
    }
    BLUESTEM_RETURN_IF_ERROR(
        CheckShape(graph.value(id).shape).At(fmt::format("input \"{}\"", graph.value(id).name)));
    made[static_cast<size_t>(id)] = true;
  }
  return OkStatus();
}

Status VerifyNode(const Graph& graph, const Node& node, std::vector<bool>& made) {
  BLUESTEM_ASSIGN_OR_RETURN(const Inferred inferred, InferNode(graph, node));
  for (const ValueId id : node.inputs) {
    if (id != kNoValue && !made[static_cast<size_t>(id)]) {
      return Violation(node, fmt::format("reads \"{}\" before it is made", graph.value(id).name));
    }
  }
  if (node.outputs.size() != 1) return Violation(node, "must have one output");
  const ValueId id = node.outputs[0];
  if (id < 0 || id >= graph.value_count()) return Violation(node, "its output is not a value");
  const Value& output = graph.value(id);
  if (made[static_cast<size_t>(id)]) {
    return Violation(node, fmt::format("makes \"{}\", which is made already", output.name));
  }
  if (output.dtype != inferred.dtype || output.shape != inferred.shape) {
    return Violation(node, fmt::format("its output is stored as {}{} but follows as {}{}",
                                       DTypeName(output.dtype), ShapeText(output.shape),
                                       DTypeName(inferred.dtype), ShapeText(inferred.shape)));
  }
  if (!SameQuant(output.quant, inferred.quant)) {
    return Violation(node, "the scale of its output's codes is not the one that follows");
  }
  made[static_cast<size_t>(id)] = true;
  return OkStatus();
}

}  // namespace

Status Verify(const Graph& graph) {
  std::vector<bool> made(static_cast<size_t>(graph.value_count()), false);
  BLUESTEM_RETURN_IF_ERROR(VerifySources(graph, made));
  std::set<std::string> names;
  for (const Node& node : graph.nodes) {
    if (!names.insert(node.name).second) {
      return Error(Code::kInvalidData, "two nodes are named \"{}\"", node.name);
    }
    BLUESTEM_RETURN_IF_ERROR(VerifyNode(graph, node, made));
  }
  if (graph.outputs.empty()) return Error(Code::kInvalidData, "the graph has no output");
  for (const ValueId id : graph.outputs) {
    if (id < 0 || id >= graph.value_count() || !made[static_cast<size_t>(id)]) {
      return Error(Code::kInvalidData, "a graph output is made by no node");
    }
  }
  return OkStatus();
}

}  // namespace bluestem::ir
