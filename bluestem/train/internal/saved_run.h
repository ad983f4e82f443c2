// SavedRun: what a run folder holds, opened for reading: configuration, meta and the network of the
// best checkpoint. Threads: one thread. Ownership: owns the module.
#pragma once

#include <memory>

#include "bluestem/data/cache.h"
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

// Reads pictures as the run does: with data.unreadable: skip without those that cannot be read.
// Errors: data::PixelCache::Build's.
Result<std::shared_ptr<data::PixelCache>> ReadPictures(const SavedRun& run,
                                                       const data::Dataset& dataset, int threads);

// Gives the module the values of the run's best checkpoint. Errors: as above.
Status RestoreBest(const RunPaths& paths, Module& module);

}  // namespace bluestem::train
