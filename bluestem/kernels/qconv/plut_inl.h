// plut: qconv with 1-bit weights by tables whose entries are vectors of pixels.
//
// For 8 channels of a tile of 32 or 64 pixels, table T has 256 entries: T[n] is the vector of the
// sums, in each pixel, of the codes whose bit of n is set. A byte of packed weights is an index, so
// a load and an addition of a vector do 8 channels of 32 pixels for one output and one tap: 256
// multiply-adds by 4 instructions of aarch64 (load the byte, form the address, load a pair, half of
// two additions). lut_inl.h shuffles instead, needs no memory beyond its registers and takes any
// shape; this needs enough outputs and taps to pay for tables (plut.h).
//
// Tiles are of input pixels: rows of 32, 16 or 8 of the map. One tile's table serves all
// outputs and all taps; what tap (kh, kw) gives belongs to the outputs kh rows above and kw columns
// to the left, so it is added to sums in memory at that distance. Sums of a window of output rows
// are kept, a ring; rows are finished when the last input row that they see is done.
//
// Entries are distances: T'[n] = c - T[n], c the most that T has. Where tables come in pairs, one
// of a pair is stored as T and one as 2c - T, so that one instruction, the absolute difference and
// its addition, adds two of them: |T1 - (2c - T2)| = T'1 + T'2. An output's sum of entries is then
// c * N - S', N the number of entries added, which depends on how much of the kernel lies in the
// map (what lies outside has code 0 and is not added). An output with no weight set has c * N, and
// one with all weights set the sum of the codes under the kernel, A = c * N - A'. So
//   acc = 2 * S - A = 2 * (c * N - S') - (c * N - A') = E - 2 * S',  E = c * N + A'  (lut_inl.h)
// modulo 2^16, where acc fits (PlutRefuses). E is one more lane, to which both are added.
//
// Template over V: kSize (plut.h); what an ISA does for a Tile of u8: Load, Distance and
// AddDistance (of two entries), Accumulate and AccumulateQuarters (widen, add to u16 sums in
// memory), MakeTable; and what pixels_inl.h wants. Included by ISA files; every function has
// internal linkage.
#pragma once

#include "bluestem/kernels/qconv/pixels_inl.h"
#include "bluestem/kernels/qconv/plut_lanes_inl.h"

