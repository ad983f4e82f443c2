// The weights that a block starts with.
// Threads: a free function without state. Ownership: the caller's vector.
#pragma once

#include <vector>

#include "bluestem/base/rng.h"
#include "bluestem/train/networks/network.h"

namespace bluestem::train {

// Fills `weight` [co, k] with the block's initial distribution.
void Initialise(const Block& block, const BlockShape& shape, Rng rng, std::vector<float>& weight);

}  // namespace bluestem::train
