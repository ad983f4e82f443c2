// Pictures for TensorBoard at a run's end, in its event file: sheets of answers, the confusion
// matrix, the first layer's kernels. Threads: a free function without state.
#pragma once

#include <vector>

#include "bluestem/data/cache.h"
#include "bluestem/train/internal/module.h"
#include "bluestem/train/internal/run_folder.h"

namespace bluestem::train {

// Writes predictions/right, predictions/wrong and confusion, where a picture has one class, and
// kernels/LAYER: latent weights, each kernel about grey in the colours of its input, the greatest
// magnitude of the layer black or white. `scores` has a row of class probabilities for each
// picture of `validation`. Errors: kIo.
Status LogPictures(const RunPaths& paths, const RunState& state, const data::PixelCache& validation,
                   const std::vector<std::vector<float>>& scores, const Module& module);

}  // namespace bluestem::train
