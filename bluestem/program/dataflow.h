// dataflow: which call reads what which call wrote. What a device that takes some of the calls must
// know about the rest.
#pragma once

#include <vector>

#include "bluestem/program/program.h"

namespace bluestem::program {

// `reader` reads at `operand` what `writer` wrote there. The caller of the program counts as a
// writer (kCaller) of inputs and as the reader (calls.size()) of outputs.
struct Flow {
  static constexpr int64_t kCaller = -1;
  int64_t writer = kCaller;
  int64_t reader = 0;
  Operand operand;
  int64_t bytes = 0;
};

// Returns every flow, by reader. A value that several calls write in parts (a concatenation) flows
// from each of them.
std::vector<Flow> FlowsOf(const Program& program);

}  // namespace bluestem::program
