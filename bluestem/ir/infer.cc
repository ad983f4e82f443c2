#include <algorithm>

#include "bluestem/ir/ops/ops.h"

namespace bluestem::ir {
namespace {

constexpr const char* kKindNames[] = {"an integer", "a number", "a text", "a list of integers",
                                      "a list of numbers"};

// The alternatives of Attribute stand in the order of AttributeKind.
static_assert(std::is_same_v<std::variant_alternative_t<0, Attribute>, int64_t>);
static_assert(std::is_same_v<std::variant_alternative_t<4, Attribute>, std::vector<double>>);

Status CheckAttributes(const OpDef& def, const Attributes& attributes) {
  for (const auto& [name, attribute] : attributes.all()) {
    const AttributeDef* known = def.FindAttribute(name);
    if (known == nullptr) {
      return Error(Code::kInvalidData, "attribute \"{}\" is not one of this op's", name);
    }
    if (attribute.index() != static_cast<size_t>(known->kind)) {
      return Error(Code::kInvalidData, "attribute \"{}\" must be {}", name,
                   kKindNames[static_cast<size_t>(known->kind)]);
    }
  }
  for (const AttributeDef& known : def.attributes) {
    if (known.name == nullptr) break;
    if (known.required && !attributes.Has(known.name)) {
      return Error(Code::kInvalidData, "attribute \"{}\" is missing", known.name);
    }
  }
  return OkStatus();
}

Status CheckInputs(const Graph& graph, const Node& node, const OpDef& def) {
  const auto count = static_cast<int64_t>(node.inputs.size());
  if (count < def.min_inputs || count > def.max_inputs) {
    return Error(Code::kInvalidData, "has {} inputs; the op takes {}", count,
                 def.min_inputs == def.max_inputs ? fmt::format("{}", def.min_inputs)
                 : def.max_inputs == kManyInputs
                     ? fmt::format("{} or more", def.min_inputs)
                     : fmt::format("{} to {}", def.min_inputs, def.max_inputs));
  }
  for (int64_t i = 0; i < count; ++i) {
    const ValueId id = node.inputs[static_cast<size_t>(i)];
    const bool may_be_absent = i >= def.min_inputs && def.max_inputs != kManyInputs;
    if (id == kNoValue && may_be_absent) continue;
    if (id < 0 || id >= graph.value_count()) {
      return Error(Code::kInvalidData, "input {} is not a value of the graph", i);
    }
  }
  return OkStatus();
}

Result<Inferred> InferChecked(const Graph& graph, const Node& node, const OpDef& def) {
  BLUESTEM_RETURN_IF_ERROR(CheckInputs(graph, node, def));
  BLUESTEM_RETURN_IF_ERROR(CheckAttributes(def, node.attributes));
  BLUESTEM_ASSIGN_OR_RETURN(Inferred inferred, def.infer({graph, node}));
  BLUESTEM_RETURN_IF_ERROR(CheckShape(inferred.shape));
  return inferred;
}

}  // namespace

Status CheckShape(const Shape& shape) {
  if (static_cast<int64_t>(shape.size()) > kMaxRank) {
    return Error(Code::kUnsupported, "shape {} has {} axes; at most {} are supported",
                 ShapeText(shape), shape.size(), kMaxRank);
  }
  int64_t count = 1;
  for (const int64_t extent : shape) {
    if (extent < 1) {
      return Error(Code::kInvalidData, "shape {}: each extent must be 1 or more", ShapeText(shape));
    }
    if (extent >= kMaxElements || count * extent >= kMaxElements) {
      return Error(Code::kUnsupported, "shape {} is too large; a tensor has fewer than {} elements",
                   ShapeText(shape), kMaxElements);
    }
    count *= extent;
  }
  return OkStatus();
}

Result<Inferred> InferNode(const Graph& graph, const Node& node) {
  const OpDef* def = FindOp(node.op);
  if (def == nullptr) {
    return Error(Code::kUnsupported, "node \"{}\": \"{}\" is not an op of Bluestem's graphs",
                 node.name, node.op);
  }
  auto inferred = InferChecked(graph, node, *def);
  if (!inferred.ok()) {
    return inferred.status().At(fmt::format("node \"{}\" ({})", node.name, node.op));
  }
  return inferred;
}

Status InferShapes(Graph& graph) {
  for (const Node& node : graph.nodes) {
    BLUESTEM_ASSIGN_OR_RETURN(Inferred inferred, InferNode(graph, node));
    BLUESTEM_CHECK(node.outputs.size() == 1, "every op has one output");
    Value& output = graph.value(node.outputs[0]);
    output.dtype = inferred.dtype;
    output.shape = std::move(inferred.shape);
    output.quant = std::move(inferred.quant);
  }
  return OkStatus();
}

}  // namespace bluestem::ir
