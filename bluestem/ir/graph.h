// Graph: a neural network as a list of operations in topological order. Single static assignment:
// each Value is a graph input, a constant, or one output of exactly one Node. What each op means is
// in ir/ops/README.md; the registry is ir/ops/ops.h. Not executable by itself: ir/evaluate.h is the
// definition of what a Graph computes.
//
// Threads: a value; not safe to change from several threads. Ownership: constants are shared,
// immutable tensors.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "bluestem/base/status.h"
#include "bluestem/tensor/tensor.h"

namespace bluestem::ir {

using Attribute =
    std::variant<int64_t, double, std::string, std::vector<int64_t>, std::vector<double>>;

// Named attributes of a node. A getter returns the default where the name is absent; a wrong type
// is a defect of ours.
class Attributes {
 public:
  bool Has(const std::string& name) const { return values_.count(name) != 0; }
  int64_t Int(const std::string& name, int64_t otherwise = 0) const;
  double Float(const std::string& name, double otherwise = 0) const;
  std::string Text(const std::string& name, const std::string& otherwise = "") const;
  std::vector<int64_t> Ints(const std::string& name, std::vector<int64_t> otherwise = {}) const;
  std::vector<double> Floats(const std::string& name, std::vector<double> otherwise = {}) const;
  Attributes& Set(const std::string& name, Attribute value) {
    values_[name] = std::move(value);
    return *this;
  }
  void Remove(const std::string& name) { values_.erase(name); }
  const std::map<std::string, Attribute>& all() const { return values_; }
  bool operator==(const Attributes&) const = default;

 private:
  std::map<std::string, Attribute> values_;
};

using ValueId = int32_t;
constexpr ValueId kNoValue = -1;  // an optional input that is not there

// What the integers of a quantized value mean: real = (code - zero_point) * scale.
struct QuantInfo {
  double scale = 1.0;
  int32_t zero_point = 0;
  int32_t bits = 8;  // codes are 0 .. 2^bits - 1 (u8) unless `levels` says fewer
  int32_t levels = 256;
  bool operator==(const QuantInfo&) const = default;
};

struct Value {
  std::string name;  // unique in the graph
  DType dtype = DType::kF32;
  Shape shape;
  std::shared_ptr<const Tensor> constant;  // null unless a constant
  std::shared_ptr<const QuantInfo> quant;  // non-null for u8 codes; null for real values
};

struct Node {
  std::string op;    // a name of ir/ops/ops.h
  std::string name;  // where it came from, for messages; unique in the graph
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  Attributes attributes;
};

class Graph {
 public:
  std::string name;
  std::vector<Node> nodes;  // topological order
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::vector<std::string> notes;  // what a reader changed or assumed, for people

  // Adds a value and returns its id. A name that is taken gets a suffix "_1", "_2", ...
  ValueId AddValue(std::string name, DType dtype, Shape shape);
  ValueId AddConstant(std::string name, Tensor tensor);
  ValueId AddInput(std::string name, DType dtype, Shape shape);
  // Appends a node with one fresh output value and returns that value. Shape and dtype are inferred
  // from the op's definition. Errors: what the op refuses (ir/ops/ops.h), with the node's name.
  Result<ValueId> Append(std::string op, std::string name, std::vector<ValueId> inputs,
                         Attributes attributes = {});

  Value& value(ValueId id);
  const Value& value(ValueId id) const;
  int32_t value_count() const { return static_cast<int32_t>(values_.size()); }
  bool IsConstant(ValueId id) const { return id != kNoValue && value(id).constant != nullptr; }

  // Returns the node that makes `id`, or nullptr for inputs and constants.
  Node* Producer(ValueId id);
  const Node* Producer(ValueId id) const;
  // Returns the nodes that read `id`, in order. A graph output counts as a user only in UseCount.
  std::vector<Node*> Users(ValueId id);
  int UseCount(ValueId id) const;
  // Makes every reader of `from` (and the output list) read `to`.
  void ReplaceUses(ValueId from, ValueId to);

 private:
  std::vector<Value> values_;
  std::map<std::string, ValueId> by_name_;
};

// Recomputes every value's shape, dtype and quant from the inputs on, in order. Errors: the first
// node that refuses.
Status InferShapes(Graph& graph);

// Checks the invariants: ids in range, one producer each, topological order, inferred shapes equal
// stored ones, ops known, attributes known. Returns the first violation, naming the node.
Status Verify(const Graph& graph);

// Returns the text form (docs/formats/graph_text.md): a value a line, deterministic, for dumps and
// tests.
std::string ToText(const Graph& graph);
// Parses the text form; constants may be written inline. Errors: kInvalidData with line and column.
Result<Graph> FromText(const std::string& text);
// In the text form a list of elements that is shorter than its tensor repeats, up to this size.
constexpr int64_t kMaxRepeatedElements = int64_t{1} << 20;

}  // namespace bluestem::ir
