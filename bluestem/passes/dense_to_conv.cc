// A Dense over [m,k] is a 1x1 convolution over the map [1,m,1,k]: one kind of node for all that
// multiplies.
#include "bluestem/passes/catalogue.h"
#include "bluestem/passes/rewrite.h"

namespace bluestem::passes {

Result<int> DenseToConv(ir::Graph& graph, PassContext&) {
  using ir::ValueId;
  Rewriter rewriter(graph);
  for (const ir::Node& node : rewriter.old_nodes()) {
    if (node.op != "Dense") {
      BLUESTEM_RETURN_IF_ERROR(rewriter.Keep(node));
      continue;
    }
    std::vector<ValueId> inputs;
    for (const ValueId id : node.inputs) inputs.push_back(rewriter.Now(id));
    const Shape x = graph.value(inputs[0]).shape;
    const Shape w = graph.value(inputs[1]).shape;
    const auto reshape = [&](const std::string& name, ValueId value, Shape shape) {
      return rewriter.Emit("Reshape", name, {value},
                           ir::Attributes().Set("shape", std::move(shape)));
    };
    BLUESTEM_ASSIGN_OR_RETURN(inputs[0],
                              reshape(node.name + "/map", inputs[0], {1, x[0], 1, x[1]}));
    BLUESTEM_ASSIGN_OR_RETURN(inputs[1],
                              reshape(node.name + "/weights", inputs[1], {w[0], 1, 1, w[1]}));
    BLUESTEM_ASSIGN_OR_RETURN(const ValueId conv, rewriter.Emit("Conv", node.name, inputs));
    BLUESTEM_ASSIGN_OR_RETURN(const ValueId rows, reshape(node.name + "/rows", conv, {x[0], w[0]}));
    rewriter.Replace(node.outputs[0], rows);
  }
  return rewriter.Finish();
}

}  // namespace bluestem::passes
