// lower: a canonical Graph (passes::Run) to a Program: packs weights, plans one arena by liveness,
// one call an op.
#pragma once

#include <string>
#include <vector>

#include "bluestem/ir/graph.h"
#include "bluestem/program/program.h"

namespace bluestem::lower {

struct Decision {
  std::string node;
  std::string text;  // "qconv_u2s1_lut32__avx2 (avx512: refuses: ...)": what will run on each ISA,
                     // and why not the one before
};

// Errors: kUnsupported naming the node and the op for what no kernel takes.
Result<program::Program> Lower(const ir::Graph& graph, const std::string& model_hash,
                               std::vector<Decision>& decisions);

}  // namespace bluestem::lower
