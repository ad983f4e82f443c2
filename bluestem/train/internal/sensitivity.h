// Sensitivity: by how much the loss of a trained network rises when one layer alone is quantized in
// another way, for each layer and each way.
//
// The other layers keep the weights and codes that they were trained with. After every change the
// batch norms' statistics are estimated anew, as training does after each epoch; nothing is
// trained. So a rise says where bits matter, not what a run with those bits will reach. Where the
// run's activations are real, a layer's greatest code value is the one with the least mean square
// error on its own outputs (Nagel et al., arXiv 2106.08295, section 3.1).
//
// Threads: free functions, LibTorch inside. Ownership: values.
#pragma once

#include <functional>
#include <vector>

#include "bluestem/data/cache.h"
#include "bluestem/train/internal/saved_run.h"
#include "bluestem/train/train.h"

namespace bluestem::train {

// Returns the greatest value for codes of so many bits over 0..max that leaves `values` with the
// least mean square error; of 0 and below alone: 1.
float BestMax(const std::vector<float>& values, int32_t bits);

struct Pictures {
  const data::PixelCache* statistics = nullptr;  // training pictures, for batch norms
  const data::PixelCache* held_out = nullptr;    // for the loss
};

Sensitivity Measure(SavedRun& run, const Pictures& pictures,
                    const std::function<void(int64_t done, int64_t all)>& progress);

}  // namespace bluestem::train
