// Gradients as 8-bit codes: one scale for a whole map, rounded up or down at random so that the
// mean is right (stochastic rounding; Gupta et al., 2015, arXiv 1502.02551).
//
//   scale = max |g| / 127;   code = 128 + floor(g / scale + u),  u uniform in [0, 1)
//
// so a code is 1..255 and 128 is zero. u is a hash of (seed, index): the same for any number of
// threads, and for any number of ranks where `first` is the index in the joint map. Threads: uses
// OpenMP inside; call from one thread.
#pragma once

#include <cstdint>

namespace bluestem::train {

constexpr uint8_t kZeroGradient = 128;

// Returns the greatest |g|: not a number, or infinite, if any g is.
float GreatestMagnitude(int64_t count, const float* g);
// Returns the scale, above zero, for that; itself if it is not finite.
float GradientScale(float greatest);

struct RoundingStream {
  uint64_t seed = 0;
  int64_t first = 0;  // index of g[0]
};
// Requires: a finite scale of GradientScale.
void RoundGradient(int64_t count, const float* g, float scale, const RoundingStream& stream,
                   uint8_t* codes);

}  // namespace bluestem::train
