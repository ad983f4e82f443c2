// What a Graph computes: the reference evaluation, op by op, in the order of the nodes. Slow and
// plain. Integer ops and f32 ops follow ir/ops/README.md to the bit (they call the kernels'
// reference functions); DoubleEvaluator is the independent oracle.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bluestem/ir/graph.h"

namespace bluestem::ir {

// Called after each node with its output values.
using Observer = std::function<void(const Node&, const std::vector<Tensor>& outputs)>;

// Returns the graph's outputs. `inputs` match graph.inputs in order, dtype and shape.
// Errors: kInvalidArgument naming the input that does not fit; what ir::Verify refuses.
Result<std::vector<Tensor>> Evaluate(const Graph& graph, const std::vector<Tensor>& inputs,
                                     const Observer& observer = {});

// The same in f64 from end to end for real ops (sums in double, nothing rounded between ops;
// quantizers round as defined): the plain meaning of the model, to compare with under a tolerance.
// Real outputs have dtype f64.
Result<std::vector<Tensor>> EvaluateDouble(const Graph& graph, const std::vector<Tensor>& inputs,
                                           const Observer& observer = {});

// EvaluateDouble for many images: what depends on constants alone (quantized weights, say) is
// computed once.
//
// Threads: Run is safe from several threads at once. Ownership: keeps a copy of the graph;
// constants are shared.
class DoubleEvaluator {
 public:
  // Errors: what ir::Verify refuses.
  static Result<DoubleEvaluator> Prepare(const Graph& graph);

  // As EvaluateDouble. The observer also sees the nodes that were computed at Prepare.
  Result<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs,
                                  const Observer& observer = {}) const;

 private:
  explicit DoubleEvaluator(Graph graph) : graph_(std::move(graph)) {}

  Graph graph_;
  std::vector<std::shared_ptr<const Tensor>>
      fixed_;                      // by value id; null where it depends on an input
  std::vector<int32_t> last_use_;  // by value id: index of the last node that reads it; -1: none
};

}  // namespace bluestem::ir
