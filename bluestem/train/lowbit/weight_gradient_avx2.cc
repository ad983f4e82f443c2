// Sums of two products are added in 16 bits for as many steps as cannot overflow, then in 32.
#include "bluestem/train/lowbit/weight_gradient.h"

#if defined(__AVX2__)
#include <immintrin.h>

#include <cstring>

#include "bluestem/train/lowbit/weight_gradient_x86_inl.h"

namespace bluestem::train {
namespace {

constexpr int32_t kVectors = 2;  // of 8 inputs
constexpr int32_t kOutputs = 4;
constexpr int32_t kCodeStep = kTileInputs * kFour;
constexpr int32_t kGradientStep = kOutputs * kFour;

void Pack(const uint8_t* maps, int32_t images, int64_t pixels, int32_t channels, int32_t block,
          uint8_t flip, uint8_t* packed) {
  const __m128i mask = _mm_set1_epi8(static_cast<char>(flip));
  const int64_t map = pixels * channels;
  const int64_t plane = pixels * block * kFour;  // of one block of channels
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (int32_t c = 0; c < channels; c += 16) {
      __m128i v[kFour], quads[4];
      LoadFour(maps + pixel * channels + c, map, 0, images, mask, v);
      Interleave(v, quads);
      for (int32_t k = 0; k < 4; ++k) {
        const int32_t channel = c + 4 * k;
        uint8_t* to = packed + channel / block * plane + (pixel * block + channel % block) * kFour;
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), quads[k]);
      }
    }
  }
}

// Sums of 4 outputs times 16 inputs: pairs of products in 16 bits.
struct Tile {
  __m256i sum[kOutputs][kVectors];

  inline __attribute__((always_inline)) void Clear() {
#pragma GCC unroll 4
    for (int o = 0; o < kOutputs; ++o) sum[o][0] = sum[o][1] = _mm256_setzero_si256();
  }
  inline __attribute__((always_inline)) void Step(const uint8_t* codes, const uint8_t* gradients) {
    const __m256i x0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
    const __m256i x1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + 32));
#pragma GCC unroll 4
    for (int o = 0; o < kOutputs; ++o) {
      int32_t bytes;
      std::memcpy(&bytes, gradients + o * kFour, sizeof(bytes));
      const __m256i g = _mm256_set1_epi32(bytes);
      sum[o][0] = _mm256_add_epi16(sum[o][0], _mm256_maddubs_epi16(x0, g));
      sum[o][1] = _mm256_add_epi16(sum[o][1], _mm256_maddubs_epi16(x1, g));
    }
  }
  inline __attribute__((always_inline)) void AddTo(int32_t* sums) {
    const __m256i one = _mm256_set1_epi16(1);
#pragma GCC unroll 4
    for (int o = 0; o < kOutputs; ++o) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        auto* to = reinterpret_cast<__m256i*>(sums + o * kTileInputs + v * 8);
        const __m256i wide = _mm256_madd_epi16(sum[o][v], one);
        _mm256_storeu_si256(to, _mm256_add_epi32(_mm256_loadu_si256(to), wide));
      }
    }
  }
};

// One tile of one tap, over all groups. `codes` and `gradients` are the first group's planes.
void AddTile(const GradientShape& s, int32_t groups, const Lines& lines, const uint8_t* codes,
             const uint8_t* gradients, int32_t* sums) {
  if (lines.count == 0) return;
  const int64_t x_group = int64_t{s.h} * s.w * s.ci * kFour;
  const int64_t g_group = int64_t{s.oh} * s.ow * s.co * kFour;
  const int32_t limit = 32768 / (2 * s.max_code * 128);  // steps before 16 bits could overflow
  const int32_t sum_lines = lines.pixels < limit ? limit / lines.pixels : 1;
  Tile tile;
  tile.Clear();
  int32_t left = sum_lines;
  for (int32_t group = 0; group < groups; ++group) {
    for (int32_t line = 0; line < lines.count; ++line) {
      const uint8_t* x = codes + group * x_group + (lines.code + int64_t{line} * s.w) * kCodeStep;
      const uint8_t* g =
          gradients + group * g_group + (lines.gradient + int64_t{line} * s.ow) * kGradientStep;
      for (int32_t count = lines.pixels; count > 0; count -= limit) {
        const int32_t steps = Least(count, limit);
        for (int32_t i = 0; i < steps; ++i, x += kCodeStep, g += kGradientStep) tile.Step(x, g);
        if (count > limit || --left == 0) {
          tile.AddTo(sums);
          tile.Clear();
          left = sum_lines;
        }
      }
    }
  }
  tile.AddTo(sums);
}

void Add(const GradientShape& s, int32_t groups, const uint8_t* codes, const uint8_t* gradients,
         int32_t* sums) {
  for (int32_t ci = 0; ci < s.ci; ci += kTileInputs) {
    const uint8_t* x = codes + int64_t{ci / kTileInputs} * s.h * s.w * kCodeStep;
    for (int32_t co = 0; co < s.co; co += kOutputs) {
      const uint8_t* g = gradients + int64_t{co / kOutputs} * s.oh * s.ow * kGradientStep;
      for (int32_t tap = 0; tap < s.kernel * s.kernel; ++tap) {
        AddTile(s, groups, LinesOf(s, tap, 0, s.oh), x, g, sums + SumsAt(s, co, tap, ci));
      }
    }
  }
}

void PackCodes(const uint8_t* maps, int32_t images, int64_t pixels, int32_t channels,
               uint8_t* packed) {
  Pack(maps, images, pixels, channels, kTileInputs, 0, packed);
}

void PackGradients(const uint8_t* maps, int32_t images, int64_t pixels, int32_t channels,
                   uint8_t flip, uint8_t* packed) {
  Pack(maps, images, pixels, channels, kOutputs, flip, packed);
}

constexpr WeightGradientKernel kKernel = {kFour, PackCodes, PackGradients, Add};

}  // namespace

const WeightGradientKernel* const kWeightGradientAvx2 = &kKernel;

}  // namespace bluestem::train
#else
namespace bluestem::train {
const WeightGradientKernel* const kWeightGradientAvx2 = nullptr;
}  // namespace bluestem::train
#endif
