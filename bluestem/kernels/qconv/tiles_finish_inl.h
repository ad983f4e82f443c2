// What tiles_amx.cc works on, and how tiles of sums become codes, reals or s32. Included by ISA
// files.
#pragma once

#include <immintrin.h>

#include "bluestem/kernels/qconv/narrow_finish_inl.h"
#include "bluestem/kernels/qconv/tiles.h"

namespace bluestem::kernels {
// Unnamed although in a header: each ISA's file must have its own copy.
namespace {

// Thresholds of 16 bits in the outputs' own order (narrow_finish_inl.h).
struct PlainOrder {
  static constexpr int32_t kLanes = kQConvBlock;
  static int32_t Position(int32_t i, int32_t) { return i; }
};

// Tiles of pixels that share tiles of weights.
struct TileGroup {
  int32_t tiles;
  const uint8_t* codes[kTileGroup];  // of each tile's first pixel
  // Their outputs, counted over the map; -1 where there is none.
  int32_t pixels[kTileGroup * kTileRows];
};

// A group times 16 outputs.
struct TileWork {
  const TileGroup* group;
  const uint8_t* weights;
  bool spread;  // the weights are bits, to be spread tile by tile
  int32_t co, count;
  int32_t* sums;  // [kTileGroup][16][16]
};

struct TilesRun {
  QConvParams p;
  QConvArgs args;
  TilesPlan plan;
  const int16_t* narrow = nullptr;  // thresholds
  ThresholdForm form;
  const uint8_t* map;
  int32_t top, left;  // of the map's first pixel, in the input
  int64_t weights_stride;
  int64_t pixel_stride, run_stride, kernel_row_stride, chunk_stride;  // of codes
};

// Where a strip's outputs are.
struct TileStrip {
  int32_t begin, end;      // rows
  int32_t first, columns;  // columns
};

// Codes of one pixel.
inline void StoreCodes16(__m128i codes, int32_t count, uint8_t* y) {
  if (count == kTileRows) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y), codes);
  } else {
    _mm_mask_storeu_epi8(y, static_cast<__mmask16>((1 << count) - 1), codes);
  }
}

// Codes of pairs of pixels: of a row's neighbours from the first of `pixels` on, or wherever.
template <int kPairs>
inline void StorePairs(const TilesRun& run, const TileWork& work, const __m512i* codes,
                       const int32_t* pixels) {
  // The low byte of each word, the first pixel's outputs before the second's.
  const __m512i order = _mm512_castsi256_si512(
      _mm256_setr_epi8(0, 2, 4, 6, 16, 18, 20, 22, 32, 34, 36, 38, 48, 50, 52, 54,  //
                       8, 10, 12, 14, 24, 26, 28, 30, 40, 42, 44, 46, 56, 58, 60, 62));
  uint8_t* y = static_cast<uint8_t*>(run.args.y) + work.co;
  const int64_t co = run.args.y_channels;
  const int32_t count = work.count;
  if (!run.plan.flat) {
    uint8_t* at = y + pixels[0] * co;
    const bool odd = run.plan.tile_pixels % 2 != 0;
#pragma GCC unroll 8
    for (int i = 0; i < kPairs; ++i, at += 2 * co) {
      const __m512i bytes = _mm512_permutexvar_epi8(order, codes[i]);
      StoreCodes16(_mm512_castsi512_si128(bytes), count, at);
      if (i + 1 == kPairs && odd) return;
      StoreCodes16(_mm512_extracti32x4_epi32(bytes, 1), count, at + co);
    }
    return;
  }
#pragma GCC unroll 8
  for (int i = 0; i < kPairs; ++i) {
    const __m512i bytes = _mm512_permutexvar_epi8(order, codes[i]);
    const int32_t first = pixels[2 * i], second = pixels[2 * i + 1];
    if (first >= 0) StoreCodes16(_mm512_castsi512_si128(bytes), count, y + first * co);
    if (second >= 0) StoreCodes16(_mm512_extracti32x4_epi32(bytes, 1), count, y + second * co);
  }
}

// The residual's codes of a pixel; zeros where there is none.
inline __m256i ResidualWords(const TilesRun& run, const TileWork& work, int32_t pixel) {
  const auto present = static_cast<__mmask16>(pixel < 0 ? 0 : (1 << work.count) - 1);
  const int64_t at = pixel < 0 ? 0 : int64_t{pixel} * run.args.y_channels + work.co;
  return _mm256_cvtepu8_epi16(_mm_maskz_loadu_epi8(present, run.args.residual + at));
}

// Adds the residual to the values of kPairs pairs of pixels; a pair's ratios are those of both.
template <int kPairs>
inline void AddResidualPairs(const TilesRun& run, const TileWork& work, __m512i ratios,
                             const int32_t* pixels, __m512i* values) {
  const __m512i alternate = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
#pragma GCC unroll 8
  for (int i = 0; i < kPairs; ++i) {
    const __m512i first = _mm512_castsi256_si512(ResidualWords(run, work, pixels[2 * i]));
    const __m512i second = _mm512_castsi256_si512(ResidualWords(run, work, pixels[2 * i + 1]));
    const __m512i codes = _mm512_permutex2var_epi64(first, alternate, second);
    values[i] = _mm512_add_epi16(values[i], _mm512_mullo_epi16(codes, ratios));
  }
}

