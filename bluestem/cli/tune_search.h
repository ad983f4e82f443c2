// What a search is, as `bluestem tune` plans, runs and shows it (docs/tuning.md). All of its state
// is on disk: FOLDER/config.yaml, space.yaml and tune.json say what is searched, and
// trials/NNN/rung-K is the run folder of trial NNN in rung K.
//
// Threads: one thread. Ownership: a value.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bluestem/base/file.h"
#include "bluestem/config/experiment.h"
#include "bluestem/tune/halving.h"
#include "bluestem/tune/space.h"

namespace bluestem::cli {

// What trials are compared by: accuracy, or of any number of classes a picture the mean AUROC.
struct Measure {
  const char* key;    // in evaluation.json
  const char* name;   // "mean AUROC"
  const char* title;  // "Mean AUROC"
  bool is_share;      // of the validation images, so shown in % and with a standard error

  std::string Text(double value) const;  // "71.20 %", "0.9132"
};

struct TuneSearch {
  Path folder;
  config::Experiment base;  // with absolute paths; what all trials share
  tune::Space space;
  int64_t seed = 1;
  tune::HalvingOptions halving;
  std::vector<tune::Rung> rungs;
  std::vector<config::Experiment> drawn;  // by trial: `base` with the trial's values
  std::vector<tune::Trial> trials;
  bool finished = false;

  const Measure& measure() const;
  Path JsonFile() const { return folder / "tune.json"; }
  Path ConfigFile() const { return folder / "config.yaml"; }
  Path SpaceFile() const { return folder / "space.yaml"; }
  Path BestFile() const { return folder / "best.yaml"; }
  Path ReportFile() const { return folder / "report.html"; }
  Path TrialFolder(int64_t trial) const;
  Path RunFolder(int64_t trial, size_t rung) const;
};

// "003", as its folder is called.
std::string TrialName(int64_t trial);
// "1 epoch", "3 epochs".
std::string EpochsText(int64_t epochs);

struct TrialProgress {
  int64_t step = 0;
  int64_t steps = 0;
  double images_per_second = 0;
  double remaining_seconds = 0;
};

// Returns the outcome that is on disk, or trains: from the trial's last checkpoint where there is
// one. What ends with the trial's own values (a rule broken, a loss that is no number, memory) is
// an outcome too, and kept. Errors: kInterrupted; kIo, kInvalidData and kUnavailable of the
// trainer, which would meet every trial.
Result<tune::Outcome> TrainInRung(const TuneSearch& search, const Path& trainer, int64_t trial,
                                  size_t rung,
                                  const std::function<void(const TrialProgress&)>& progress);

// tune.json, and what --json prints: docs/tuning.md.
nlohmann::ordered_json TuneJson(const TuneSearch& search);
// report.html.
std::string TunePage(const TuneSearch& search);

}  // namespace bluestem::cli
