// A tile of 16 outputs' gradients of 64 images meets a tile of 16 inputs' codes of the same images:
// 16,384 exact multiply-accumulates an instruction. Two tiles of each are multiplied at a time.
#include "bluestem/train/lowbit/weight_gradient.h"

#if defined(__AMX_INT8__)
#include <immintrin.h>

#include "bluestem/train/lowbit/weight_gradient_x86_inl.h"

namespace bluestem::train {
namespace {

constexpr int32_t kImages = 64;
constexpr int64_t kTileBytes = 1024;
constexpr int64_t kPixels = 192;  // whose tiles, some 4 KB each, stay in a second-level cache
constexpr int32_t kTileSums = kTileOutputs * kTileInputs;

void Store(__m128i v, uint8_t* to) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), v);
}

void PackCodes(const uint8_t* maps, int32_t images, int64_t pixels, int32_t channels,
               uint8_t* packed) {
  const int64_t map = pixels * channels;
  for (int32_t c = 0; c < channels; c += kTileInputs) {
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      for (int32_t first = 0; first < kImages; first += kFour, packed += 64) {
        __m128i v[kFour], quads[4];
        LoadFour(maps + pixel * channels + c, map, first, images, _mm_setzero_si128(), v);
        Interleave(v, quads);
        for (int32_t k = 0; k < 4; ++k) Store(quads[k], packed + 16 * k);
      }
    }
  }
}

void PackGradients(const uint8_t* maps, int32_t images, int64_t pixels, int32_t channels,
                   uint8_t flip, uint8_t* packed) {
  const __m128i mask = _mm_set1_epi8(static_cast<char>(flip));
  const int64_t map = pixels * channels;
  for (int32_t c = 0; c < channels; c += kTileOutputs) {
    for (int64_t pixel = 0; pixel < pixels; ++pixel, packed += kTileBytes) {
      for (int32_t first = 0; first < kImages; first += 16) {
        // quads[i][k]: images first + 4*i.. of channels 4*k..; then a transposition of words.
        __m128i quads[4][4];
        for (int32_t i = 0; i < 4; ++i) {
          __m128i v[kFour];
          LoadFour(maps + pixel * channels + c, map, first + 4 * i, images, mask, v);
          Interleave(v, quads[i]);
        }
        for (int32_t k = 0; k < 4; ++k) {
          const __m128i low01 = _mm_unpacklo_epi32(quads[0][k], quads[1][k]);
          const __m128i low23 = _mm_unpacklo_epi32(quads[2][k], quads[3][k]);
          const __m128i high01 = _mm_unpackhi_epi32(quads[0][k], quads[1][k]);
          const __m128i high23 = _mm_unpackhi_epi32(quads[2][k], quads[3][k]);
          uint8_t* to = packed + int64_t{4} * k * kImages + first;
          Store(_mm_unpacklo_epi64(low01, low23), to);
          Store(_mm_unpackhi_epi64(low01, low23), to + kImages);
          Store(_mm_unpacklo_epi64(high01, high23), to + 2 * kImages);
          Store(_mm_unpackhi_epi64(high01, high23), to + 3 * kImages);
        }
      }
    }
  }
}

// As the CPU defines it: eight tiles of 16 rows of 64 bytes.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// What a tile of sums needs.
struct Block {
  const uint8_t* codes;                // of the first of the inputs
  const uint8_t* gradients;            // of the first of the outputs
  int64_t next_codes, next_gradients;  // from 16 channels to the next
  int32_t* sums[2][2];                 // of outputs, of inputs
};

