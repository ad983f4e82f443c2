// Training: the loop from the first step to the last, with checkpoints, validation and metrics.
// What comes after it (exact evaluation, export, report) is fit.cc's.
//
// Everything that moves is in a checkpoint: weights, optimizer, statistics, position, metrics.
// Batches, dropout and initial weights are functions of (seed, epoch, step), so there is no other
// random state, and a resumed run gives the bits of an uninterrupted one.
//
// Threads: one thread. Ownership: owns module, optimizer and data.
#pragma once

#include <memory>

#include "bluestem/data/cache.h"
#include "bluestem/data/loader.h"
#include "bluestem/train/internal/checkpoint.h"
#include "bluestem/train/internal/module.h"
#include "bluestem/train/internal/optimizer.h"
#include "bluestem/train/internal/run_folder.h"
#include "bluestem/train/internal/weight_average.h"
#include "bluestem/train/train.h"

namespace bluestem::train {

struct TrainingData {
  std::shared_ptr<const data::PixelCache> train;
  std::shared_ptr<const data::PixelCache> validation;
};

class Training {
 public:
  Training(const config::Experiment& experiment, Network network, std::vector<BlockShape> shapes,
           TrainingData data, const FitOptions& options, RunState state);

  // Takes up the last checkpoint. Errors: kInvalidData naming the file and the way out.
  Status Resume();
  // Runs to the end. Errors: kInterrupted after saving; kIo.
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
  void ChooseSteps();
  void TrainStep(const data::Batch& batch, bool float_weights);
  Status FinishEpoch(int64_t epoch);
  Status ValidateEpoch(EpochMetrics& row);
  void EndEarly();
  int64_t StatisticsImages(int64_t step) const;
  void EstimateStatistics();
  void Validate(EpochMetrics& row);
  Status Save();
  Status SaveBest();
  Checkpoint Snapshot();
  Status LogEvents(const EpochMetrics& row) const;
  void Report(double validation_accuracy);
  double Elapsed() const;
  bool Interrupted() const {
    return options_.interrupted != nullptr && options_.interrupted->load();
  }

  config::Experiment experiment_;
  TrainingData data_;
  FitOptions options_;
  RunPaths paths_;
  RunState state_;
  data::LoaderOptions loader_options_;
  Module module_;
  Optimizer optimizer_;
  WeightAverage average_;
  std::vector<float> class_weights_;  // empty: all 1
  std::vector<EpochMetrics> metrics_;
  Tally epoch_tally_;
  std::vector<float> images_;
  double started_ = 0;          // seconds of the steady clock
  double earlier_seconds_ = 0;  // of the runs before this resume
  int64_t first_step_ = 0;      // of this process
};

// Seconds of the steady clock.
double Now();

}  // namespace bluestem::train
