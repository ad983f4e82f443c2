// Weight gradient of a convolution in integers: u8 codes times s8 gradients, summed over images and
// pixels, exactly, so in any order and by any number of threads the same bits.
//
//   dw[co, kh, kw, ci] += sum over n, oy, ox of g[n, oy, ox, co] * x[n, iy, ix, ci]
//   iy = oy - pad + kh, ix = ox - pad + kw; stride 1; x outside the map is 0
//
// The sum runs over pixels, so instructions that multiply and add neighbours need neighbouring
// bytes to be of different pixels: the images of a group are interleaved, which makes every tap a
// plain offset.
//
//                      groups of 4 images          groups of 64 (matrix tiles)
//   packed codes       [ci/16][h*w][16][4]         [ci/16][h*w][16 fours][16][4]
//   packed gradients   [co/4][oh*ow][4][4]         [co/16][oh*ow][16][64]
//   sums               [ci/16][co/16][kernel*kernel][16][16]: a tile is written in one piece
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

constexpr int32_t kFour = 4;  // images that are interleaved byte by byte

// Adds the sums over `groups` of images to `sums`.
using WeightGradientAdd = void (*)(const GradientShape& shape, int32_t groups, const uint8_t* codes,
                                   const uint8_t* gradients, int32_t* sums);

// How an ISA does it.
struct WeightGradientKernel {
  int32_t group_images;
  // Interleaves `images` (1..group_images) maps of `pixels` x `channels` codes or, each byte xor-ed
  // with `flip`, gradients; what is missing is 0.
  void (*pack_codes)(const uint8_t* maps, int32_t images, int64_t pixels, int32_t channels,
                     uint8_t* packed);
  void (*pack_gradients)(const uint8_t* maps, int32_t images, int64_t pixels, int32_t channels,
                         uint8_t flip, uint8_t* packed);
  WeightGradientAdd add;
};

constexpr int32_t kTileInputs = 16, kTileOutputs = 16;

// Returns where the sum of dw[co, tap, ci] is.
constexpr int64_t SumsAt(const GradientShape& s, int64_t co, int64_t tap, int64_t ci) {
  const int64_t tile = ci / kTileInputs * (s.co / kTileOutputs) + co / kTileOutputs;
  return ((tile * s.kernel * s.kernel + tap) * kTileOutputs + co % kTileOutputs) * kTileInputs +
         ci % kTileInputs;
}

// Returns the fastest of those that `isas` has.
const WeightGradientKernel& SelectWeightGradient(kernels::IsaSet isas);

// The plain loops, which every CPU has; AVX2's and Intel AMX's; and VNNI's addition of what AVX2
// packs. Null elsewhere.
extern const WeightGradientKernel kWeightGradientPortable;
extern const WeightGradientKernel* const kWeightGradientAvx2;
extern const WeightGradientKernel* const kWeightGradientAmx;
extern const WeightGradientAdd kWeightGradientAddVnni;

}  // namespace bluestem::train
