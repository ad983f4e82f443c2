// Scores of a model over a dataset, whatever the model is: an artefact (its compiled library), a
// model file (the interpreter, or a graph engine), or a run folder (the trainer's own program).
// What `bluestem evaluate` and its --compare are made of.
//
// Threads: free functions; Score starts and joins threads of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bluestem/cli/output.h"
#include "bluestem/core/model_source.h"
#include "bluestem/data/dataset.h"
#include "bluestem/predict/evaluate.h"

namespace bluestem::cli {

struct ScoringOptions {
  std::string engine;           // "", "compiled", "interpreter", "reference", "double", "trainer"
  std::string isa;              // "": the best; for compiled and interpreter
  std::string device = "CPU";   // a device string; other than CPU and AUTO it is the engine
  int64_t threads = 0;          // images at a time; 0: one a core
  int32_t session_threads = 1;  // of one image; for compiled and interpreter
  int32_t batch = 1;            // images together at most, on a device that gains by it
};

struct DataOptions {
  std::string path;
  std::string format = "auto";
  std::string split;
  std::string config;  // whose columns a CSV file has; "": the run's, or the defaults
  int64_t limit = 0;
};

// A model that is ready to score.
struct Scorer {
  std::string name;    // "first.artefact (compiled, avx2)"
  std::string engine;  // which of the engines it became
  std::string isa;
  task::Meta meta;
  bool meta_is_default = false;
  Path run;  // of a trainer's run; no predictors then
  std::vector<std::unique_ptr<predict::Predictor>> predictors;
};

// Errors: those of loading; kInvalidArgument for an engine that this kind of model does not have;
// kInvalidData for a corrupt artefact; kUnavailable for an ISA or the trainer.
Result<Scorer> MakeScorer(const core::ModelSource& source, const ScoringOptions& options);

// Opens the dataset with the labels in the model's order. Errors: data::Open's; kInvalidData for
// other classes than the model's.
Result<std::unique_ptr<data::Dataset>> OpenData(const DataOptions& options, Scorer& scorer);

// Scores the images. Errors: predict::Evaluate's, and the trainer's.
Result<predict::Evaluation> Score(const Scorer& scorer, const data::Dataset& dataset,
                                  const DataOptions& options, Output& output);

}  // namespace bluestem::cli
