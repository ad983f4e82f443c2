// train.class_weights: balanced. Threads: a free function without state.
#pragma once

#include <vector>

#include "bluestem/data/cache.h"
#include "bluestem/train/internal/ranks.h"

namespace bluestem::train {

// Returns what each class counts, so that all count the same together: n / (classes * n_class).
// With any number of classes a picture, what one with the class counts, so that those count
// together what the others do: (n - n_class) / n_class, and 1 where a side is empty. n is of all
// ranks, which have equally many pictures.
std::vector<float> BalancedWeights(const data::PixelCache& cache, Ranks& ranks);

}  // namespace bluestem::train
