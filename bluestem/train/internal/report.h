// report.html: what a run did, in one file that needs nothing else: curves, confusion matrix,
// calibration, right answers and worst mistakes, weight flips, activation codes, cost table,
// configuration, environment. Threads: one thread.
// Ownership: refers to what it is given.
#pragma once

#include <string>
#include <vector>

#include "bluestem/data/cache.h"
#include "bluestem/task/meta.h"
#include "bluestem/train/internal/code_counts.h"
#include "bluestem/train/internal/module.h"
#include "bluestem/train/internal/run_folder.h"

namespace bluestem::train {

struct ReportContent {
  RunPaths paths;
  const Module* module = nullptr;
  std::vector<EpochMetrics> metrics = {};
  RunState state = {};
  const task::Meta* meta = nullptr;
  const data::PixelCache* validation = nullptr;             // null where there are no scores
  const std::vector<std::vector<float>>* scores = nullptr;  // of `validation`, exact
  std::string missing = {};                                 // why there are none
  CodeCounts codes = {};
};

// Reads the run's config.yaml. Errors: kIo; as config::Load.
Status WriteReport(const ReportContent& content);

}  // namespace bluestem::train
