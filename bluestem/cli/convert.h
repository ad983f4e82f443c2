// The parts of `bluestem convert`: what was asked, and the summary of what was made.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bluestem/cli/output.h"
#include "bluestem/cli/verify.h"
#include "bluestem/core/compile.h"
#include "bluestem/core/model_source.h"

namespace bluestem::cli {

struct ConvertOptions {
  std::string model;
  std::string output;
  std::vector<std::string> targets;
  std::string meta;
  std::string images;
  std::string dump;        // "", "all" or "after:<pass>"
  double input_scale = 0;  // 0: from the meta
  bool raw_input = false;
  bool explain = false;
  int64_t verify = 8;
};

// What --json prints and the table is made from.
struct ConvertSummary {
  Path output;
  std::string samples;  // what it was verified on
  PlainReport plain;
  std::vector<LibraryReport> libraries;
};

// Prints the table of targets: .so bytes, weights, arena, latency, where it was verified; or the
// JSON document.
void PrintSummary(Output& output, const core::LoadedModel& model, const core::Compiled& compiled,
                  const ConvertSummary& summary);

// Returns the manifest's "model" object: where the model came from.
std::string ProvenanceJson(const core::ModelSource& source, const core::LoadedModel& model);

}  // namespace bluestem::cli
