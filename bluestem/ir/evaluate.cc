#include "bluestem/ir/evaluate.h"

#include <algorithm>

#include "bluestem/ir/ops/ops.h"

namespace bluestem::ir {
namespace {

using TensorPtr = std::shared_ptr<const Tensor>;

Status CheckInputs(const Graph& graph, const std::vector<Tensor>& inputs) {
  if (inputs.size() != graph.inputs.size()) {
    return Error(Code::kInvalidArgument, "the graph has {} inputs, got {}", graph.inputs.size(),
                 inputs.size());
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = graph.value(graph.inputs[i]);
    if (inputs[i].dtype() != value.dtype || inputs[i].shape() != value.shape) {
      return Error(Code::kInvalidArgument, "input \"{}\" is {}{}, got {}{}", value.name,
                   DTypeName(value.dtype), ShapeText(value.shape), DTypeName(inputs[i].dtype()),
                   ShapeText(inputs[i].shape()));
    }
  }
  return OkStatus();
}

// Returns, by value id, the index of the last node that reads it; the node count for graph outputs.
std::vector<int32_t> LastUses(const Graph& graph) {
  std::vector<int32_t> last(static_cast<size_t>(graph.value_count()), -1);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const ValueId id : graph.nodes[i].inputs) {
      if (id != kNoValue) last[static_cast<size_t>(id)] = static_cast<int32_t>(i);
    }
  }
  for (const ValueId id : graph.outputs) {
    last[static_cast<size_t>(id)] = static_cast<int32_t>(graph.nodes.size());
  }
  return last;
}

Operands OperandsOf(const Graph& graph, const Node& node, const std::vector<TensorPtr>& values) {
  Operands operands{graph, node, {}};
  for (const ValueId id : node.inputs) {
    operands.inputs.push_back(id == kNoValue ? nullptr : values[static_cast<size_t>(id)].get());
  }
  return operands;
}

// Runs every node whose output is not in `values` yet, freeing what nothing reads any more.
void RunNodes(const Graph& graph, EvaluateFn OpDef::*evaluate, const std::vector<int32_t>& last_use,
              const Observer& observer, std::vector<TensorPtr>& values) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    TensorPtr& output = values[static_cast<size_t>(node.outputs[0])];
    if (output == nullptr) {
      const EvaluateFn run = FindOp(node.op)->*evaluate;
      output = std::make_shared<const Tensor>(run(OperandsOf(graph, node, values)));
    }
    if (observer) observer(node, {*output});
    for (const ValueId id : node.inputs) {
      if (id != kNoValue && last_use[static_cast<size_t>(id)] == static_cast<int32_t>(i)) {
        values[static_cast<size_t>(id)].reset();
      }
    }
  }
}

std::vector<Tensor> Outputs(const Graph& graph, const std::vector<TensorPtr>& values) {
  std::vector<Tensor> outputs;
  for (const ValueId id : graph.outputs) outputs.push_back(*values[static_cast<size_t>(id)]);
  return outputs;
}

// Real values become f64; codes and integers stay.
TensorPtr Widen(const Tensor& tensor) {
  return std::make_shared<const Tensor>(tensor.dtype() == DType::kF32 ? tensor.Cast(DType::kF64)
                                                                      : tensor);
}

}  // namespace

Result<std::vector<Tensor>> Evaluate(const Graph& graph, const std::vector<Tensor>& inputs,
                                     const Observer& observer) {
  BLUESTEM_RETURN_IF_ERROR(Verify(graph));
  BLUESTEM_RETURN_IF_ERROR(CheckInputs(graph, inputs));
  std::vector<TensorPtr> values(static_cast<size_t>(graph.value_count()));
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    values[static_cast<size_t>(id)] = graph.value(id).constant;
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    values[static_cast<size_t>(graph.inputs[i])] = std::make_shared<const Tensor>(inputs[i]);
  }
  RunNodes(graph, &OpDef::evaluate, LastUses(graph), observer, values);
  return Outputs(graph, values);
}

Result<std::vector<Tensor>> EvaluateDouble(const Graph& graph, const std::vector<Tensor>& inputs,
                                           const Observer& observer) {
  BLUESTEM_ASSIGN_OR_RETURN(const DoubleEvaluator evaluator, DoubleEvaluator::Prepare(graph));
  return evaluator.Run(inputs, observer);
}

Result<DoubleEvaluator> DoubleEvaluator::Prepare(const Graph& graph) {
  BLUESTEM_RETURN_IF_ERROR(Verify(graph));
  DoubleEvaluator evaluator(graph);
  evaluator.last_use_ = LastUses(graph);
  evaluator.fixed_.resize(static_cast<size_t>(graph.value_count()));
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    if (graph.IsConstant(id)) {
      evaluator.fixed_[static_cast<size_t>(id)] = Widen(*graph.value(id).constant);
    }
  }
  for (const Node& node : evaluator.graph_.nodes) {
    const auto is_fixed = [&](ValueId id) {
      return id == kNoValue || evaluator.fixed_[static_cast<size_t>(id)] != nullptr;
    };
    if (!std::all_of(node.inputs.begin(), node.inputs.end(), is_fixed)) continue;
    evaluator.fixed_[static_cast<size_t>(node.outputs[0])] = std::make_shared<const Tensor>(
        FindOp(node.op)->evaluate_double(OperandsOf(graph, node, evaluator.fixed_)));
  }
  return evaluator;
}

Result<std::vector<Tensor>> DoubleEvaluator::Run(const std::vector<Tensor>& inputs,
                                                 const Observer& observer) const {
  BLUESTEM_RETURN_IF_ERROR(CheckInputs(graph_, inputs));
  std::vector<TensorPtr> values = fixed_;
  for (size_t i = 0; i < inputs.size(); ++i) {
    values[static_cast<size_t>(graph_.inputs[i])] = Widen(inputs[i]);
  }
  RunNodes(graph_, &OpDef::evaluate_double, last_use_, observer, values);
  return Outputs(graph_, values);
}

}  // namespace bluestem::ir
