#include "bluestem/train/lowbit/pool.h"

#include <cstring>

#include "bluestem/train/internal/clones.h"
#include "bluestem/train/lowbit/rounding.h"

namespace bluestem::train {
namespace {

constexpr int64_t kLanes = 16;
// Compilers turn arithmetic of these into the vectors of each clone.
using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
using Ints = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));
using Bytes = uint8_t __attribute__((vector_size(kLanes)));

// One row of squares, whose pixels' rows are `row` floats apart.
BLUESTEM_CLONES void PoolRow(const PoolShape& s, const float* x, float* y, uint8_t* choices) {
  const int64_t row = s.w * s.channels;
  for (int64_t ox = 0; ox < s.w / s.pool; ++ox, x += s.pool * s.channels) {
    for (int64_t c = 0; c < s.channels; c += kLanes, y += kLanes, choices += kLanes) {
      Floats most;
      std::memcpy(&most, x + c, sizeof(most));
      Ints choice = {};
      for (int32_t k = 1; k < s.pool * s.pool; ++k) {
        Floats v;
        std::memcpy(&v, x + k / s.pool * row + k % s.pool * s.channels + c, sizeof(v));
        const Ints greater = v > most;
        most = greater ? v : most;
        choice = greater ? Ints{} + k : choice;
      }
      const Bytes bytes = __builtin_convertvector(choice, Bytes);
      std::memcpy(y, &most, sizeof(most));
      std::memcpy(choices, &bytes, sizeof(bytes));
    }
  }
}

BLUESTEM_CLONES void SpreadCodes(int64_t channels, uint8_t tap, const uint8_t* __restrict codes,
                                 const uint8_t* __restrict choices, uint8_t* __restrict to) {
  for (int64_t c = 0; c < channels; ++c) to[c] = choices[c] == tap ? codes[c] : kZeroGradient;
}

}  // namespace

void MaxPool(const PoolShape& s, const float* x, float* y, uint8_t* choices) {
  const int64_t out = s.w / s.pool * s.channels;
  for (int64_t oy = 0; oy < s.h / s.pool; ++oy)
    PoolRow(s, x + oy * s.pool * s.w * s.channels, y + oy * out, choices + oy * out);
}

void MaxPoolBackward(const PoolShape& s, const uint8_t* codes, const uint8_t* choices,
                     uint8_t* full) {
  for (int64_t y = 0; y < s.h; ++y) {
    for (int64_t x = 0; x < s.w; ++x, full += s.channels) {
      const int64_t at = (y / s.pool * (s.w / s.pool) + x / s.pool) * s.channels;
      const auto tap = static_cast<uint8_t>(y % s.pool * s.pool + x % s.pool);
      SpreadCodes(s.channels, tap, codes + at, choices + at, full);
    }
  }
}

}  // namespace bluestem::train
