// Builds a Graph from a foreign one, node by node: names to symbols, constants folded on the way,
// dead nodes dropped at the end. Shared by the ONNX and the TensorFlow reader; internal to
// interchange.
//
// Threads: one user. Ownership: owns the graph until Finish.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bluestem/ir/graph.h"

namespace bluestem::interchange {

// A foreign tensor: a value of the graph, or a constant (of any element type) that is not in the
// graph until a real op reads it.
struct Symbol {
  ir::ValueId id = ir::kNoValue;
  std::shared_ptr<const Tensor> constant;

  bool IsConstant() const { return constant != nullptr; }
  bool IsAbsent() const { return id == ir::kNoValue && constant == nullptr; }
};

Symbol ConstantSymbol(Tensor tensor);

class Builder {
 public:
  ir::Graph graph;
  int64_t batch = 1;           // what the first axis of each input becomes
  int64_t declared_batch = 1;  // what the file writes for it

  // Adds a note where an input's batch, as the file says it, becomes another.
  void NoteBatch(const std::string& input, const std::string& was);
  // Puts the batch in the place of the declared one at the head of a shape that the file writes for
  // a form of `x`.
  void PutBatch(const Symbol& x, Shape& shape) const;

  // Appends a node. Where all inputs are constants and the op only moves or computes elements,
  // returns the constant that it makes instead; quantizers are kept, for passes to see. Errors:
  // what ir::Graph::Append refuses.
  Result<Symbol> Append(const std::string& op, const std::string& name,
                        const std::vector<Symbol>& inputs, ir::Attributes attributes = {});
  // Returns the value of a symbol; a constant enters the graph, as f32.
  ir::ValueId Use(const Symbol& symbol);
  const Shape& ShapeOf(const Symbol& symbol) const;

  // Binds a foreign name. Errors: kInvalidData if it is bound already.
  Status Bind(const std::string& name, Symbol symbol);
  // Errors: kInvalidData if nothing of that name was made.
  Result<Symbol> Find(const std::string& name) const;
  bool IsBound(const std::string& name) const { return symbols_.count(name) != 0; }

  // Which foreign names some node reads, and the foreign format's number of a constant's element
  // type (0: not known), for readers that depend on it.
  void MarkRead(const std::vector<std::string>& names) { read_.insert(names.begin(), names.end()); }
  bool IsRead(const std::string& name) const { return read_.count(name) != 0; }
  // Outputs of a ranking that is left out: values and indices are the same scores, one output.
  void MarkRanked(const std::string& name) { ranked_.insert(name); }
  bool IsRanked(const std::string& name) const { return ranked_.count(name) != 0; }
  void SetElementType(const std::string& name, int32_t type) { element_types_[name] = type; }
  int32_t ElementType(const std::string& name) const;

  // Returns weights [k,n] as [n,k]: a constant, or the quantizer of a constant, is turned itself.
  Result<Symbol> TransposeWeights(const std::string& name, const Symbol& weights);

  // Returns -1, 0 or 1 by the sign of `x`, as a quantizer of two thresholds. `channels_first`: x is
  // [n,c,...], as ONNX has it.
  Result<Symbol> AppendSign(const std::string& name, const Symbol& x, bool channels_first);

  // Returns a copy of the node that makes `id`, and renames the original, so that a node in its
  // stead takes its name.
  ir::Node Supersede(ir::ValueId id);

  // Drops nodes that no output needs, verifies, and returns the graph.
  Result<ir::Graph> Finish();

 private:
  std::map<std::string, Symbol> symbols_;
  std::set<std::string> read_;
  std::set<std::string> ranked_;
  std::map<std::string, int32_t> element_types_;
  std::map<std::shared_ptr<const Tensor>, ir::ValueId> used_;  // constants that are in the graph
};

// Returns the elements of an integer (or whole-number) constant. Errors: kUnsupported, naming
// `what`, where it is computed at run time; kInvalidData where an element is not an integer.
Result<std::vector<int64_t>> ConstantInts(const Symbol& symbol, const std::string& what);
// Returns the only element of a constant.
Result<double> ConstantScalar(const Symbol& symbol, const std::string& what);

// A foreign node by names alone, for ordering.
struct NodeNames {
  std::string name;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
};

// Returns the indices of the nodes that `outputs` need, each after what it reads. Names in `given`
// need no node. Errors: kInvalidData for two nodes that make one name, a name that nothing makes,
// and a cycle, naming a node.
Result<std::vector<size_t>> OrderNodes(const std::vector<NodeNames>& nodes,
                                       const std::map<std::string, bool>& given,
                                       const std::vector<std::string>& outputs);

// Returns the failure with the node before it, unless it names the node already.
Status AtNode(const Status& status, const std::string& name, const std::string& op);

// The pads that make out = ceil(in / stride); the odd one goes after (or before, if `lower`).
struct Pads {
  int64_t before = 0;
  int64_t after = 0;
};
Pads SamePads(int64_t extent, int64_t kernel, int64_t stride, int64_t dilation, bool lower);

// Returns " (the nearest supported op is X)" or "".
std::string NearestText(const std::string& name, const std::vector<std::string>& known);

}  // namespace bluestem::interchange
