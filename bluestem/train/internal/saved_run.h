// SavedRun: what a run folder holds, opened for reading: configuration, meta and the network of the
// best checkpoint. Threads: one thread. Ownership: owns the module.
#pragma once

#include <memory>

#include "bluestem/task/meta.h"
#include "bluestem/train/internal/module.h"
#include "bluestem/train/internal/run_folder.h"

namespace bluestem::train {

struct SavedRun {
  config::Experiment experiment;
  task::Meta meta;
  std::unique_ptr<Module> module;
};

// Errors: kIo where a file is missing or there is no best checkpoint yet; kInvalidData naming what
// is wrong and the way out.
Result<SavedRun> OpenSavedRun(const Path& folder);

// Gives the module the values of the run's best checkpoint. Errors: as above.
Status RestoreBest(const RunPaths& paths, Module& module);

}  // namespace bluestem::train
