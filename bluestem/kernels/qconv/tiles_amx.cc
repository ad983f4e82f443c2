// tiles: qconv by products of matrix tiles (Intel AMX). A tile of 16 neighbouring outputs of a row
// times 64 channels of codes meets a tile of the same channels times 16 outputs: 16,384 exact
// multiply-accumulates to sums of 32 bits in 16 cycles. Up to five tiles of pixels share
// each tile of weights. Codes are read where they lie: the codes under a kernel's row are one run
// of bytes, and the next pixel's begin a pixel further on. Weights of one bit are spread to bytes,
// 16 outputs at a time; the zeros that fill a run's last tile meet whatever codes lie there.
#include "bluestem/kernels/qconv/kernels.h"
#include "bluestem/kernels/qconv/tiles.h"
#if defined(__x86_64__)
// GCC 12 takes its own intrinsics' undefined registers for uninitialized variables.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include "bluestem/kernels/qconv/tiles_finish_inl.h"

namespace bluestem::kernels {
namespace {

// As the CPU defines it.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// Tiles 0 to 4 hold sums, 5 weights, 6 and 7 codes.
void Configure(int32_t pixels) {
  TileConfig config;
  for (int32_t i = 0; i < 8; ++i) {
    config.row_bytes[i] = kTileBytes;
    config.rows[i] = static_cast<uint8_t>(i == 5 ? kTileRows : pixels);
  }
  _tile_loadconfig(&config);
}

// Weights of one bit of 8 channels and 16 outputs, to bytes: two steps.
inline void SpreadBits(const uint8_t* packed, uint8_t* to) {
  const __m512i index =
      _mm512_set_epi8(15, 15, 15, 15, 14, 14, 14, 14, 13, 13, 13, 13, 12, 12, 12, 12, 11, 11, 11,
                      11, 10, 10, 10, 10, 9, 9, 9, 9, 8, 8, 8, 8, 7, 7, 7, 7, 6, 6, 6, 6, 5, 5, 5,
                      5, 4, 4, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
  const __m512i low = _mm512_set1_epi32(0x08040201), high = _mm512_set1_epi32(0x80402010);
  const __m512i minus = _mm512_set1_epi8(-1), plus = _mm512_set1_epi8(1);
  const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(packed));
  const __m512i spread = _mm512_permutexvar_epi8(index, _mm512_castsi128_si512(bits));
  _mm512_storeu_si512(to, _mm512_mask_blend_epi8(_mm512_test_epi8_mask(spread, low), minus, plus));
  _mm512_storeu_si512(to + kTileBytes,
                      _mm512_mask_blend_epi8(_mm512_test_epi8_mask(spread, high), minus, plus));
}

// Weights of one bit of a tile.
inline void SpreadTile(const uint8_t* packed, uint8_t* to) {
#pragma GCC unroll 8
  for (int32_t step = 0; step < kTileSteps / 2; ++step)
    SpreadBits(packed + step * kQConvBlock, to + step * 2 * kTileBytes);
}

// Weights of 16 outputs in whole tiles.
void SpreadWeights(const TilesRun& run, const uint8_t* packed, uint8_t* to) {
  const TilesPlan& plan = run.plan;
  const bool bits = PacksS1(run.p);
  const int64_t run_bytes = int64_t{plan.run_rows} * kTileBytes;
  const int64_t tiles_bytes = int64_t{plan.chunks} * kTileSteps * kTileBytes;
  for (int32_t i = 0; i < run.p.kernel_h * plan.runs; ++i, to += tiles_bytes) {
    if (bits) {
      for (int32_t step = 0; step < plan.run_rows / 2; ++step, packed += kQConvBlock)
        SpreadBits(packed, to + int64_t{step} * 2 * kTileBytes);
    } else {
      for (int32_t step = 0; step < plan.run_rows; ++step, packed += kQConvBlock * 4)
        std::memcpy(to + int64_t{step} * kTileBytes, packed, kTileBytes);
    }
    std::memset(to + run_bytes, 0, static_cast<size_t>(tiles_bytes - run_bytes));
  }
}

// A work that was multiplied, and how many of its tiles are finished.
struct Unfinished {
  const TileWork* work;
  int32_t tiles;  // 0 of none

