// model_source: a Program as model.cc and weights.cc. Deterministic: the same Program and version
// give the same bytes.
#pragma once

#include <set>
#include <string>

#include "bluestem/base/status.h"
#include "bluestem/program/program.h"

namespace bluestem::codegen {

struct ModelSource {
  std::string model;            // model.cc
  std::string weights;          // weights.cc
  std::set<std::string> roots;  // the headers that model.cc includes, relative to the source root
};

// Errors: kUnsupported for a tensor that the C interface cannot describe (rank, dtype).
Result<ModelSource> MakeModelSource(const program::Program& program,
                                    const std::string& tool_version);

}  // namespace bluestem::codegen
