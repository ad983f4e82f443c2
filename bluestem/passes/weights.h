// Weights as integers: what quantize_conv reads off a weight operand. Not packing (kernels/) and
// not rounding (quant/).
#pragma once

#include <string>
#include <vector>

#include "bluestem/ir/graph.h"

namespace bluestem::passes {

struct IntegerWeights {
  Tensor codes;               // s8 [co, kh, kw, ci/groups]
  std::vector<double> scale;  // [co], an f32 value each: real weight = code * scale[co]
  int32_t bits = 8;           // 1: all codes are -1 or +1
};

// Reads the operand `weights` of a Conv in `graph`. Errors: kUnsupported with the reason why they
// are no integers of at most 8 bits.
Result<IntegerWeights> ReadWeights(const ir::Graph& graph, ir::ValueId weights);

}  // namespace bluestem::passes