  // Finishes one tile if any is left.
  inline void Step(const TilesRun& run) {
    if (work == nullptr || tiles == work->group->tiles) return;
    FinishTile(run, *work, work->sums + tiles * kTileSums, work->group->pixels + tiles * kTileRows);
    ++tiles;
  }
};

// Multiplies `work` and finishes the work before it, a tile after each chunk: products of tiles
// take their time, which other instructions can use.
template <int kTiles, bool kSpread>
void SumTiles(const TilesRun& run, const TileWork& work, Unfinished& before) {
  __asm__ volatile("" : : : "memory");  // GCC's tile loads do not say that they read memory
  const uint8_t* weights = work.weights;
  const uint8_t* const* codes = work.group->codes;
  const int64_t weights_stride = run.weights_stride, stride = run.pixel_stride;
  uint8_t* ring = run.args.scratch + run.plan.weights_at;  // if kSpread: of some tiles
  int32_t slot = 0, left = run.p.kernel_h * run.plan.runs * run.plan.chunks;
  if constexpr (kSpread) SpreadTile(weights, ring);
  _tile_zero(0);
  if constexpr (kTiles > 1) _tile_zero(1);
  if constexpr (kTiles > 2) _tile_zero(2);
  if constexpr (kTiles > 3) _tile_zero(3);
  if constexpr (kTiles > 4) _tile_zero(4);
  for (int32_t kh = 0; kh < run.p.kernel_h; ++kh) {
    for (int32_t kw = 0; kw < run.plan.runs; ++kw) {
      int64_t at = kh * run.kernel_row_stride + kw * run.run_stride;
      for (int32_t chunk = 0; chunk < run.plan.chunks; ++chunk, at += run.chunk_stride) {
        if constexpr (kSpread) {
          // The next tile, early enough; the last reads its own again.
          const uint8_t* const tile = ring + slot * kTileSums * 4;
          slot = (slot + 1) % kSpreadRing;
          if (--left > 0) weights += kTileSteps / 2 * kQConvBlock;
          SpreadTile(weights, ring + slot * kTileSums * 4);
          __asm__ volatile("" : : : "memory");
          _tile_loadd(5, tile, kTileBytes);
        } else {
          _tile_loadd(5, weights, weights_stride);
          weights += kTileSteps * weights_stride;
        }
        _tile_loadd(6, codes[0] + at, stride);
        _tile_dpbusd(0, 6, 5);
        if constexpr (kTiles > 1) {
          _tile_loadd(7, codes[1] + at, stride);
          _tile_dpbusd(1, 7, 5);
        }
        if constexpr (kTiles > 2) {
          _tile_loadd(6, codes[2] + at, stride);
          _tile_dpbusd(2, 6, 5);
        }
        if constexpr (kTiles > 3) {
          _tile_loadd(7, codes[3] + at, stride);
          _tile_dpbusd(3, 7, 5);
        }
        if constexpr (kTiles > 4) {
          _tile_loadd(6, codes[4] + at, stride);
          _tile_dpbusd(4, 6, 5);
        }
        before.Step(run);
      }
    }
  }
  _tile_stored(0, work.sums, kTileBytes);
  if constexpr (kTiles > 1) _tile_stored(1, work.sums + kTileSums, kTileBytes);
  if constexpr (kTiles > 2) _tile_stored(2, work.sums + 2 * kTileSums, kTileBytes);
  if constexpr (kTiles > 3) _tile_stored(3, work.sums + 3 * kTileSums, kTileBytes);
  if constexpr (kTiles > 4) _tile_stored(4, work.sums + 4 * kTileSums, kTileBytes);
  __asm__ volatile("" : : : "memory");
}

template <int kTiles = kTileGroup>
void Sum(const TilesRun& run, const TileWork& work, Unfinished& before) {
  if constexpr (kTiles > 1) {
    if (work.group->tiles < kTiles) return Sum<kTiles - 1>(run, work, before);
  }
  if (work.spread) return SumTiles<kTiles, true>(run, work, before);
  SumTiles<kTiles, false>(run, work, before);
}

// Tiles of a row of a strip.
int32_t RowTiles(const TilesRun& run, const TileStrip& strip) {
  return CeilDiv(strip.columns, run.plan.tile_pixels);
}

int32_t StripTiles(const TilesRun& run, const TileStrip& strip) {
  const int32_t rows = strip.end - strip.begin;
  if (run.plan.flat) return CeilDiv((rows - 1) * run.plan.columns + strip.columns, kTileRows);
  return rows * RowTiles(run, strip);
}

// Tile `tile` of a strip, whose outputs are neighbours in a row.
void PlaceInRow(const TilesRun& run, const TileStrip& strip, int32_t tile, int32_t at,
                TileGroup& group) {
  const int32_t size = run.plan.tile_pixels, row_tiles = RowTiles(run, strip);
  const int32_t row = tile / row_tiles, begin = tile % row_tiles * size;
  // The last tile lies over pixels that are done.
  const int32_t x = begin + size > strip.columns ? strip.columns - size : begin;
  group.codes[at] =
      run.map + int64_t{row} * run.p.stride_h * run.plan.row_bytes + x * run.pixel_stride;
  int32_t* pixels = group.pixels + at * kTileRows;
  const int32_t first = (strip.begin + row) * run.p.wo + strip.first + x;
  for (int32_t i = 0; i < kTileRows; ++i) pixels[i] = i < size ? first + i : -1;
}

void PlaceInMap(const TilesRun& run, const TileStrip& strip, int32_t tile, int32_t at,
                TileGroup& group) {
  int32_t row = tile * kTileRows / run.plan.columns, x = tile * kTileRows % run.plan.columns;
  group.codes[at] = run.map + int64_t{tile} * kTileRows * run.pixel_stride;
  int32_t* pixels = group.pixels + at * kTileRows;
  for (int32_t i = 0; i < kTileRows; ++i) {
    const bool inside = x < strip.columns && row < strip.end - strip.begin;
    pixels[i] = inside ? (strip.begin + row) * run.p.wo + strip.first + x : -1;
    if (++x < run.plan.columns) continue;
    x = 0;
    ++row;
  }
}

// Group `index` of `groups`, which are as even as they can be.
void PlaceGroup(const TilesRun& run, const TileStrip& strip, int32_t index, int32_t groups,
                TileGroup& group) {
  const int64_t tiles = StripTiles(run, strip);
  const auto begin = static_cast<int32_t>(tiles * index / groups);
  const auto end = static_cast<int32_t>(tiles * (index + 1) / groups);
  group.tiles = end - begin;
  for (int32_t i = 0; i < group.tiles; ++i) {
    if (run.plan.flat) {
      PlaceInMap(run, strip, begin + i, i, group);
    } else {
      PlaceInRow(run, strip, begin + i, i, group);
    }
  }
}

// Copies codes of `count` pixels, or as many times pad_value where `from` is null.
void CopyPixels(const TilesRun& run, const uint8_t* from, int32_t count, uint8_t* to) {
  const TilesPlan& plan = run.plan;
  const auto ci = static_cast<size_t>(run.p.ci);
  if (plan.pixel_bytes == kTileBytes) {
    const __m512i pad = _mm512_set1_epi8(static_cast<char>(run.p.pad_value));
    for (int32_t i = 0; i < count; ++i, to += kTileBytes) {
      for (int32_t plane = 0; plane < plan.planes; ++plane) {
        // Channels that do not fill the last plane are zeros.
        const int32_t left = run.p.ci - plane * kTileBytes;
        const __mmask64 present = left < kTileBytes ? (__mmask64{1} << left) - 1 : ~__mmask64{0};
        const __m512i codes = from == nullptr
                                  ? _mm512_maskz_mov_epi8(present, pad)
                                  : _mm512_maskz_loadu_epi8(present, from + plane * kTileBytes);
        _mm512_storeu_si512(to + plane * plan.plane_bytes, codes);
      }
      if (from != nullptr) from += ci;
    }
    return;
  }
  const size_t rest = static_cast<size_t>(plan.pixel_bytes) - ci;
  if (rest == 0 && from != nullptr) {
    std::memcpy(to, from, ci * static_cast<size_t>(count));
    return;
  }
  for (int32_t i = 0; i < count; ++i, to += plan.pixel_bytes) {
    if (from == nullptr) {
      std::memset(to, run.p.pad_value, ci);
    } else {
      std::memcpy(to, from, ci);
      from += ci;
    }
    std::memset(to + ci, 0, rest);
  }
}

// The map of a strip, whose first pixel is run.top, run.left of the input.
void CopyMap(const TilesRun& run, int32_t rows, int32_t columns, uint8_t* to) {
  const QConvParams& p = run.p;
  const int32_t right = run.left + columns;
  const int32_t begin = run.left < 0 ? 0 : run.left < p.w ? run.left : p.w;
  const int32_t end = right < begin ? begin : right < p.w ? right : p.w;
  const int32_t before = begin - run.left < columns ? begin - run.left : columns;
  for (int32_t row = 0; row < rows; ++row, to += run.plan.row_bytes) {
    const int32_t iy = run.top + row;
    if (iy < 0 || iy >= p.h || begin == end) {
      CopyPixels(run, nullptr, columns, to);
      continue;
    }
    uint8_t* at = to;
    CopyPixels(run, nullptr, before, at);
    at += int64_t{before} * run.plan.pixel_bytes;
    CopyPixels(run, run.args.x + (int64_t{iy} * p.w + begin) * p.ci, end - begin, at);
    at += int64_t{end - begin} * run.plan.pixel_bytes;
    CopyPixels(run, nullptr, columns - before - (end - begin), at);
  }
}

// The packed weights of outputs from `co` on: steps of a block are of 32 outputs.
const uint8_t* PackedOf(const TilesRun& run, int32_t co) {
  return run.args.weights + co / kQConvBlock * BlockBytes(run.p) +
         co % kQConvBlock * (PacksS1(run.p) ? 1 : 4);
}

// Where those weights are spread.
uint8_t* SpreadOf(const TilesRun& run, int32_t co) {
  return run.args.scratch + run.plan.weights_at +
         (run.plan.spread_all ? co / kTileRows * run.plan.spread_bytes : 0);
}

// Multiplies works one after the other, and finishes each while the next is multiplied.
struct TileLine {
  const TilesRun& run;
  TileWork works[2] = {};
  Unfinished before = {};
  int32_t count = 0;

