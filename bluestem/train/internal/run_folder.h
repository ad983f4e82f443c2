// The files of a run folder but for checkpoints: names, run.json, metrics.
// docs/formats/run_folder.md is their description. Threads: one thread at a time. Ownership:
// values.
#pragma once

#include <string>
#include <vector>

#include "bluestem/base/file.h"
#include "bluestem/config/experiment.h"
#include "bluestem/task/macs.h"

namespace bluestem::train {

struct RunPaths {
  Path folder;
  Path Config() const { return folder / "config.yaml"; }
  Path Meta() const { return folder / "meta.yaml"; }
  Path State() const { return folder / "run.json"; }
  Path MetricsJsonl() const { return folder / "metrics.jsonl"; }
  Path MetricsCsv() const { return folder / "metrics.csv"; }
  Path Checkpoints() const { return folder / "checkpoints"; }
  Path Last() const { return Checkpoints() / "last.ckpt"; }
  Path Best() const { return Checkpoints() / "best.ckpt"; }
  Path Model() const { return folder / "model.onnx"; }
  Path Codes() const { return folder / "codes.json"; }
  Path Evaluation() const { return folder / "evaluation.json"; }
  Path Report() const { return folder / "report.html"; }
  Path Baseline() const { return folder / "fp32_baseline"; }
};

struct LayerShare {
  std::string layer;
  double share = 0;  // 0..1
  bool operator==(const LayerShare&) const = default;
};

// One row of metrics: after an epoch, or at the end.
struct EpochMetrics {
  int64_t epoch = 0;  // finished ones
  int64_t step = 0;
  double learning_rate = 0;
  double loss = 0;  // of training, with label smoothing
  double train_accuracy = 0;
  double validation_loss = 0;
  double validation_accuracy = 0;
  // Means over the classes, where a picture has any number of them; else -1.
  double validation_auroc = -1;
  double validation_average_precision = -1;
  double images_per_second = 0;
  double elapsed_seconds = 0;
  std::vector<LayerShare> flips = {};  // of each layer's 1-bit weights (internal/weight_flips.h)

  // What makes an epoch the best.
  double Score() const { return validation_auroc >= 0 ? validation_auroc : validation_accuracy; }
};
std::string MetricsToJson(const std::vector<EpochMetrics>& rows);  // an array
Result<std::vector<EpochMetrics>> MetricsFromJson(const std::string& json,
                                                  const std::string& place);
// Writes metrics.jsonl and metrics.csv whole: a resumed run has the rows of its checkpoint and no
// others.
Status WriteMetrics(const RunPaths& paths, const std::vector<EpochMetrics>& rows);
// Errors: kIo; kInvalidData naming the file.
Result<std::vector<EpochMetrics>> ReadMetrics(const RunPaths& paths);

// Of a run that failed and went on with another rate.
struct RateChange {
  int64_t step = 0;  // from the one after it on
  double learning_rate = 0;
};

// run.json: what a reader and a resumed run need to know.
struct RunState {
  std::string status = "running";  // running, interrupted, failed, finished
  int64_t step = 0;
  int64_t steps = 0;  // 0: not chosen yet
  int64_t steps_per_epoch = 0;
  int64_t seed = 0;
  int threads = 0;  // of a rank
  int64_t ranks = 1;
  int64_t started_unix = 0;
  double images_per_second = 0;
  double train_seconds = 0;
  double cpu_seconds = 0;    // rank 0's, user and system, within train_seconds
  double loading_share = 0;  // of the steps' time: waiting for pictures, normalising, mixing
  task::Macs macs = {};      // of a picture
  double best_validation_accuracy = -1;
  double best_validation_auroc = -1;  // as in EpochMetrics
  int64_t best_epoch = 0;
  std::string device;  // that computes, in words: "CPU (this LibTorch is built without CUDA)"
  std::vector<RateChange> rates = {};   // the first is that of the start; empty: config.yaml's
  std::string versions;                 // "bluestem 0.1.0, LibTorch 1.13.1"
  std::vector<std::string> notes = {};  // what was said of the data: pictures left out, ...
};
Status WriteRunState(const RunPaths& paths, const RunState& state);
Result<RunState> ReadRunState(const RunPaths& paths);

}  // namespace bluestem::train
