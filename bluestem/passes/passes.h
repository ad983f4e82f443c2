// The catalogue of passes: Graph to Graph, one function a file. pipeline.cc has the order. Each is
// verified after it runs. A pass's comment says what it changes, what must have run before, what
// holds after.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bluestem/ir/graph.h"

namespace bluestem::passes {

// How the network's input is made from pixels; lets the first convolution read u8 pixels.
struct InputCodes {
  double scale = 1.0 / 255;  // real = (code - zero_point) * scale
  int32_t zero_point = 0;
};

struct Options {
  std::optional<InputCodes>
      input_codes;  // set: the f32 input is known to be (pixel - zp) * scale and becomes u8
  std::vector<std::string> disabled;  // pass names
  std::function<void(const std::string& pass, const ir::Graph& after, double seconds, int changes)>
      observer;
};

// One line for --explain: why a node became what it became, or why not.
struct Decision {
  std::string node;
  std::string pass;
  std::string text;
};

struct PassContext {
  const Options* options = nullptr;
  std::vector<Decision>* decisions = nullptr;
};

struct Pass {
  const char* name;
  const char* contract;                                        // one sentence: what holds after
  Result<int> (*run)(ir::Graph& graph, PassContext& context);  // number of changes
};

// The pipeline in order; a null name ends nothing: it is a plain table.
const std::vector<Pass>& Pipeline();

// Runs the pipeline: each pass skipped if disabled, timed, verified (ir::Verify) and observed.
// Postcondition: NHWC, constants folded, every quantized convolution with integer-valued inputs is
// a QConv; what is left real is f32.
Status Run(ir::Graph& graph, const Options& options, std::vector<Decision>& decisions);

}  // namespace bluestem::passes