  explicit TileLine(const TilesRun& of) : run(of) {
    auto* sums = reinterpret_cast<int32_t*>(run.args.scratch + run.plan.sums_at);
    works[0].sums = sums;
    works[1].sums = sums + kTileGroup * kTileSums;
  }
  void Add(const TileGroup& group, const uint8_t* weights, int32_t co, bool spread = false) {
    TileWork& work = works[count % 2];
    work.group = &group;
    work.weights = weights;
    work.spread = spread;
    work.co = co;
    work.count = run.p.co - co < kTileRows ? run.p.co - co : kTileRows;
    Sum(run, work, before);
    End();
    before = {&work, 0};
    ++count;
  }
  void End() {
    for (int32_t i = 0; i < kTileGroup; ++i) before.Step(run);
  }
};

void RunStrip(const TilesRun& run, const TileStrip& strip) {
  const int32_t groups = CeilDiv(StripTiles(run, strip), kTileGroup);
  TileGroup places[2];  // one may still have to be finished
  TileLine line(run);
  if (run.plan.weights_in_place || run.plan.spread_all) {
    for (int32_t i = 0; i < groups; ++i) {
      TileGroup& group = places[i % 2];
      PlaceGroup(run, strip, i, groups, group);
      for (int32_t co = 0; co < run.p.co; co += kTileRows) {
        line.Add(group, run.plan.spread_all ? SpreadOf(run, co) : PackedOf(run, co), co);
      }
    }
  } else {
    for (int32_t co = 0; co < run.p.co; co += kTileRows) {
      if (!run.plan.spread_tiles) SpreadWeights(run, PackedOf(run, co), SpreadOf(run, co));
      for (int32_t i = 0; i < groups; ++i) {
        TileGroup& group = places[line.count % 2];
        PlaceGroup(run, strip, i, groups, group);
        line.Add(group, run.plan.spread_tiles ? PackedOf(run, co) : SpreadOf(run, co), co,
                 run.plan.spread_tiles);
      }
    }
  }
  line.End();
}

}  // namespace

void qconv_u8s8_tile16__amx(const QConvParams& params, const QConvArgs& args) {
  TilesRun run;
  run.p = BandParams(params);
  run.args = args;
  run.args.y_channels = PixelOutputs(params, args);
  run.plan = PlanTiles(params);
  const QConvParams& p = run.p;
  const TilesPlan& plan = run.plan;
  PrepareFinish(run);
  run.pixel_stride = int64_t{p.stride_w} * plan.pixel_bytes;
  run.run_stride = int64_t{p.dilation_w} * plan.pixel_bytes;
  run.kernel_row_stride = p.dilation_h * plan.row_bytes;
  run.chunk_stride = plan.planes > 1 ? plan.plane_bytes : kTileBytes;
  run.weights_stride = plan.weights_in_place ? kQConvBlock * 4 : kTileBytes;
  run.map = plan.map_in_place ? args.x : args.scratch;
  for (int32_t co = 0; plan.spread_all && co < p.co; co += kTileRows) {
    SpreadWeights(run, PackedOf(run, co), SpreadOf(run, co));
  }
  Configure(plan.tile_pixels);
  for (int32_t first = 0; first < p.wo; first += plan.strip) {
    // A last strip that is narrower than a tile begins earlier.
    TileStrip strip;
    strip.columns = p.wo - first < plan.strip ? p.wo - first : plan.strip;
    if (strip.columns < plan.tile_pixels && !plan.flat) strip.columns = plan.tile_pixels;
    strip.first = first + strip.columns > p.wo ? p.wo - strip.columns : first;
    run.left = strip.first * p.stride_w - p.pad_left;
    for (strip.begin = 0; strip.begin < p.ho; strip.begin = strip.end) {
      strip.end = strip.begin + plan.strip_rows < p.ho ? strip.begin + plan.strip_rows : p.ho;
      run.top = strip.begin * p.stride_h - p.pad_top;
      if (!plan.map_in_place) {
        const int32_t rows =
            (strip.end - strip.begin - 1) * p.stride_h + (p.kernel_h - 1) * p.dilation_h + 1;
        CopyMap(run, rows, StripColumns(p, strip.columns), args.scratch);
      }
      RunStrip(run, strip);
    }
  }
  _tile_release();
}

}  // namespace bluestem::kernels
#endif
