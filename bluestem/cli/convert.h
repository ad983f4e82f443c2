// The parts of `bluestem convert`: what was asked, and the summary of what was made.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bluestem/cli/output.h"
#include "bluestem/cli/verify.h"
#include "bluestem/codegen/codegen.h"
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
  int64_t batch = 0;  // images a call; 0: as the model says, or 1
};

// The engine's part of what was made.
struct EngineSummary {
  size_t regions = 0;
  size_t calls = 0, program_calls = 0;  // the engine's, and all
  int64_t bytes = 0;
};

// What --json prints and the table is made from.
struct ConvertSummary {
  Path output;
  std::string samples;  // what it was verified on
  PlainReport plain;
  std::vector<LibraryReport> libraries;
  std::optional<EngineSummary> engine;
};

// Adds the engine's part to the `files` that an artefact carries: of the Program that opening them
// will compile. `scratch` is a folder to write them to. Errors: kUnsupported where nothing of the
// model goes to the engine, with each call's reason.
Result<EngineSummary> AddEnginePart(const std::string& model, const Path& scratch,
                                    std::vector<codegen::ArtefactFile>& files);
// Runs the samples on the functional model from what is packed in the artefact, and on the CPU.
// Errors: kMismatch naming sample and output.
Status VerifyEnginePart(const Path& artefact, const core::LoadedModel& model,
                        const std::vector<Sample>& samples);

// Prints the table of targets: .so bytes, weights, arena, latency, where it was verified; or the
// JSON document.
void PrintSummary(Output& output, const core::LoadedModel& model, const core::Compiled& compiled,
                  const ConvertSummary& summary);

// Returns the manifest's "model" object: where the model came from.
std::string ProvenanceJson(const core::ModelSource& source, const core::LoadedModel& model);

}  // namespace bluestem::cli
