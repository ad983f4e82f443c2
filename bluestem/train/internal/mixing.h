// Batches of mixed pictures: mixup (Zhang et al., arXiv 1710.09412) and CutMix (Yun et al.,
// arXiv 1905.04899). Picture i is mixed with picture n-1-i of a batch that was shuffled, and its
// target is both labels in the share of each.
//
// Threads: pure. Ownership: the caller's buffers.
#pragma once

#include <cstdint>
#include <vector>

#include "bluestem/config/experiment.h"
#include "bluestem/data/cache.h"

namespace bluestem::train {

struct MapSize {
  int64_t h, w, c;
};

struct Mix {
  std::vector<int32_t> others;  // labels of the second pictures; empty: nothing is mixed
  double share = 1;             // of the first
};

// Mixes images [count, h, w, c] in place. One share for the batch, from Beta(alpha, alpha), alpha =
// augmentation.mixup or .cutmix; with both on, either with probability 1/2. Follows from (seed,
// step). CutMix's share is the area that was really kept.
Mix MixBatch(const config::AugmentationConfig& config, uint64_t seed, uint64_t step, int64_t count,
             const MapSize& size, const int32_t* labels, float* images);

// Returns how much of each class the pictures of a batch have once they are mixed, [indices,
// classes]; empty where each has one class, which `others` and `share` say.
std::vector<float> MixMarks(const Mix& mix, const data::PixelCache& cache,
                            const std::vector<int64_t>& indices);

}  // namespace bluestem::train
