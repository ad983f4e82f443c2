// train: an Experiment to a trained network in a run folder. LibTorch lives behind this header and
// nowhere in it.
//
// A run folder (docs/formats/run_folder.md): config.yaml (resolved), meta.yaml, metrics.jsonl,
// metrics.csv, checkpoints/{last,best,step-*}.ckpt, model.onnx, events.out.tfevents.*, report.html,
// evaluation.json, run.json (state: steps done, finished or not, seeds, versions).
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "bluestem/base/file.h"
#include "bluestem/config/experiment.h"
#include "bluestem/config/rank_place.h"
#include "bluestem/data/dataset.h"
#include "bluestem/task/macs.h"

namespace bluestem::train {

struct Progress {
  int64_t step = 0;
  int64_t steps = 0;
  int64_t epoch = 0;
  double images_per_second = 0;
  double elapsed_seconds = 0;
  double remaining_seconds = 0;
  double loss = 0;
  double train_accuracy = 0;
  double validation_accuracy = -1;  // -1: not measured at this step
  double validation_auroc = -1;     // mean over the classes; -1 also where a picture has one class
};

struct FitOptions {
  Path run_folder;
  bool resume = false;
  std::function<void(const Progress&)> progress;
  std::function<void(const std::string&)> note;  // a line that the user should read, once
  const std::atomic<bool>* interrupted =
      nullptr;                   // set by a signal handler; Fit saves and returns kInterrupted
  config::RankPlace place = {};  // where this process stands among those of the run
};

// Trains, evaluates, exports. Deterministic: the same experiment, threads, ranks and machine give
// the same bits; a resumed run equals an uninterrupted one. On several ranks (docs/distributed.md)
// each calls it; rank 0 has the run folder and the progress. Errors: kInvalidData for corrupt
// checkpoints (names the file and the way out); kInterrupted; kIo, also for a rank that is lost.
Status Fit(const config::Experiment& experiment, const FitOptions& options);

// What a finished run came to.
struct Summary {
  int64_t correct = 0;  // of the held-out pictures
  int64_t total = 0;
  task::Macs macs;  // of a picture
  double images_per_second = 0;
  double train_seconds = 0;
  double cpu_seconds = 0;
  double loading_share = 0;  // of the steps' time
};
// Errors: kIo; kInvalidData naming the file.
Result<Summary> Summarize(const Path& run_folder);

// Exact evaluation of a run's best checkpoint: the fake-quantized network with the artefact's
// arithmetic (ir/ops/README.md). Returns one row of f32 class scores an image, in order.
Result<std::vector<std::vector<float>>> Evaluate(const Path& run_folder,
                                                 const data::Dataset& dataset,
                                                 const std::function<void(int64_t done)>& progress);

// One way to quantize a layer, and what the network loses when this layer alone is so.
struct SensitivityRow {
  std::string bits;  // as network.layer_bits has it: "w4a4", or "w4" where no codes are put out
  int32_t weight_bits = 0;
  int32_t code_bits = 0;  // 32: real values
  int32_t most_read = 0;  // greatest bits of codes that it may read (networks/cost.h)
  double loss = 0;
  double accuracy = 0;
};
struct LayerSensitivity {
  std::string layer;
  std::string shape;  // "3x3 64 -> 128 at 14x14"
  std::string bits;   // as trained: "w1a2"; 32 for reals
  int64_t macs = 0;   // a picture
  int64_t weights = 0;
  std::vector<SensitivityRow> rows;
};
struct Sensitivity {
  std::string network;
  int64_t images = 0;  // held out
  int32_t input_bits = 8;
  double loss = 0;  // with every layer as trained
  double accuracy = 0;
  std::string weight_quantizer, activation_quantizer;  // that layer_bits need in the configuration
  std::vector<LayerSensitivity> layers;
};

// Measures each layer of the run's best checkpoint with 1, 2, 4 and 8-bit weights (2, 2, 4 and
// 8-bit codes), over at most `images` of the held-out pictures of its configuration
// (internal/sensitivity.h). Errors: as Evaluate, and of its data.
Result<Sensitivity> MeasureSensitivity(
    const Path& run_folder, int64_t images,
    const std::function<void(int64_t done, int64_t all)>& progress);

// Writes the run's report.html from what its folder holds: that of a run at any point, with what
// its best checkpoint so far answers to the held-out pictures and with the fp32 baseline. A section
// without data says why; another run in the report is left out. Errors: kIo; kInvalidData.
Status RefreshReport(const Path& run_folder);

// Puts another finished run, of the same classes, into the run's report.html beside its own:
// accuracy, curves, cost; in place of what was there. Errors: kIo; kInvalidData.
Status CompareReports(const Path& run_folder, const Path& other);

// Writes model.onnx from the best checkpoint.
Status Export(const Path& run_folder, const Path& onnx);

}  // namespace bluestem::train
