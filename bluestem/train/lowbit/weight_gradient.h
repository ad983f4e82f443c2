// Weight gradient of a convolution in integers: u8 codes times s8 gradients, summed over images and
// pixels, exactly, so in any order and by any number of threads the same bits.
//
//   dw[co, kh, kw, ci] += sum over n, oy, ox of g[n, oy, ox, co] * x[n, iy, ix, ci]
//   iy = oy - pad + kh, ix = ox - pad + kw; stride 1; x outside the map is 0
//
// The sum runs over pixels, so instructions that multiply and add neighbours need neighbouring
// bytes to be of different pixels: four images are interleaved, which makes every tap a plain
// offset.
//
//   packed codes      [ci/16][h*w][16][4 images]
//   packed gradients  [co/4][oh*ow][4][4 images]
//   sums              [ci/16][co/4][kernel*kernel][4][16]: a tile is written in one piece
//
// Threads: free functions without state. Requires: ci and co are multiples of 16; max_code 1..127.
#pragma once

#include <cstdint>

#include "bluestem/kernels/isa.h"

namespace bluestem::train {

struct GradientShape {
  int32_t h, w, ci;    // codes
  int32_t oh, ow, co;  // gradients
  int32_t kernel, pad;
  int32_t max_code;
};

constexpr int32_t kGradientImages = 4;  // interleaved

// How an ISA does it.
struct WeightGradientKernel {
  // Interleaves `images` (1..4) maps of `pixels` x `channels` bytes, each xor-ed with `flip`; what
  // is missing is 0. `block` channels of a pixel lie together: 16 or 4.
  void (*pack)(const uint8_t* maps, int32_t images, int64_t pixels, int32_t channels, int32_t block,
               uint8_t flip, uint8_t* packed);
  // Adds the sums over `groups` of four images to `sums`.
  void (*add)(const GradientShape& shape, int32_t groups, const uint8_t* codes,
              const uint8_t* gradients, int32_t* sums);
};

constexpr int32_t kTileInputs = 16, kTileOutputs = 4;

// Returns where the sum of dw[co, tap, ci] is.
constexpr int64_t SumsAt(const GradientShape& s, int64_t co, int64_t tap, int64_t ci) {
  const int64_t tile = ci / kTileInputs * (s.co / kTileOutputs) + co / kTileOutputs;
  return ((tile * s.kernel * s.kernel + tap) * kTileOutputs + co % kTileOutputs) * kTileInputs +
         ci % kTileInputs;
}

// Returns the fastest of those that `isas` has.
const WeightGradientKernel& SelectWeightGradient(kernels::IsaSet isas);

// The plain loops, which every CPU has; and AVX2's (null elsewhere).
extern const WeightGradientKernel kWeightGradientPortable;
extern const WeightGradientKernel* const kWeightGradientAvx2;

}  // namespace bluestem::train
