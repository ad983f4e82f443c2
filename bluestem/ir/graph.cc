#include "bluestem/ir/graph.h"

#include <algorithm>

#include "bluestem/ir/ops/ops.h"

namespace bluestem::ir {
namespace {

// Returns the attribute as T, or null where it is absent.
template <typename T>
const T* Find(const std::map<std::string, Attribute>& values, const std::string& name) {
  const auto it = values.find(name);
  if (it == values.end()) return nullptr;
  const T* value = std::get_if<T>(&it->second);
  BLUESTEM_CHECK(value != nullptr, ("attribute " + name + " has another type").c_str());
  return value;
}

}  // namespace

int64_t Attributes::Int(const std::string& name, int64_t otherwise) const {
  const auto* value = Find<int64_t>(values_, name);
  return value == nullptr ? otherwise : *value;
}

double Attributes::Float(const std::string& name, double otherwise) const {
  const auto* value = Find<double>(values_, name);
  return value == nullptr ? otherwise : *value;
}

std::string Attributes::Text(const std::string& name, const std::string& otherwise) const {
  const auto* value = Find<std::string>(values_, name);
  return value == nullptr ? otherwise : *value;
}

std::vector<int64_t> Attributes::Ints(const std::string& name,
                                      std::vector<int64_t> otherwise) const {
  const auto* value = Find<std::vector<int64_t>>(values_, name);
  return value == nullptr ? otherwise : *value;
}

std::vector<double> Attributes::Floats(const std::string& name,
                                       std::vector<double> otherwise) const {
  const auto* value = Find<std::vector<double>>(values_, name);
  return value == nullptr ? otherwise : *value;
}

ValueId Graph::AddValue(std::string name, DType dtype, Shape shape) {
  const auto id = static_cast<ValueId>(values_.size());
  if (!by_name_.emplace(name, id).second) {
    int64_t suffix = 1;
    while (!by_name_.emplace(name + "_" + std::to_string(suffix), id).second) ++suffix;
    name += "_" + std::to_string(suffix);
  }
  values_.push_back(Value{.name = std::move(name),
                          .dtype = dtype,
                          .shape = std::move(shape),
                          .constant = nullptr,
                          .quant = nullptr});
  return id;
}

ValueId Graph::AddConstant(std::string name, Tensor tensor) {
  const ValueId id = AddValue(std::move(name), tensor.dtype(), tensor.shape());
  value(id).constant = std::make_shared<const Tensor>(std::move(tensor));
  return id;
}

ValueId Graph::AddInput(std::string name, DType dtype, Shape shape) {
  inputs.push_back(AddValue(std::move(name), dtype, std::move(shape)));
  return inputs.back();
}

Result<ValueId> Graph::Append(std::string op, std::string name, std::vector<ValueId> node_inputs,
                              Attributes attributes) {
  Node node{.op = std::move(op),
            .name = std::move(name),
            .inputs = std::move(node_inputs),
            .outputs = {},
            .attributes = std::move(attributes)};
  BLUESTEM_ASSIGN_OR_RETURN(Inferred inferred, InferNode(*this, node));
  const ValueId output = AddValue(node.name, inferred.dtype, std::move(inferred.shape));
  value(output).quant = std::move(inferred.quant);
  // Node names are unique because each takes the (unique) name of its output when its own is taken.
  const auto same_name = [&](const Node& other) { return other.name == node.name; };
  if (std::any_of(nodes.begin(), nodes.end(), same_name)) node.name = value(output).name;
  node.outputs = {output};
  nodes.push_back(std::move(node));
  return output;
}

Value& Graph::value(ValueId id) {
  BLUESTEM_CHECK(id >= 0 && id < value_count(), "value id");
  return values_[static_cast<size_t>(id)];
}

const Value& Graph::value(ValueId id) const {
  BLUESTEM_CHECK(id >= 0 && id < value_count(), "value id");
  return values_[static_cast<size_t>(id)];
}

const Node* Graph::Producer(ValueId id) const {
  for (const Node& node : nodes) {
    if (std::find(node.outputs.begin(), node.outputs.end(), id) != node.outputs.end()) return &node;
  }
  return nullptr;
}

Node* Graph::Producer(ValueId id) {
  return const_cast<Node*>(static_cast<const Graph*>(this)->Producer(id));
}

std::vector<Node*> Graph::Users(ValueId id) {
  std::vector<Node*> users;
  for (Node& node : nodes) {
    if (std::find(node.inputs.begin(), node.inputs.end(), id) != node.inputs.end()) {
      users.push_back(&node);
    }
  }
  return users;
}

int Graph::UseCount(ValueId id) const {
  auto count = std::count(outputs.begin(), outputs.end(), id);
  for (const Node& node : nodes) count += std::count(node.inputs.begin(), node.inputs.end(), id);
  return static_cast<int>(count);
}

void Graph::ReplaceUses(ValueId from, ValueId to) {
  for (Node& node : nodes) std::replace(node.inputs.begin(), node.inputs.end(), from, to);
  std::replace(outputs.begin(), outputs.end(), from, to);
}

}  // namespace bluestem::ir
