// Pictures for TensorBoard at a run's end, in its event file: sheets of answers, the confusion
// matrix, the first layer's kernels. Threads: a free function without state.
#pragma once

#include <vector>

#include "bluestem/data/cache.h"
#include "bluestem/task/meta.h"
#include "bluestem/train/internal/module.h"
#include "bluestem/train/internal/run_folder.h"

namespace bluestem::train {

// Writes, where a picture has one class, predictions/right, predictions/wrong and confusion; where
// it has any number, predictions/right, predictions/least and predictions/greatest: the least
// scores of pictures with a class, the greatest of those without it (label_predictions.h). And
// kernels/LAYER: latent weights, each kernel about grey in the colours of its input, the greatest
// magnitude of the layer black or white. `scores` has a row of class probabilities for each
// picture of `validation`. Errors: kIo.
Status LogPictures(const RunPaths& paths, const RunState& state, const task::Meta& meta,
                   const data::PixelCache& validation,
                   const std::vector<std::vector<float>>& scores, const Module& module);

}  // namespace bluestem::train
