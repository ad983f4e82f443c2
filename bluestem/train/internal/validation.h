// Validation of an epoch: loss, exact answers and ranking of the network's fast scores. The exact
// evaluation (internal/exact.h) comes once, after the last step.
//
// Threads: one thread; it uses LibTorch's inside. Ownership: refers to what it is given.
#pragma once

#include "bluestem/data/cache.h"
#include "bluestem/train/internal/module.h"
#include "bluestem/train/internal/run_folder.h"

namespace bluestem::train {

constexpr int64_t kValidationBatch = 250;

// Writes the validation's columns of `row`. `cache` is this rank's share; on rank 0 all pictures,
// of which it takes its share. All ranks together see each picture once and get the same values.
// `threshold` is that of exact answers, where a picture has any number of classes.
void Validate(Module& module, const data::PixelCache& cache, double threshold, Ranks& ranks,
              EpochMetrics& row);

}  // namespace bluestem::train
