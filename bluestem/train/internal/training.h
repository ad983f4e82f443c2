// Training: the loop from the first step to the last, with checkpoints, validation and metrics.
// What comes after it (exact evaluation, export, report) is fit.cc's.
//
// Everything that moves is in a checkpoint: weights, optimizer, statistics, position, metrics.
// Batches, dropout and initial weights are functions of (seed, epoch, step), so there is no other
// random state, and a resumed run gives the bits of an uninterrupted one.
//
// Before it is validated, each epoch ends with new batch-norm statistics (Module::BeginStatistics)
// of 10,000 training pictures, all if there are fewer, as they are without augmentation: always
// the same ones, in the same batches of 250. Of 2,000 where the epoch cannot become the model
// (train.select: last).
//
// On several ranks each has its share of the data, all keep the same weights, and rank 0 alone
// writes files and reports.
//
// Threads: one thread. Ownership: owns module, optimizer and data; `ranks` must outlive it.
#pragma once

#include <memory>
#include <optional>

#include "bluestem/data/cache.h"
#include "bluestem/data/loader.h"
#include "bluestem/train/internal/checkpoint.h"
#include "bluestem/train/internal/module.h"
#include "bluestem/train/internal/optimizer.h"
#include "bluestem/train/internal/run_folder.h"
#include "bluestem/train/internal/teacher.h"
#include "bluestem/train/internal/weight_average.h"
#include "bluestem/train/internal/weight_flips.h"
#include "bluestem/train/train.h"

namespace bluestem::train {

struct TrainingData {
  std::shared_ptr<const data::PixelCache> train;       // this rank's share
  std::shared_ptr<const data::PixelCache> validation;  // this rank's share; on rank 0 all of them
  std::shared_ptr<Teacher> teacher;                    // or null
  std::vector<std::string> notes = {};                 // what was said while it was read
};

class Training {
 public:
  Training(const config::Experiment& experiment, Network network, std::vector<BlockShape> shapes,
           TrainingData data, const FitOptions& options, Ranks& ranks, RunState state);

  // Takes up the last checkpoint, rank 0's. Errors: kInvalidData naming the file and the way out.
  Status Resume();
  // Runs to the end. Errors: kInterrupted after saving (before the first step there is nothing to
  // save); kIo; kInvalidArgument where the loss or
  // the weights are no longer numbers: the checkpoints are those of before.
  Status Run();

  const RunState& state() const { return state_; }
  const std::vector<EpochMetrics>& metrics() const { return metrics_; }
  Module& module() { return module_; }

 private:
  struct Tally {
    double loss = 0;
    int64_t correct = 0;
    int64_t images = 0;
  };

  double MeasureStepSeconds();
  double TimeSteps(data::Loader& loader, bool float_weights);
  // Errors: kInterrupted before a number was chosen.
  Status ChooseSteps();
  void TrainStep(const data::Batch& batch, bool float_weights);
  Status FinishEpoch(int64_t epoch);
  Status ValidateEpoch(EpochMetrics& row);
  void EndEarly();
  int64_t StatisticsImages(int64_t step) const;
  void EstimateStatistics();
  // What becomes last.ckpt once the next step's loss is a number.
  struct Saved {
    int64_t step = 0;
    RunState state;
    Checkpoint checkpoint;  // rank 0's
  };
  std::string BadArray();
  Status CheckArrays();
  Status Diverged(const std::string& what);
  Status Save();
  Status WriteSaved();
  void SaveBest();
  Checkpoint Snapshot();
  Status LogEvents(const EpochMetrics& row) const;
  void Report(double validation_accuracy, double validation_auroc);
  // Rank 0 says it, and run.json keeps it.
  void Note(const std::string& text);
  double Elapsed() const;
  double CpuSeconds() const;
  // Returns whether any rank is.
  bool Interrupted() {
    const bool here = options_.interrupted != nullptr && options_.interrupted->load();
    return ranks_.Max(here ? 1.0F : 0.0F) > 0;
  }
  bool IsFirst() const { return ranks_.rank() == 0; }
  int64_t JointBatch() const { return loader_options_.batch * ranks_.count(); }
  double Rate(int64_t step) const;
  double Progress() const;

  config::Experiment experiment_;
  TrainingData data_;
  FitOptions options_;
  Ranks& ranks_;
  RunPaths paths_;
  RunState state_;
  data::LoaderOptions loader_options_;
  Module module_;
  Optimizer optimizer_;
  WeightAverage average_;
  WeightFlips flips_;
  std::vector<float> class_weights_;  // empty: all 1
  std::vector<EpochMetrics> metrics_;
  Tally epoch_tally_;
  std::vector<float> images_;
  std::optional<Saved> saved_;
  std::optional<Checkpoint> saved_best_;  // written with it, and never without
  int64_t good_step_ = -1;                // of last.ckpt; -1: there is none
  double started_ = 0;                    // seconds of the steady clock
  double earlier_seconds_ = 0;            // of the runs before this resume
  double started_cpu_ = 0;                // CPU seconds of this process
  double earlier_cpu_ = 0;
  double loading_seconds_ = 0, step_seconds_ = 0;  // of all steps, those before a resume too
  int64_t first_step_ = 0;                         // of this process
};

// Seconds of the steady clock.
double Now();
// User and system CPU seconds of this process.
double ProcessCpuSeconds();

}  // namespace bluestem::train
