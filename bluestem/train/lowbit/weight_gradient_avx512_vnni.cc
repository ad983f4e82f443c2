// One instruction multiplies the codes of 16 inputs in four images by an output's gradients of
// those images, and adds to sums of 32 bits, exactly.
#include "bluestem/train/lowbit/weight_gradient.h"

#if defined(__AVX512VNNI__)
#include <immintrin.h>

#include <cstring>

#include "bluestem/train/lowbit/weight_gradient_x86_inl.h"

namespace bluestem::train {
namespace {

constexpr int32_t kOutputs = 4;  // of a plane of packed gradients
constexpr int32_t kCodeStep = kTileInputs * kFour, kGradientStep = kOutputs * kFour;
constexpr int32_t kBlocks = 2;  // of inputs and of outputs in a tile, at most

// A tile of sums, and where its codes, gradients and sums are.
struct Tile {
  const uint8_t* codes[kBlocks];      // planes of 16 inputs
  const uint8_t* gradients[kBlocks];  // planes of 4 outputs
  int32_t* sums[kBlocks][kBlocks];    // of inputs, of outputs
};

// Not the intrinsic: GCC 12 copies the sums of a loop around it, one move for each product.
inline void AddProducts(__m512i& sum, __m512i codes, __m512i gradients) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(codes), "v"(gradients));
}

// Adds one tap's pixels of all groups. 16 sums hide the 5 cycles of an instruction.
template <int kIn, int kOut>
void AddTile(const GradientShape& s, int32_t groups, const Lines& lines, const Tile& tile) {
  const int64_t x_group = int64_t{s.h} * s.w * s.ci * kFour;
  const int64_t g_group = int64_t{s.oh} * s.ow * s.co * kFour;
  __m512i sums[kIn][kOut * kOutputs];
#pragma GCC unroll 2
  for (int i = 0; i < kIn; ++i) {
#pragma GCC unroll 8
    for (int o = 0; o < kOut * kOutputs; ++o)
      sums[i][o] = _mm512_loadu_si512(tile.sums[i][o / kOutputs] + o % kOutputs * kTileInputs);
  }
  for (int32_t group = 0; group < groups; ++group) {
    for (int32_t line = 0; line < lines.count; ++line) {
      int64_t x = group * x_group + (lines.code + int64_t{line} * s.w) * kCodeStep;
      int64_t g = group * g_group + (lines.gradient + int64_t{line} * s.ow) * kGradientStep;
      for (int32_t k = 0; k < lines.pixels; ++k, x += kCodeStep, g += kGradientStep) {
        __m512i codes[kIn];
#pragma GCC unroll 2
        for (int i = 0; i < kIn; ++i) codes[i] = _mm512_loadu_si512(tile.codes[i] + x);
#pragma GCC unroll 8
        for (int o = 0; o < kOut * kOutputs; ++o) {
          int32_t bytes;
          std::memcpy(&bytes, tile.gradients[o / kOutputs] + g + o % kOutputs * kFour,
                      sizeof(bytes));
          const __m512i gradient = _mm512_set1_epi32(bytes);
#pragma GCC unroll 2
          for (int i = 0; i < kIn; ++i) AddProducts(sums[i][o], codes[i], gradient);
        }
      }
    }
  }
#pragma GCC unroll 2
  for (int i = 0; i < kIn; ++i) {
#pragma GCC unroll 8
    for (int o = 0; o < kOut * kOutputs; ++o)
      _mm512_storeu_si512(tile.sums[i][o / kOutputs] + o % kOutputs * kTileInputs, sums[i][o]);
  }
}

void Add(const GradientShape& s, int32_t groups, const uint8_t* codes, const uint8_t* gradients,
         int32_t* sums) {
  const int64_t code_plane = int64_t{s.h} * s.w * kCodeStep;
  const int64_t gradient_plane = int64_t{s.oh} * s.ow * kGradientStep;
  for (int32_t ci = 0; ci < s.ci; ci += kBlocks * kTileInputs) {
    const bool two = ci + kTileInputs < s.ci;
    for (int32_t co = 0; co < s.co; co += kBlocks * kOutputs) {
      Tile tile = {};
      for (int32_t i = 0; i < kBlocks; ++i) {
        tile.codes[i] = codes + (ci / kTileInputs + (two ? i : 0)) * code_plane;
        tile.gradients[i] = gradients + (co / kOutputs + i) * gradient_plane;
      }
      for (int32_t tap = 0; tap < s.kernel * s.kernel; ++tap) {
        const Lines lines = LinesOf(s, tap, 0, s.oh);
        for (int32_t i = 0; i < (two ? kBlocks : 1); ++i) {
          for (int32_t o = 0; o < kBlocks; ++o) {
            tile.sums[i][o] = sums + SumsAt(s, co + o * kOutputs, tap, ci + i * kTileInputs);
          }
        }
        if (two) {
          AddTile<2, 2>(s, groups, lines, tile);
        } else {
          AddTile<1, 2>(s, groups, lines, tile);
        }
      }
    }
  }
}

}  // namespace

const WeightGradientAdd kWeightGradientAddVnni = Add;

}  // namespace bluestem::train
#else
namespace bluestem::train {
const WeightGradientAdd kWeightGradientAddVnni = nullptr;
}  // namespace bluestem::train
#endif
