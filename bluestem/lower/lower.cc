#include "bluestem/lower/lower.h"

#include "bluestem/lower/rules.h"

namespace bluestem::lower {

Result<program::Program> Lower(const ir::Graph& graph, const std::string& model_hash,
                               std::vector<Decision>& decisions) {
  Builder builder(graph, decisions);
  for (const ir::Node& node : graph.nodes) {
    if (builder.IsAbsorbed(node)) continue;
    const std::string place = fmt::format("node \"{}\" ({})", node.name, node.op);
    const Rule* rule = FindRule(node.op);
    if (rule == nullptr) {
      return Error(Code::kUnsupported,
                   "{}: no kernel for this op with inputs of these types ({}); `bluestem convert "
                   "--explain` says why it did not become an integer op",
                   place, Describe(builder.value(node.inputs[0])));
    }
    BLUESTEM_RETURN_IF_ERROR(rule->lower(builder, node).At(place));
  }
  program::Program program = builder.Finish(model_hash);
  const Status verified = program::Verify(program);
  BLUESTEM_CHECK(verified.ok(), verified.message().c_str());
  return program;
}

}  // namespace bluestem::lower
