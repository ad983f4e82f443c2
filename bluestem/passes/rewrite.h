// Rewriter: how a pass changes a graph. It walks the old nodes in order and for each one keeps it
// or emits others in its place; readers follow by themselves. Not a pattern language: passes match
// with plain code.
//
// Threads: one thread. Ownership: borrows the graph, whose nodes it holds until Finish.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bluestem/ir/graph.h"
#include "bluestem/passes/passes.h"

namespace bluestem::passes {

class Rewriter {
 public:
  // Takes the nodes out of `graph`.
  explicit Rewriter(ir::Graph& graph);

  ir::Graph& graph() { return graph_; }
  // The nodes as they were. Pointers to them stay valid.
  const std::vector<ir::Node>& old_nodes() const { return old_; }
  // Returns the old node that makes `value`, or null.
  const ir::Node* Producer(ir::ValueId value) const;
  // Returns the old nodes that read `value`, one entry a reading.
  const std::vector<const ir::Node*>& Users(ir::ValueId value) const;
  bool IsOutput(ir::ValueId value) const;
  // Returns the one old node that reads `value`, or null where there are several, none, or it is a
  // graph output.
  const ir::Node* OnlyUser(ir::ValueId value) const;

  // Returns what stands now for an old value.
  ir::ValueId Now(ir::ValueId value) const;
  // Appends a node; `inputs` are present values.
  Result<ir::ValueId> Emit(const std::string& op, const std::string& name,
                           std::vector<ir::ValueId> inputs, ir::Attributes attributes = {});
  // Appends an old node with its inputs as they stand now. Errors: when it does not take them.
  Status Keep(const ir::Node& node);
  // Lets readers of `old` read `now`, which takes over the name (graph outputs keep theirs). Counts
  // as a change.
  void Replace(ir::ValueId old, ir::ValueId now);
  // The same without the name: for graph inputs, which keep theirs.
  void Redirect(ir::ValueId old, ir::ValueId now);
  // Marks an old node as absorbed by another: the walk skips it.
  void Absorb(const ir::Node& node);
  bool IsAbsorbed(const ir::Node& node) const;
  void CountChange() { ++changes_; }
  // Redirects the graph's outputs; returns the number of changes.
  int Finish();

 private:
  ir::Graph& graph_;
  std::vector<ir::Node> old_;
  std::vector<const ir::Node*> producers_;           // by value
  std::vector<std::vector<const ir::Node*>> users_;  // by value
  std::vector<ir::ValueId> now_;                     // by value
  std::vector<bool> absorbed_;                       // by old node
  int changes_ = 0;
};

// Returns the constant's tensor, or null.
const Tensor* ConstantOf(const ir::Graph& graph, ir::ValueId value);
// Returns the one number that all elements of a constant are, or nothing.
std::optional<double> UniformOf(const ir::Graph& graph, ir::ValueId value);
// Returns the constant's elements for each of `channels` on the last axis of a value of shape
// `shape`, where it broadcasts over all other axes; else nothing.
std::optional<std::vector<double>> PerChannelOf(const ir::Graph& graph, ir::ValueId value,
                                                const Shape& shape);
// Evaluates a node whose inputs are all constants. Errors: what evaluation refuses.
Result<Tensor> EvaluateConstantNode(const ir::Graph& graph, const ir::Node& node);
// True for ops that make f32 elements one by one from one real input.
bool IsUnary(const std::string& op);
bool IsBinary(const std::string& op);

void Decide(PassContext& context, const std::string& pass, const std::string& node,
            std::string text);

}  // namespace bluestem::passes
