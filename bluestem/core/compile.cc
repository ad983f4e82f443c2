#include "bluestem/core/compile.h"

#include <chrono>

namespace bluestem::core {

Result<Compiled> Compile(const ir::Graph& graph, const CompileOptions& options) {
  Compiled compiled;
  compiled.graph = graph;
  passes::Options pass_options;
  pass_options.input_codes = options.input_codes;
  pass_options.observer = [&](const std::string& pass, const ir::Graph& after, double seconds,
                              int changes) {
    compiled.passes.push_back({pass, seconds, changes});
    if (options.observer) options.observer(compiled.passes.back(), after);
  };
  BLUESTEM_RETURN_IF_ERROR(passes::Run(compiled.graph, pass_options, compiled.pass_decisions));
  const auto start = std::chrono::steady_clock::now();
  BLUESTEM_ASSIGN_OR_RETURN(
      program::Program program,
      lower::Lower(compiled.graph, options.model_hash, compiled.lower_decisions));
  compiled.program = std::make_shared<const program::Program>(std::move(program));
  compiled.lower_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return compiled;
}

}  // namespace bluestem::core
