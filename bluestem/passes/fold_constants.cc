// Folds nodes whose inputs are all constants. A quantizer of weights stays until quantize_conv has
// read its integers.
#include "bluestem/passes/catalogue.h"
#include "bluestem/passes/rewrite.h"

namespace bluestem::passes {
namespace {

using ir::Node;
using ir::ValueId;

bool IsQuantizer(const std::string& op) {
  return op == "Quant" || op == "BinaryQuant";
}

// True where `value` reaches, through movements alone, the weights of a convolution.
bool BecomesWeights(const Rewriter& rewriter, ValueId value, int depth) {
  if (depth == 0) return false;
  for (const Node* user : rewriter.Users(value)) {
    if ((user->op == "Conv" || user->op == "Dense") && user->inputs[1] == value) return true;
    const bool moves = user->op == "Transpose" || user->op == "Reshape" || user->op == "Identity";
    if (moves && BecomesWeights(rewriter, user->outputs[0], depth - 1)) return true;
  }
  return false;
}

Result<int> Fold(ir::Graph& graph, bool keep_weight_quantizers) {
  constexpr int kLongestMovement = 16;
  Rewriter rewriter(graph);
  for (const Node& node : rewriter.old_nodes()) {
    bool all_constant = !node.inputs.empty();
    for (const ValueId id : node.inputs) {
      all_constant = all_constant && (id == ir::kNoValue || graph.IsConstant(rewriter.Now(id)));
    }
    const bool stays = keep_weight_quantizers && IsQuantizer(node.op) &&
                       BecomesWeights(rewriter, node.outputs[0], kLongestMovement);
    if (!all_constant || stays || rewriter.IsOutput(node.outputs[0])) {
      BLUESTEM_RETURN_IF_ERROR(rewriter.Keep(node));
      continue;
    }
    Node mapped = node;
    for (ValueId& id : mapped.inputs) id = rewriter.Now(id);
    BLUESTEM_ASSIGN_OR_RETURN(Tensor folded, EvaluateConstantNode(graph, mapped));
    const ValueId constant = graph.AddConstant(node.name, std::move(folded));
    graph.value(constant).quant = graph.value(node.outputs[0]).quant;  // codes keep their meaning
    rewriter.Replace(node.outputs[0], constant);
  }
  return rewriter.Finish();
}

}  // namespace

Result<int> FoldConstants(ir::Graph& graph, PassContext&) {
  return Fold(graph, true);
}

Result<int> FoldWeights(ir::Graph& graph, PassContext&) {
  return Fold(graph, false);
}

}  // namespace bluestem::passes
