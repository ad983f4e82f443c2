#include "bluestem/interchange/tensorflow/context.h"

namespace bluestem::interchange {

using tensorflow::AttrValue;

TensorFlowContext::TensorFlowContext(Builder& graph_builder, const tensorflow::NodeDef& node_def)
    : builder(graph_builder), node(node_def) {
  for (const std::string& input : node.input()) {
    if (!input.empty() && input[0] != '^') inputs_.push_back(TensorName(input));
  }
}

Result<Symbol> TensorFlowContext::In(int i) const {
  if (i >= InputCount()) return Error(Code::kInvalidData, "input {} is missing", i);
  return builder.Find(inputs_[static_cast<size_t>(i)]);
}

Status TensorFlowContext::Set(Result<Symbol> symbol, int output) {
  if (!symbol.ok()) return symbol.status();
  return builder.Bind(fmt::format("{}:{}", node.name(), output), std::move(symbol).value());
}

Result<const AttrValue*> TensorFlowContext::Find(const std::string& key,
                                                 AttrValue::ValueCase kind) const {
  const auto it = node.attr().find(key);
  if (it == node.attr().end()) return static_cast<const AttrValue*>(nullptr);
  if (it->second.value_case() == kind) return &it->second;
  return Error(Code::kInvalidData, "attribute \"{}\" has another type than TensorFlow defines",
               key);
}

Result<int64_t> TensorFlowContext::Int(const std::string& key, int64_t otherwise) const {
  BLUESTEM_ASSIGN_OR_RETURN(const AttrValue* value, Find(key, AttrValue::kI));
  return value == nullptr ? otherwise : static_cast<int64_t>(value->i());
}

Result<double> TensorFlowContext::Float(const std::string& key, double otherwise) const {
  BLUESTEM_ASSIGN_OR_RETURN(const AttrValue* value, Find(key, AttrValue::kF));
  return value == nullptr ? otherwise : static_cast<double>(value->f());
}

Result<bool> TensorFlowContext::Bool(const std::string& key, bool otherwise) const {
  BLUESTEM_ASSIGN_OR_RETURN(const AttrValue* value, Find(key, AttrValue::kB));
  return value == nullptr ? otherwise : value->b();
}

Result<std::string> TensorFlowContext::Text(const std::string& key,
                                            const std::string& otherwise) const {
  BLUESTEM_ASSIGN_OR_RETURN(const AttrValue* value, Find(key, AttrValue::kS));
  return value == nullptr ? otherwise : std::string(value->s());
}

Result<std::vector<int64_t>> TensorFlowContext::Ints(const std::string& key,
                                                     std::vector<int64_t> otherwise) const {
  BLUESTEM_ASSIGN_OR_RETURN(const AttrValue* value, Find(key, AttrValue::kList));
  if (value == nullptr) return otherwise;
  return std::vector<int64_t>(value->list().i().begin(), value->list().i().end());
}

Status TensorFlowContext::NeedNhwc() const {
  BLUESTEM_ASSIGN_OR_RETURN(const std::string format, Text("data_format", "NHWC"));
  if (format == "NHWC") return OkStatus();
  return Error(Code::kUnsupported, "data_format is {}; export the graph as NHWC", format);
}

std::string TensorName(const std::string& input) {
  return input.find(':') == std::string::npos ? input + ":0" : input;
}

}  // namespace bluestem::interchange
