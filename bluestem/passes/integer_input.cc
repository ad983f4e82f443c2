// An input that is known to be made of 8-bit codes becomes u8: pixels are read as they are.
#include "bluestem/passes/catalogue.h"
#include "bluestem/passes/codes.h"
#include "bluestem/passes/rewrite.h"

namespace bluestem::passes {
namespace {

using ir::Node;
using ir::QuantInfo;
using ir::ValueId;

// Returns the quantizer that alone reads `input`, where it makes all 256 codes; else null.
const Node* ByteQuantizer(const Rewriter& rewriter, const ir::Graph& graph, ValueId input,
                          QuantInfo& info) {
  const Node* user = rewriter.OnlyUser(input);
  if (user == nullptr || user->op != "Quant" || user->inputs[0] != input) return nullptr;
  const auto quantizer = ReadQuantizer(graph, *user);
  if (!quantizer.ok() || quantizer->info.levels != 256 || quantizer->spec.low != 0) return nullptr;
  info = quantizer->info;
  return user;
}

}  // namespace

Result<int> MakeIntegerInputs(ir::Graph& graph, PassContext& context) {
  const auto& codes = context.options->input_codes;
  Rewriter rewriter(graph);
  for (const ValueId id : graph.inputs) {
    if (graph.value(id).dtype != DType::kF32) continue;
    QuantInfo info;
    std::string reason;
    if (codes.has_value()) {
      // The scale is what an f32 division by 1/scale comes closest to.
      info = {static_cast<double>(static_cast<float>(codes->scale)), codes->zero_point, 8, 256};
      reason = "what it is made from";
    } else if (const Node* quantizer = ByteQuantizer(rewriter, graph, id, info)) {
      reason = fmt::format("the codes of its quantizer \"{}\"", quantizer->name);
      rewriter.Absorb(*quantizer);
    } else {
      Decide(context, "integer_input", graph.value(id).name,
             "stays f32: no 8-bit quantizer reads it alone, and how it is made from pixels is not "
             "known");
      continue;
    }
    graph.value(id).dtype = DType::kU8;
    graph.value(id).quant = std::make_shared<const QuantInfo>(info);
    const std::string name = graph.value(id).name;
    BLUESTEM_ASSIGN_OR_RETURN(const ValueId real,
                              rewriter.Emit("Dequantize", name + "/real", {id}));
    rewriter.Redirect(id, real);
    Decide(context, "integer_input", name,
           fmt::format("reads u8 codes, {}: real = (code - {}) * {}", reason, info.zero_point,
                       info.scale));
  }
  for (const Node& node : rewriter.old_nodes()) {
    if (rewriter.IsAbsorbed(node)) {
      rewriter.Replace(node.outputs[0], rewriter.Now(node.inputs[0]));
    } else {
      BLUESTEM_RETURN_IF_ERROR(rewriter.Keep(node));
    }
  }
  return rewriter.Finish();
}

}  // namespace bluestem::passes
