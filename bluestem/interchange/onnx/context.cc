#include "bluestem/interchange/onnx/context.h"

namespace bluestem::interchange {
namespace {

Status WrongType(const std::string& key) {
  return Error(Code::kInvalidData, "attribute \"{}\" has another type than ONNX defines", key);
}

}  // namespace

OnnxContext::OnnxContext(Builder& graph_builder, const onnx::NodeProto& node_proto,
                         int64_t opset_version)
    : builder(graph_builder), node(node_proto), opset(opset_version) {
  name = !node.name().empty() ? node.name() : node.output_size() > 0 ? node.output(0) : "";
}

Result<Symbol> OnnxContext::In(int i) const {
  if (!Has(i)) return Error(Code::kInvalidData, "input {} is missing", i);
  const bool weights = i == 1 && node.op_type() == "Conv";
  if (!channels_last || (i != 0 && !weights)) return builder.Find(node.input(i));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol last, builder.Find(node.input(i)));
  const auto rank = static_cast<int64_t>(builder.ShapeOf(last).size());
  std::vector<int64_t> perm = {0, rank - 1};
  for (int64_t axis = 1; axis + 1 < rank; ++axis) perm.push_back(axis);
  if (rank < 3) return last;
  ir::Attributes attributes;
  attributes.Set("perm", std::move(perm));
  return builder.Append("Transpose", name + (weights ? "/weights" : "/first"), {last},
                        std::move(attributes));
}

Result<Symbol> OnnxContext::OptionalIn(int i) const {
  if (!Has(i)) return Symbol{};
  return builder.Find(node.input(i));
}

Status OnnxContext::Set(Symbol symbol, int output) {
  if (output >= node.output_size())
    return Error(Code::kInvalidData, "output {} is missing", output);
  if (node.output(output).empty()) return OkStatus();
  const auto rank = static_cast<int64_t>(builder.ShapeOf(symbol).size());
  if (channels_last && output == 0 && rank > 2) {
    std::vector<int64_t> perm = {0};
    for (int64_t axis = 2; axis < rank; ++axis) perm.push_back(axis);
    perm.push_back(1);
    ir::Attributes attributes;
    attributes.Set("perm", std::move(perm));
    BLUESTEM_ASSIGN_OR_RETURN(
        symbol, builder.Append("Transpose", name + "/last", {symbol}, std::move(attributes)));
  }
  return builder.Bind(node.output(output), std::move(symbol));
}

Status OnnxContext::Set(Result<Symbol> symbol, int output) {
  if (!symbol.ok()) return symbol.status();
  return Set(std::move(symbol).value(), output);
}

void OnnxContext::LeaveOutputs(int first) const {
  for (int i = first; i < node.output_size(); ++i) {
    if (node.output(i).empty()) continue;
    builder.graph.notes.push_back(
        fmt::format("node \"{}\": output \"{}\" is left out", name, node.output(i)));
  }
}

const onnx::AttributeProto* OnnxContext::Find(const std::string& key) const {
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (attribute.name() == key) return &attribute;
  }
  return nullptr;
}

Result<int64_t> OnnxContext::Int(const std::string& key, int64_t otherwise) const {
  const auto* attribute = Find(key);
  if (attribute == nullptr) return otherwise;
  if (attribute->type() != onnx::AttributeProto::INT) return WrongType(key);
  return static_cast<int64_t>(attribute->i());
}

Result<double> OnnxContext::Float(const std::string& key, double otherwise) const {
  const auto* attribute = Find(key);
  if (attribute == nullptr) return otherwise;
  if (attribute->type() != onnx::AttributeProto::FLOAT) return WrongType(key);
  return static_cast<double>(attribute->f());
}

Result<std::string> OnnxContext::Text(const std::string& key, const std::string& otherwise) const {
  const auto* attribute = Find(key);
  if (attribute == nullptr) return otherwise;
  if (attribute->type() != onnx::AttributeProto::STRING) return WrongType(key);
  return std::string(attribute->s());
}

Result<std::vector<int64_t>> OnnxContext::Ints(const std::string& key,
                                               std::vector<int64_t> otherwise) const {
  const auto* attribute = Find(key);
  if (attribute == nullptr) return otherwise;
  if (attribute->type() != onnx::AttributeProto::INTS) return WrongType(key);
  return std::vector<int64_t>(attribute->ints().begin(), attribute->ints().end());
}

Result<std::vector<int64_t>> OnnxContext::IntsOrInput(const std::string& key, int i) const {
  if (HasAttribute(key)) return Ints(key, {});
  if (!Has(i)) return std::vector<int64_t>{};
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol symbol, In(i));
  return ConstantInts(symbol, fmt::format("input {} ({})", i, key));
}

}  // namespace bluestem::interchange
