// A loaded model to a Program: passes, then lowering, with a record of what each pass did.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bluestem/ir/graph.h"
#include "bluestem/lower/lower.h"
#include "bluestem/passes/passes.h"
#include "bluestem/program/program.h"

namespace bluestem::core {

struct PassRecord {
  std::string name;
  double seconds = 0;
  int changes = 0;
};

struct Compiled {
  std::shared_ptr<const program::Program> program;
  ir::Graph graph;  // after the passes
  std::vector<PassRecord> passes;
  std::vector<passes::Decision> pass_decisions;
  std::vector<lower::Decision> lower_decisions;
  double lower_seconds = 0;
};

struct CompileOptions {
  std::optional<passes::InputCodes> input_codes;
  std::string model_hash;
  std::function<void(const PassRecord& pass, const ir::Graph& after)> observer;  // may be empty
};

// Errors: passes::Run's and lower::Lower's, naming the node.
Result<Compiled> Compile(const ir::Graph& graph, const CompileOptions& options);

}  // namespace bluestem::core
