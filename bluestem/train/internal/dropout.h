// The mask of dropout (Srivastava et al. 2014): 0 with the given probability, else what keeps the
// mean. Threads: a free function without state.
#pragma once

#include <cstdint>

#include "bluestem/base/rng.h"

namespace bluestem::train {

// Writes this rank's `count` factors: those of the ranks before it are drawn first, so that the
// joint batch has the same mask however it is divided.
inline void FillDropoutMask(Rng rng, int64_t rank, double probability, int64_t count, float* mask) {
  for (int64_t k = 0; k < rank * count; ++k) rng.Next();
  const auto keep = static_cast<float>(1.0 / (1.0 - probability));
  for (int64_t k = 0; k < count; ++k) mask[k] = rng.Unit() < probability ? 0.0F : keep;
}

}  // namespace bluestem::train
