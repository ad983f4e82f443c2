// Movements and maxima of dequantized codes become the same of the codes: a byte moves, not a
// float.
#include "bluestem/passes/catalogue.h"
#include "bluestem/passes/codes.h"
#include "bluestem/passes/rewrite.h"

namespace bluestem::passes {
namespace {

using ir::Node;
using ir::ValueId;

bool IsMovement(const std::string& op) {
  static constexpr const char* kMovements[] = {
      "MaxPool", "GlobalMaxPool", "SpaceToDepth", "DepthToSpace", "Concat",
      "Pad",     "Reshape",       "Transpose",    "Slice",        "ResizeNearest"};
  for (const char* name : kMovements) {
    if (op == name) return true;
  }
  return false;
}

// Returns the codes of all of the node's inputs, or nothing where one is real or two have different
// meanings.
std::vector<ValueId> AllCodes(const Rewriter& rewriter, const ir::Graph& graph, const Node& node) {
  std::vector<ValueId> codes;
  for (const ValueId id : node.inputs) {
    const ValueId code = CodesOf(graph, rewriter.Now(id));
    if (code == ir::kNoValue) return {};
    if (!codes.empty() && !(*graph.value(code).quant == *graph.value(codes[0]).quant)) return {};
    codes.push_back(code);
  }
  return codes;
}

Result<bool> Move(Rewriter& rewriter, const Node& node, PassContext& context) {
  ir::Graph& graph = rewriter.graph();
  if (!IsMovement(node.op)) return false;
  const auto codes = AllCodes(rewriter, graph, node);
  if (codes.empty()) {
    if (node.op == "Concat")
      Decide(context, "move_codes", node.name, "joins f32: its parts are not codes of one scale");
    return false;
  }
  std::string op = node.op;
  ir::Attributes attributes = node.attributes;
  if (op == "GlobalMaxPool") {
    const Shape& x = graph.value(codes[0]).shape;
    op = "MaxPool";
    attributes.Set("kernel", std::vector<int64_t>{x[1], x[2]});
  }
  if (op == "Pad") {
    const auto code = CodeOfReal(*graph.value(codes[0]).quant, attributes.Float("value", 0));
    if (!code) {
      Decide(context, "move_codes", node.name, "pads f32: its value is no code of its input");
      return false;
    }
    attributes.Set("value", static_cast<double>(*code));
  }
  BLUESTEM_ASSIGN_OR_RETURN(const ValueId moved, rewriter.Emit(op, node.name, codes, attributes));
  BLUESTEM_ASSIGN_OR_RETURN(const ValueId real,
                            rewriter.Emit("Dequantize", node.name + "/real", {moved}));
  rewriter.Replace(node.outputs[0], real);
  return true;
}

}  // namespace

Result<int> MoveCodes(ir::Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (const Node& node : rewriter.old_nodes()) {
    BLUESTEM_ASSIGN_OR_RETURN(const bool moved, Move(rewriter, node, context));
    if (!moved) BLUESTEM_RETURN_IF_ERROR(rewriter.Keep(node));
  }
  return rewriter.Finish();
}

}  // namespace bluestem::passes