// Adds the products of `lines` of one group to kOutputs times kInputs tiles of sums: tiles 0 to 3
// are sums, 4 and 5 gradients, 6 and 7 codes.
template <int kOutputs, int kInputs>
void AddLines(const GradientShape& s, const Lines& lines, const Block& block) {
  __asm__ volatile("" : : : "memory");  // GCC's tile loads do not say that they read memory
  _tile_loadd(0, block.sums[0][0], 64);
  if constexpr (kInputs == 2) _tile_loadd(1, block.sums[0][1], 64);
  if constexpr (kOutputs == 2) _tile_loadd(2, block.sums[1][0], 64);
  if constexpr (kOutputs == 2 && kInputs == 2) _tile_loadd(3, block.sums[1][1], 64);
  for (int32_t line = 0; line < lines.count; ++line) {
    const uint8_t* x = block.codes + (lines.code + int64_t{line} * s.w) * kTileBytes;
    const uint8_t* g = block.gradients + (lines.gradient + int64_t{line} * s.ow) * kTileBytes;
    for (int32_t i = 0; i < lines.pixels; ++i, x += kTileBytes, g += kTileBytes) {
      _tile_loadd(4, g, kImages);
      _tile_loadd(6, x, 64);
      _tile_dpbsud(0, 4, 6);
      if constexpr (kInputs == 2) {
        _tile_loadd(7, x + block.next_codes, 64);
        _tile_dpbsud(1, 4, 7);
      }
      if constexpr (kOutputs == 2) {
        _tile_loadd(5, g + block.next_gradients, kImages);
        _tile_dpbsud(2, 5, 6);
        if constexpr (kInputs == 2) _tile_dpbsud(3, 5, 7);
      }
    }
  }
  _tile_stored(0, block.sums[0][0], 64);
  if constexpr (kInputs == 2) _tile_stored(1, block.sums[0][1], 64);
  if constexpr (kOutputs == 2) _tile_stored(2, block.sums[1][0], 64);
  if constexpr (kOutputs == 2 && kInputs == 2) _tile_stored(3, block.sums[1][1], 64);
  __asm__ volatile("" : : : "memory");
}

void AddBlock(const GradientShape& s, const Lines& lines, const Block& block, bool two_outputs,
              bool two_inputs) {
  if (two_outputs && two_inputs) return AddLines<2, 2>(s, lines, block);
  if (two_outputs) return AddLines<2, 1>(s, lines, block);
  if (two_inputs) return AddLines<1, 2>(s, lines, block);
  AddLines<1, 1>(s, lines, block);
}

void Add(const GradientShape& s, int32_t groups, const uint8_t* codes, const uint8_t* gradients,
         int32_t* sums) {
  const TileConfig config;
  _tile_loadconfig(&config);
  const int64_t code_plane = int64_t{s.h} * s.w * kTileBytes;
  const int64_t gradient_plane = int64_t{s.oh} * s.ow * kTileBytes;
  const int32_t rows = s.ow < kPixels ? static_cast<int32_t>(kPixels / s.ow) : 1;
  for (int32_t group = 0; group < groups; ++group) {
    for (int32_t begin = 0; begin < s.oh; begin += rows) {
      for (int32_t ci = 0; ci < s.ci; ci += 2 * kTileInputs) {
        for (int32_t co = 0; co < s.co; co += 2 * kTileOutputs) {
          Block block = {.codes = codes + ci / kTileInputs * code_plane,
                         .gradients = gradients + co / kTileOutputs * gradient_plane,
                         .next_codes = code_plane,
                         .next_gradients = gradient_plane,
                         .sums = {}};
          for (int32_t tap = 0; tap < s.kernel * s.kernel; ++tap) {
            for (int32_t i = 0; i < 4; ++i) {
              block.sums[i / 2][i % 2] =
                  sums + SumsAt(s, co + i / 2 * kTileOutputs, tap, ci + i % 2 * kTileInputs);
            }
            AddBlock(s, LinesOf(s, tap, begin, begin + rows), block, co + kTileOutputs < s.co,
                     ci + kTileInputs < s.ci);
          }
        }
      }
    }
    codes += s.ci / kTileInputs * code_plane;
    gradients += s.co / kTileOutputs * gradient_plane;
  }
  _tile_release();
}

constexpr WeightGradientKernel kKernel = {kImages, PackCodes, PackGradients, Add};

}  // namespace

const WeightGradientKernel* const kWeightGradientAmx = &kKernel;

}  // namespace bluestem::train
#else
namespace bluestem::train {
const WeightGradientKernel* const kWeightGradientAmx = nullptr;
}  // namespace bluestem::train
#endif
