// The registry of operations: for each op its name, attributes, how shapes are inferred and how it
// is evaluated. What the ops mean is in README.md of this folder. Not the graph itself (ir/graph.h)
// and not fast code (kernels/).
//
// Threads: a constant table; safe from any thread.
#pragma once

#include <span>

#include "bluestem/ir/graph.h"

namespace bluestem::ir {

// Bounds of what a graph may hold; what goes beyond is refused with a message.
constexpr int64_t kMaxRank = 6;
constexpr int64_t kMaxElements = int64_t{1} << 31;  // elements of one tensor, exclusive

enum class AttributeKind : uint8_t { kInt, kFloat, kText, kInts, kFloats };

struct AttributeDef {
  const char* name = nullptr;
  AttributeKind kind = AttributeKind::kInt;
  bool required = false;
};

// A node seen while its shape is inferred. Its output does not exist yet.
struct InferContext {
  const Graph& graph;
  const Node& node;

  bool Has(size_t i) const { return i < node.inputs.size() && node.inputs[i] != kNoValue; }
  const Value& in(size_t i) const { return graph.value(node.inputs[i]); }
  const Attributes& attributes() const { return node.attributes; }
};

struct Inferred {
  DType dtype = DType::kF32;
  Shape shape;
  std::shared_ptr<const QuantInfo> quant;
};

// A node seen while it is evaluated: shapes have been verified. An absent optional input is null.
struct Operands {
  const Graph& graph;
  const Node& node;
  std::vector<const Tensor*> inputs;

  bool Has(size_t i) const { return i < inputs.size() && inputs[i] != nullptr; }
  const Tensor& in(size_t i) const { return *inputs[i]; }
  const Value& in_value(size_t i) const { return graph.value(node.inputs[i]); }
  const Value& out() const { return graph.value(node.outputs[0]); }
  const Attributes& attributes() const { return node.attributes; }
};

// Errors of an inference say what does not fit; the caller adds the node and the op.
using InferFn = Result<Inferred> (*)(const InferContext& context);
using EvaluateFn = Tensor (*)(const Operands& operands);

constexpr int32_t kManyInputs = 1 << 20;
constexpr size_t kMaxAttributes = 14;

// One row of the registry. Every op has one output.
struct OpDef {
  const char* name;
  int32_t min_inputs;
  int32_t max_inputs;
  InferFn infer;
  EvaluateFn evaluate;         // f32 and integers, to the bit as README.md says
  EvaluateFn evaluate_double;  // real operands are f64 tensors; integer operands as above
  AttributeDef attributes[kMaxAttributes];  // ends at the first null name

  // Returns the attribute's definition, or null.
  const AttributeDef* FindAttribute(const std::string& attribute) const;
};

// Returns the rows, in the order of README.md.
std::span<const OpDef> AllOps();
// Returns the row of `name`, or null.
const OpDef* FindOp(const std::string& name);

// Returns what `node` makes of its inputs; the node need not be in the graph. Errors: kUnsupported
// for an unknown op; kInvalidData for inputs and attributes that do not fit, naming node, op and
// shapes.
Result<Inferred> InferNode(const Graph& graph, const Node& node);

// Returns why a tensor of `shape` is out of bounds (an extent below 1, rank or size too large), or
// an ok status.
Status CheckShape(const Shape& shape);

}  // namespace bluestem::ir
