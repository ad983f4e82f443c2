// The plan of plut's scratch, and what it takes (plut_inl.h says how it works). Included by ISA
// files: every function has internal linkage.
//
// Scratch, each part 64-byte aligned:
//   tables     [chunk][256][pixels] u8             sums of 8 channels for each byte of weights
//   sums       [co + 1][window_rows][stride] u16   sums of entries; the last lane is plut_inl.h's E
//   thresholds [co][levels + 1] s16                flip, base, then the thresholds (PlutEmit)
//   rows       [co rounded up to 8][row] u8        the codes of one output row
//   stage      [pixels][chunk * 8] u8              codes of a tile that is not whole
#pragma once

#include "bluestem/kernels/qconv/band.h"

namespace bluestem::kernels {

constexpr int32_t kPlutVector = 32;  // pixels of a vector; a tile is one or two
constexpr int32_t kPlutEntries = 256;
constexpr int32_t kPlutGroup = 8;  // channels of a table

// The tables that are there at once, `chunk` of 256 * 32 * vectors bytes; and for how many outputs
// (a multiple of 32) all taps are added before the next outputs.
struct PlutSize {
  int32_t vectors, chunk, lanes;
};
constexpr int32_t kPlutMaxChunk = 8;
// 24 KB, beside the weights and sums of 32 outputs in a first-level cache of 32 KB (Cortex-A9, A53,
// A72).
constexpr PlutSize kPlutSmall = {.vectors = 1, .chunk = 3, .lanes = 32};
// 128 KB, in the second-level cache of cores that have dot products: fewer instructions, of which
// few wait, as look-ups do not depend on each other (docs/arm.md).
constexpr PlutSize kPlutLarge = {.vectors = 2, .chunk = kPlutMaxChunk, .lanes = 4096};

struct PlutPlan {
  int32_t pixels;         // of a tile
  int32_t columns, rows;  // of a tile: columns * rows == pixels
  int32_t column_bits;    // columns == 1 << column_bits: not every Arm divides
  int32_t strips;         // tiles across the map
  int32_t groups;         // of channels
  int32_t chunk;          // groups whose tables are there at once
  int32_t window_rows, stride;
  int64_t lane_sums;  // u16 of one output
  int32_t row;
  int64_t sums_at, thresholds_at, rows_at, stage_at, bytes;
};

static constexpr int32_t PlutReachH(const QConvParams& p) {
  return (p.kernel_h - 1) * p.dilation_h;
}
static constexpr int32_t PlutReachW(const QConvParams& p) {
  return (p.kernel_w - 1) * p.dilation_w;
}

// Requires: PlutRefuses(p) is null.
static inline PlutPlan PlanPlut(const QConvParams& p, const PlutSize& size) {
  PlutPlan plan;
  plan.column_bits = p.w > 16 ? 5 : p.w > 8 ? 4 : 3;
  plan.columns = 1 << plan.column_bits;
  plan.pixels = kPlutVector * size.vectors;
  plan.rows = plan.pixels / plan.columns;
  plan.strips = CeilDiv(p.w, plan.columns);
  plan.groups = CeilDiv(p.ci, kPlutGroup);
  // Sums of a chunk stay in bytes.
  const int32_t bytes_hold = 255 / (kPlutGroup * ((1 << p.x_bits) - 1));
  const int32_t limit = bytes_hold < size.chunk ? bytes_hold : size.chunk;
  plan.chunk = CeilDiv(plan.groups, CeilDiv(plan.groups, limit));
  plan.window_rows = PlutReachH(p) + plan.rows;
  const int32_t written = plan.strips * plan.columns + PlutReachW(p);
  plan.row = CeilDiv(p.wo, 16) * 16;
  const int32_t read = plan.row + PlutReachW(p) - p.pad_left;
  plan.stride = CeilDiv(written > read ? written : read, 16) * 16;
  plan.lane_sums = int64_t{plan.window_rows} * plan.stride;
  plan.sums_at = int64_t{plan.chunk} * kPlutEntries * plan.pixels;
  plan.thresholds_at = plan.sums_at + AlignUp((p.co + 1) * plan.lane_sums * 2);
  plan.rows_at = plan.thresholds_at + AlignUp(int64_t{p.co} * (p.levels + 1) * 2);
  plan.stage_at = plan.rows_at + AlignUp(int64_t{CeilDiv(p.co, 8)} * 8 * plan.row);
  plan.bytes = plan.stage_at + AlignUp(int64_t{plan.pixels} * plan.chunk * kPlutGroup);
  return plan;
}

// A table of 256 entries must be looked up this often to be worth its making (bench/arm_insns.sh).
constexpr int32_t kPlutLeastLookups = 64;

static inline const char* PlutRefuses(const QConvParams& p) {
  if (!PacksS1(p)) return "weights are not packed as one bit each";
  if (p.stride_h != 1 || p.stride_w != 1) return "the stride is not 1";
  if (p.pad_value != 0) return "padding is not code 0";
  if (p.pad_top > PlutReachH(p) || p.pad_left > PlutReachW(p)) return "padding exceeds the kernel";
  if (p.co * Taps(p) < kPlutLeastLookups) return "outputs times taps are too few for tables";
  if (p.w < 5 || p.h * p.w < 16) return "the map is too small for vectors of pixels";
  if (p.epilogue != QConvEpilogue::kThreshold || p.levels > kMaxRearrangedLevels) {
    return "the epilogue is not thresholds of few levels";
  }
  if (p.residual_bits != 0) return "a residual is added";
  if (int64_t{Taps(p)} * p.ci * ((1 << p.x_bits) - 1) > 32766) return "sums exceed 16 bits";
  return nullptr;
}

}  // namespace bluestem::kernels
