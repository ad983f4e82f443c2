#include <cstring>
#include <set>

#include "bluestem/ir/graph.h"

// The text form is described in docs/formats/graph_text.md.
namespace bluestem::ir {
namespace {

bool IsPlainName(const std::string& name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '/' || c == '-' || c == ':';
  };
  for (const char c : name) {
    if (!is_plain(c)) return false;
  }
  return !name.empty();
}

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += std::string("\\") + c;
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\x{:02x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string NameText(const std::string& name) {
  return "%" + (IsPlainName(name) ? name : Quoted(name));
}

// A number that reads back as the same bits, and as a number and not as an integer.
template <typename T>
std::string RealText(T value) {
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

template <typename T, typename Format>
std::string ListText(const std::vector<T>& list, Format format) {
  std::string text = "[";
  for (size_t i = 0; i < list.size(); ++i) text += (i == 0 ? "" : ",") + format(list[i]);
  return text + "]";
}

struct AttributeText {
  std::string operator()(int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return RealText(value); }
  std::string operator()(const std::string& value) const { return Quoted(value); }
  std::string operator()(const std::vector<int64_t>& list) const { return ListText(list, *this); }
  std::string operator()(const std::vector<double>& list) const { return ListText(list, *this); }
};

std::string AttributesText(const Attributes& attributes) {
  std::string text;
  for (const auto& [name, attribute] : attributes.all()) {
    text += (text.empty() ? " {" : ", ") + name + "=" + std::visit(AttributeText{}, attribute);
  }
  return text.empty() ? text : text + "}";
}

std::string TypeText(const Value& value) {
  return DTypeName(value.dtype) + ShapeText(value.shape);
}

std::string QuantText(const Value& value) {
  if (value.quant == nullptr) return "";
  return fmt::format(" quant(scale={}, zero_point={}, bits={}, levels={})",
                     RealText(value.quant->scale), value.quant->zero_point, value.quant->bits,
                     value.quant->levels);
}

std::string ElementText(const Tensor& tensor, int64_t i) {
  if (tensor.dtype() == DType::kF32) return fmt::format("{}", tensor.data<float>()[i]);
  if (tensor.dtype() == DType::kF64) return fmt::format("{}", tensor.data<double>()[i]);
  if (tensor.dtype() == DType::kS64) return fmt::format("{}", tensor.data<int64_t>()[i]);
  return fmt::format("{}", static_cast<int64_t>(tensor.At(i)));
}

// A tensor of one repeated element is written as that element.
std::string ElementsText(const Tensor& tensor) {
  const auto element = static_cast<size_t>(DTypeBytes(tensor.dtype()));
  const auto bytes = static_cast<size_t>(tensor.bytes());
  const bool repeats = bytes > element && tensor.size() <= kMaxRepeatedElements &&
                       std::memcmp(tensor.raw(), tensor.raw() + element, bytes - element) == 0;
  const int64_t count = repeats ? 1 : tensor.size();
  std::string text = "{";
  for (int64_t i = 0; i < count; ++i) text += (i == 0 ? "" : ", ") + ElementText(tensor, i);
  return text + "}";
}

std::string NodeText(const Graph& graph, const Node& node) {
  std::string operands;
  for (const ValueId id : node.inputs) {
    operands += operands.empty() ? "" : ", ";
    operands += id == kNoValue ? "_" : NameText(graph.value(id).name);
  }
  const Value& output = graph.value(node.outputs[0]);
  return fmt::format("{} = {}({}){} : {}{}\n", NameText(output.name), node.op, operands,
                     AttributesText(node.attributes), TypeText(output),
                     node.name == output.name ? "" : " @" + Quoted(node.name));
}

}  // namespace

std::string ToText(const Graph& graph) {
  std::string text = "graph " + Quoted(graph.name) + "\n";
  for (const ValueId id : graph.inputs) {
    const Value& value = graph.value(id);
    text +=
        fmt::format("input {} : {}{}\n", NameText(value.name), TypeText(value), QuantText(value));
  }
  std::set<ValueId> written;
  const auto write_constant = [&](ValueId id) {
    if (!graph.IsConstant(id) || !written.insert(id).second) return;
    const Value& value = graph.value(id);
    text += fmt::format("{} = const {} {}{}\n", NameText(value.name), TypeText(value),
                        ElementsText(*value.constant), QuantText(value));
  };
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.inputs) write_constant(id);
    text += NodeText(graph, node);
  }
  for (const ValueId id : graph.outputs) write_constant(id);
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    text += (i == 0 ? "output " : ", ") + NameText(graph.value(graph.outputs[i]).name);
  }
  return graph.outputs.empty() ? text : text + "\n";
}

}  // namespace bluestem::ir