// Codes of kPairs pairs of pixels, where 16 bits decide (narrow_finish_inl.h), by masks.
template <int kPairs, int kLevels>
inline void FinishNarrowPairs(const TilesRun& run, const TileWork& work, const int32_t* sums,
                              const int32_t* pixels) {
  const int64_t row_length = int64_t{GroupBlocks(run.p)} * kQConvBlock;
  const int16_t* row = run.narrow + work.co;
  // One instruction makes words of the sums of a pair, which alternate in its 128-bit lanes.
  const __m512i both = _mm512_setr_epi64(0, 0, 1, 1, 2, 2, 3, 3);
  const auto thresholds = [&](const int16_t* from) __attribute__((always_inline)) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return _mm512_permutexvar_epi64(both, _mm512_castsi256_si512(v));
  };
  const __m512i flip = thresholds(row);
  __m512i values[kPairs], codes[kPairs];
#pragma GCC unroll 8
  for (int i = 0; i < kPairs; ++i) {
    const int32_t* pair = sums + i * 2 * kTileRows;
    const __m512i packed =
        _mm512_packs_epi32(_mm512_loadu_si512(pair), _mm512_loadu_si512(pair + kTileRows));
    values[i] = packed;
    codes[i] = _mm512_setzero_si512();
  }
  if (run.p.residual_bits != 0) {
    AddResidualPairs<kPairs>(run, work, thresholds(row + run.p.levels * row_length), pixels,
                             values);
  }
#pragma GCC unroll 8
  for (int i = 0; i < kPairs; ++i) values[i] = _mm512_xor_si512(values[i], flip);
  const __m512i one = _mm512_set1_epi16(1);
  const int32_t levels = kLevels == 0 ? run.p.levels : kLevels;
#pragma GCC unroll 3
  for (int32_t k = 1; k < levels; ++k) {
    row += row_length;
    const __m512i threshold = thresholds(row);
#pragma GCC unroll 8
    for (int i = 0; i < kPairs; ++i) {
      const __mmask32 reached = _mm512_cmpgt_epi16_mask(values[i], threshold);
      codes[i] = _mm512_mask_add_epi16(codes[i], reached, codes[i], one);
    }
  }
  StorePairs<kPairs>(run, work, codes, pixels);
}

template <int kPairs = kTileRows / 2>
inline void FinishNarrowTile(const TilesRun& run, const TileWork& work, const int32_t* sums,
                             const int32_t* pixels) {
  if constexpr (kPairs > 1) {
    if (run.plan.tile_pixels <= 2 * kPairs - 2)
      return FinishNarrowTile<kPairs - 1>(run, work, sums, pixels);
  }
  if (run.p.levels == 4) return FinishNarrowPairs<kPairs, 4>(run, work, sums, pixels);
  FinishNarrowPairs<kPairs, 0>(run, work, sums, pixels);
}

inline void FinishAffineTile(const TilesRun& run, const TileWork& work, const int32_t* sums,
                             const int32_t* pixels) {
  const __m512 zero = _mm512_setzero_ps();
  const auto present = static_cast<__mmask16>((1 << work.count) - 1);
  const __m512 a = _mm512_maskz_loadu_ps(present, run.args.a + work.co);
  const __m512 b = _mm512_maskz_loadu_ps(present, run.args.b + work.co);
  float* y = static_cast<float*>(run.args.y) + work.co;
  const int64_t co = run.args.y_channels;
  for (int32_t i = 0; i < run.plan.tile_pixels; ++i, sums += kTileRows) {
    if (pixels[i] < 0) continue;
    __m512 v = _mm512_add_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_loadu_si512(sums)), a), b);
    if (run.p.relu != 0) v = _mm512_max_ps(zero, v);
    _mm512_mask_storeu_ps(y + pixels[i] * co, present, v);
  }
}

inline void FinishTile(const TilesRun& run, const TileWork& work, const int32_t* sums,
                       const int32_t* pixels) {
  if (run.narrow != nullptr) return FinishNarrowTile(run, work, sums, pixels);
  if (run.p.epilogue == QConvEpilogue::kAffine) return FinishAffineTile(run, work, sums, pixels);
  const EpilogueBlock to = {.form = run.form,
                            .row_length = int64_t{GroupBlocks(run.p)} * kQConvBlock,
                            .lane = work.co,
                            .co = work.co,
                            .count = work.count};
  for (int32_t i = 0; i < run.plan.tile_pixels; ++i) {
    if (pixels[i] >= 0)
      FinishBlock<kTileRows>(run.p, run.args, to, sums + int64_t{i} * kTileRows, pixels[i]);
  }
}

inline void PrepareFinish(TilesRun& run) {
  uint8_t* scratch = run.args.scratch + run.plan.thresholds_at;
  if (Rearranges(run.p) && ThresholdsFit16(run.p, run.args)) {
    auto* rows = reinterpret_cast<int16_t*>(scratch);
    RearrangeNarrow<PlainOrder>(run.p, run.args, nullptr, rows);
    run.narrow = rows;
  } else {
    run.form = PrepareThresholds(run.p, run.args, scratch);
  }
}

}  // namespace
}  // namespace bluestem::kernels
