// What a Graph computes: the reference evaluation, op by op, in the order of the nodes. Slow and
// plain. Integer ops and f32 ops follow ir/ops/README.md to the bit (they call the kernels'
// reference functions); EvaluateDouble is the independent oracle.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bluestem/ir/graph.h"

namespace bluestem::ir {

// Called after each node with its output values.
using Observer = std::function<void(const Node&, const std::vector<Tensor>& outputs)>;

// Returns the graph's outputs. `inputs` match graph.inputs in order, dtype and shape.
// Errors: kInvalidArgument naming the input that does not fit.
Result<std::vector<Tensor>> Evaluate(const Graph& graph, const std::vector<Tensor>& inputs,
                                     const Observer& observer = {});

// The same in f64 from end to end for real ops (sums in double, nothing rounded between ops;
// quantizers round as defined): the plain meaning of the model, to compare with under a tolerance.
Result<std::vector<Tensor>> EvaluateDouble(const Graph& graph, const std::vector<Tensor>& inputs,
                                           const Observer& observer = {});

}  // namespace bluestem::ir
