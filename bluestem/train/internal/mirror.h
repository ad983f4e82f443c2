// The mirror image, left to right, of pictures with channels innermost.
// Threads: a free function without state.
#pragma once

#include <algorithm>
#include <cstdint>

namespace bluestem::train {

// y[row, w - 1 - i, :] = x[row, i, :]: of n pictures of h rows, `rows` is n * h.
template <typename T>
void Mirror(int64_t rows, int64_t w, int64_t c, const T* x, T* y) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < w; ++i)
      std::copy_n(x + (row * w + i) * c, c, y + (row * w + w - 1 - i) * c);
  }
}

}  // namespace bluestem::train
