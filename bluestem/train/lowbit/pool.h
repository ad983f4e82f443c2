// The max-pool between a convolution and its norm, of one image, and the way back for gradients as
// codes (rounding.h). Maps are [h, w, channels]; the pooled ones [h/pool, w/pool, channels].
// Threads: free functions without state.
#pragma once

#include <cstdint>

namespace bluestem::train {

constexpr int32_t kGreatestPool = 16;  // whose choices fill a byte

// Requires: pool 1..kGreatestPool; h and w are multiples of it, channels of 16.
struct PoolShape {
  int64_t h, w, channels;
  int32_t pool;
};

// y is the greatest of each square of pool x pool, choices which pixel of the square that was,
// counted by rows: the first of equals.
void MaxPool(const PoolShape& shape, const float* x, float* y, uint8_t* choices);

// Puts each code where its value was chosen, and kZeroGradient elsewhere.
void MaxPoolBackward(const PoolShape& shape, const uint8_t* codes, const uint8_t* choices,
                     uint8_t* full);

}  // namespace bluestem::train