namespace bluestem::kernels {

// A call in progress.
struct PlutRun {
  QConvParams p;
  QConvArgs args;
  PlutPlan plan;
  uint16_t* sums;
  int16_t* thresholds;
  uint8_t ends[kPlutMaxChunk * kQConvBlock];  // weights of E: none set, then all set
};

// Makes the tables of groups [first, first + count) for the vector at row iy, column ix.
template <class V>
static void PlutTables(const PlutRun& run, int32_t iy, int32_t ix, int32_t first, int32_t count) {
  const QConvParams& p = run.p;
  const PlutPlan& plan = run.plan;
  const uint8_t* x = run.args.x + (int64_t{iy} * p.w + ix) * p.ci + int64_t{first} * kPlutGroup;
  int64_t column_step = p.ci;
  int64_t row_step = int64_t{p.w} * p.ci;
  const int32_t channels = count * kPlutGroup;
  const int32_t in_map = p.ci - first * kPlutGroup;
  const int32_t rows = p.h - iy < plan.rows ? p.h - iy : plan.rows;
  const int32_t columns = p.w - ix < plan.columns ? p.w - ix : plan.columns;
  if (rows < plan.rows || columns < plan.columns || in_map < channels) {
    uint8_t* stage = run.args.scratch + plan.stage_at;
    const size_t present = static_cast<size_t>(in_map < channels ? in_map : channels);
    std::memset(stage, 0, static_cast<size_t>(plan.pixels * channels));
    for (int32_t row = 0; row < rows; ++row) {
      for (int32_t column = 0; column < columns; ++column) {
        std::memcpy(stage + int64_t{row * plan.columns + column} * channels,
                    x + row * row_step + column * column_step, present);
      }
    }
    x = stage;
    column_step = channels;
    row_step = int64_t{plan.columns} * channels;
  }
  for (int32_t g = 0; g < count; ++g) {
    // The first of a pair as it is, the second twice as far, a single one once.
    const int32_t most = kPlutGroup * ((1 << p.x_bits) - 1);
    const int32_t from = g % 2 == 1 ? 2 * most : g + 1 == count ? most : 0;
    const uint8_t* pixels[V::kSize.vectors * kPlutVector / 8];  // of each 8 neighbours, the first
    for (int32_t i = 0; i < plan.pixels / 8; ++i) {
      pixels[i] = x + g * kPlutGroup + (i * 8 >> plan.column_bits) * row_step +
                  (i * 8 & (plan.columns - 1)) * column_step;
    }
    V::MakeTable(pixels, column_step, from,
                 run.args.scratch + int64_t{g} * kPlutEntries * plan.pixels);
  }
}

// Row `oy` of the outputs, of the first lane. The ring begins above the map.
static inline uint16_t* PlutRow(const PlutRun& run, int32_t oy) {
  return run.sums + int64_t{(oy + PlutReachH(run.p)) % run.plan.window_rows} * run.plan.stride;
}

// The tile of input at row iy, column ix, and which groups' tables are at hand.
struct PlutTile {
  int32_t iy, ix, first, count;
};

// Adds what the tables give to every tap of some outputs, whose sums are `lanes_at` u16 from the
// first's; weights of a tap and the next are `tap_bytes` apart.
template <class V>
static void PlutAddTaps(const PlutRun& run, const PlutTile& tile, PlutWeights weights,
                        int64_t tap_bytes, int64_t lanes_at, int64_t lane_sums) {
  const QConvParams& p = run.p;
  const PlutPlan& plan = run.plan;
  const PlutLanesFn lanes = PlutLanesOf<V, V::kSize.chunk>(tile.count, plan.columns == 8);
  const int32_t part = plan.columns == 8 ? 8 : 16;
  PlutPlace place;
  place.lane_sums = lane_sums;
  for (int32_t kh = 0; kh < p.kernel_h; ++kh) {
    const int32_t oy = tile.iy + p.pad_top - kh * p.dilation_h;
    if (oy >= p.ho || oy + plan.rows <= 0) {
      weights.block += p.kernel_w * tap_bytes;
      continue;
    }
    uint16_t* row = PlutRow(run, oy);
    for (int32_t i = 0, column = 0; i < V::kSize.vectors * kPlutVector / part; ++i) {
      place.rows[i] = row + lanes_at + tile.ix + PlutReachW(p) + column;
      column = (column + part) & (plan.columns - 1);
      if (column != 0) continue;
      row += plan.stride;
      if (row == run.sums + plan.lane_sums) row = run.sums;
    }
    for (int32_t kw = 0; kw < p.kernel_w; ++kw) {
      lanes(run.args.scratch, weights, place);
      for (uint16_t*& row_at : place.rows) row_at -= p.dilation_w;
      weights.block += tap_bytes;
    }
  }
}

// Adds what the tables at hand give to every output and tap.
template <class V>
static void PlutAdd(const PlutRun& run, const PlutTile& tile) {
  const QConvParams& p = run.p;
  const int64_t lane_sums = run.plan.lane_sums;
  for (int32_t lane = 0; lane < p.co; lane += V::kSize.lanes) {
    const int32_t left = p.co - lane;
    const PlutWeights weights = {
        .block = run.args.weights + lane / kQConvBlock * BlockBytes(p) + tile.first * kQConvBlock,
        .block_bytes = BlockBytes(p),
        .lanes = left < V::kSize.lanes ? left : V::kSize.lanes};
    PlutAddTaps<V>(run, tile, weights, int64_t{run.plan.groups} * kQConvBlock, lane * lane_sums,
                   lane_sums);
  }
  PlutAddTaps<V>(run, tile, {.block = run.ends, .block_bytes = 0, .lanes = 2}, 0, p.co * lane_sums,
                 0);
}

// Finishes output row `oy` and clears what will be read of the row that takes its place.
template <class V>
static void PlutEmit(const PlutRun& run, int32_t oy) {
  const QConvParams& p = run.p;
  const PlutPlan& plan = run.plan;
  uint8_t* codes = run.args.scratch + plan.rows_at;
  uint16_t* sums = PlutRow(run, oy) + PlutReachW(p) - p.pad_left;
  V::EmitCodes({.sums = sums,
                .lane_sums = plan.lane_sums,
                .ends = sums + p.co * plan.lane_sums,
                .thresholds = run.thresholds,
                .levels = p.levels,
                .outputs = p.co,
                .pixels = plan.row,
                .codes = codes});
  PixelRow<V>(p, codes, plan.row, static_cast<uint8_t*>(run.args.y) + int64_t{oy} * p.wo * p.co);
}

// Clears `lanes` lanes from the first of `row` on.
static inline void PlutClear(const PlutRun& run, uint16_t* row, int32_t lanes) {
  for (int32_t lane = 0; lane < lanes; ++lane, row += run.plan.lane_sums) {
    std::memset(row, 0, static_cast<size_t>(run.plan.stride) * sizeof(uint16_t));
  }
}

template <class V>
static void RunPlut(const QConvParams& params, const QConvArgs& args) {
  PlutRun run = {};
  run.p = params;
  run.args = args;
  if (params.pad_top < 0) {  // a part that begins inside the map: without the rows above
    run.args.x -= int64_t{params.pad_top} * params.w * params.ci;
    run.p.h += params.pad_top;
    run.p.pad_top = 0;
  }
  const QConvParams& p = run.p;
  run.plan = PlanPlut(p, V::kSize);
  const PlutPlan& plan = run.plan;
  run.sums = reinterpret_cast<uint16_t*>(args.scratch + plan.sums_at);
  run.thresholds = reinterpret_cast<int16_t*>(args.scratch + plan.thresholds_at);
  PixelThresholds(p, args, run.thresholds);
  for (int32_t g = 0; g < kPlutMaxChunk; ++g) {
    run.ends[g * kQConvBlock] = 0;
    run.ends[g * kQConvBlock + 1] = 255;
  }
  std::memset(run.sums, 0, static_cast<size_t>(plan.thresholds_at - plan.sums_at));
  std::memset(args.scratch + plan.rows_at, 0, static_cast<size_t>(plan.stage_at - plan.rows_at));
  // The first row of the window while input rows from iy on are added.
  int32_t oy = p.pad_top - PlutReachH(p);
  for (int32_t iy = 0; oy < p.ho; iy += plan.rows, oy += plan.rows) {
    for (int32_t strip = 0; iy < p.h && strip < plan.strips; ++strip) {
      const int32_t ix = strip * plan.columns;
      for (int32_t first = 0; first < plan.groups; first += plan.chunk) {
        const int32_t left = plan.groups - first;
        const int32_t count = left < plan.chunk ? left : plan.chunk;
        PlutTables<V>(run, iy, ix, first, count);
        PlutAdd<V>(run, {iy, ix, first, count});
      }
    }
    for (int32_t row = 0; row < plan.rows; ++row) {
      const bool in_map = oy + row >= 0 && oy + row < p.ho;
      if (in_map) PlutEmit<V>(run, oy + row);
      uint16_t* sums = PlutRow(run, oy + row);
      const int32_t first = in_map ? p.co : 0;
      PlutClear(run, sums + first * plan.lane_sums, p.co + 1 - first);
    }
  }
}

}  // namespace bluestem::kernels
