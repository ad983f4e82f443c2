// The plan of a qconv by matrix tiles (Intel AMX), and what it takes; tiles_amx.cc says how it
// works. Included by ISA files: every function has internal linkage.
//
// Scratch, each part 64-byte aligned:
//   map        [planes][rows][columns][pixel_bytes] u8   codes of a strip with its padding; a plane
//                                                        is of 64 channels, or of all
//   weights    [outputs / 16][kernel_h][runs][chunks][16][16][4] s8   of 16 outputs or of all
//   sums       [2][5][16][16] s32                        of two groups of tiles
//   thresholds as in band.h
#pragma once

#include "bluestem/kernels/qconv/band.h"

namespace bluestem::kernels {

constexpr int32_t kTileRows = 16;   // of each operand
constexpr int32_t kTileBytes = 64;  // of a row: codes of a pixel, or 4 weights of 16 outputs
constexpr int32_t kTileSteps = 16;  // of 4 channels: a chunk
constexpr int32_t kTileGroup = 5;   // tiles of pixels that share tiles of weights
constexpr int32_t kTileSums = kTileRows * kTileRows;
constexpr int32_t kSpreadRing = 4;  // tiles of weights that were spread one by one
constexpr int64_t kMapBytes = 384 * 1024;
constexpr int64_t kSpreadBytes = 640 * 1024;  // of all weights, in a second-level cache

// Where a strip has few groups and 16 outputs' weights would fill a first-level cache, weights are
// spread for each group anew.
constexpr int32_t kFewGroups = 3;
constexpr int64_t kFewWeights = 32 * 1024;

struct TilesPlan {
  int32_t tile_pixels;        // of a tile: neighbours in a row of outputs or, if `flat`, in the map
  bool flat;                  // tiles go on from row to row, over the padding between them
  int32_t strip_rows, strip;  // outputs of a strip
  int32_t columns;            // of its map
  int32_t pixel_bytes;        // codes of a pixel in a plane, padded as the weights are
  int32_t planes;             // of 64 channels each; or one of all
  int32_t runs, run_rows;     // runs of a kernel row; steps of 4 channels in each
  int32_t chunks;             // tiles of a run
  bool map_in_place;          // the input is its own map
  bool weights_in_place;
  bool spread_all;    // all weights are spread at once
  bool spread_tiles;  // weights are spread tile by tile, for the few groups that need them
  int64_t row_bytes, plane_bytes, spread_bytes;  // the last: of 16 outputs
  int64_t weights_at, sums_at, thresholds_at, bytes;
};

// The strip, and the tiles in it.
static inline void PlanTileMap(const QConvParams& p, TilesPlan& plan) {
  const int64_t kernel_rows = int64_t{p.kernel_h - 1} * p.dilation_h + 1;
  const int64_t all_bytes = int64_t{plan.pixel_bytes} * plan.planes;
  plan.tile_pixels = CeilDiv(p.wo, CeilDiv(p.wo, kTileRows));
  plan.strip = p.wo;
  const int64_t fit = kMapBytes / (kernel_rows * p.stride_w * all_bytes);
  if (!plan.map_in_place && p.wo > fit) {
    const auto tiles = static_cast<int32_t>(fit / plan.tile_pixels);
    if (tiles * plan.tile_pixels < p.wo) plan.strip = (tiles < 1 ? 1 : tiles) * plan.tile_pixels;
  }
  plan.columns = StripColumns(p, plan.strip);
  plan.row_bytes = int64_t{plan.columns} * plan.pixel_bytes;
  const int64_t rows = (kMapBytes / (plan.row_bytes * plan.planes) - kernel_rows) / p.stride_h + 1;
  plan.strip_rows = rows < 1 ? 1 : rows < p.ho ? static_cast<int32_t>(rows) : p.ho;
  plan.flat = !plan.map_in_place && p.stride_w == 1 && p.stride_h == 1 && p.ho > 1 &&
              plan.tile_pixels <= kTileRows / 2 && plan.strip == p.wo;
  if (plan.flat) plan.tile_pixels = kTileRows;
  const int64_t map_rows = int64_t{plan.strip_rows - 1} * p.stride_h + kernel_rows;
  // The last tile of a run may read as far as a chunk behind the last pixel, a flat one farther.
  const int64_t behind =
      plan.flat ? int64_t{kTileRows} * plan.pixel_bytes + kTileBytes : kTileBytes;
  plan.plane_bytes = AlignUp(map_rows * plan.row_bytes + behind);
}

// Groups of tiles of the greatest strip.
static inline int32_t TileGroups(const QConvParams& p, const TilesPlan& plan) {
  const int32_t tiles = plan.flat ? CeilDiv((plan.strip_rows - 1) * plan.columns + p.wo, kTileRows)
                                  : plan.strip_rows * CeilDiv(plan.strip, plan.tile_pixels);
  return CeilDiv(tiles, kTileGroup);
}

static inline TilesPlan PlanTiles(const QConvParams& params) {
  const QConvParams p = BandParams(params);
  TilesPlan plan;
  plan.map_in_place = p.ci % kTileBytes == 0 && p.h == 1 && p.ho == 1 && p.w == p.wo &&
                      p.kernel_w == 1 && p.pad_left == 0 && p.pad_top == 0;
  plan.planes = 1;
  plan.pixel_bytes = PacksS1(p) ? CeilDiv(p.ci, 8) * 8 : CeilDiv(p.ci, 4) * 4;
  if (plan.pixel_bytes % kTileBytes == 0 && !plan.map_in_place) {
    plan.planes = plan.pixel_bytes / kTileBytes;
    plan.pixel_bytes = kTileBytes;
  }
  PlanTileMap(p, plan);
  const bool joined = plan.planes == 1 && p.dilation_w == 1;
  plan.runs = joined ? 1 : p.kernel_w;
  plan.run_rows = plan.pixel_bytes / 4 * (joined ? p.kernel_w : plan.planes);
  plan.chunks = CeilDiv(plan.run_rows, kTileSteps);
  plan.weights_in_place = plan.run_rows % kTileSteps == 0 && !PacksS1(p);
  plan.spread_bytes = int64_t{p.kernel_h} * plan.runs * plan.chunks * kTileSteps * kTileBytes;
  const int64_t all_bytes = plan.spread_bytes * CeilDiv(p.co, kTileRows);
  plan.spread_tiles = PacksS1(p) && plan.run_rows % kTileSteps == 0 &&
                      plan.spread_bytes > kFewWeights && TileGroups(p, plan) <= kFewGroups;
  plan.spread_all = !plan.weights_in_place && !plan.spread_tiles && all_bytes <= kSpreadBytes;
  plan.weights_at = plan.map_in_place ? 0 : plan.planes * plan.plane_bytes;
  plan.sums_at = plan.weights_at;
  if (!plan.weights_in_place) {
    plan.sums_at += plan.spread_tiles ? kSpreadRing * kTileSums * 4
                    : plan.spread_all ? all_bytes
                                      : plan.spread_bytes;
  }
  plan.thresholds_at =
      plan.sums_at + int64_t{2} * kTileGroup * kTileSums * static_cast<int64_t>(sizeof(int32_t));
  plan.bytes = plan.thresholds_at;
  if (p.epilogue == QConvEpilogue::kThreshold) {
    const int64_t lane_bytes = SearchLanes(p) * static_cast<int64_t>(sizeof(int32_t));
    plan.bytes += Rearranges(p) ? p.levels * lane_bytes : SearchBytes(p);
  }
  return plan;
}

// A map that is one group of tiles: part of its rows would take as many tiles of weights as all.
static inline bool TilesCutOutputs(const QConvParams& p, int32_t parts) {
  if (int64_t{p.ho} * p.wo > kTileGroup * kTileRows || GroupBlocks(p) < parts) return false;
  const TilesPlan plan = PlanTiles(p);
  return !plan.weights_in_place && TileGroups(p, plan) == 1;
}

static inline const char* TilesRefuse(const QConvParams& p) {
  if (p.groups != 1) return "it has groups";
  if (Gathers(p)) return "so few channels are gathered under the kernel";
  return nullptr;
}

}  // namespace bluestem::kernels
