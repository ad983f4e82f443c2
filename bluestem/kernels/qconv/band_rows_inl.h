// A banded qconv (band.h) in progress, and the input rows that it prepares: what the ring holds,
// and the sums of codes beside it. Template over V, see tile_inl.h.
#pragma once

#include "bluestem/kernels/qconv/gather_inl.h"
#include "bluestem/kernels/qconv/tile_inl.h"

namespace bluestem::kernels {

// A call in progress.
struct BandRun {
  QConvParams whole;
  QConvParams p;  // BandParams of it
  QConvArgs args;
  BandPlan plan;
  TileJob job;
  ThresholdForm form;
  const int16_t* narrow_thresholds;  // instead, for tiles that finish in 16 bits, or null
  int32_t* sums;
  int32_t* row_sums;
  int32_t* windows;
  int32_t* offsets;  // if V has Offsets
  int32_t group_inputs;
  int32_t first_output;  // of the strip
  int32_t outputs;       // columns of the strip
};

// Prepares the pixel of codes `x` [ci] at `to`, and the sums of its codes [groups].
template <class V>
static void PreparePixel(const BandRun& run, const uint8_t* x, uint8_t* to, int32_t* sums) {
  const int32_t cig = run.group_inputs;
  if constexpr (requires { V::PreparePixels; }) return V::PreparePixels(x, cig, 1, to, sums);
  const bool whole = cig % V::kStepChannels == 0;
  for (int32_t g = 0; g < run.p.groups; ++g) {
    const uint8_t* codes = x + int64_t{g} * cig;
    if (!whole) {
      uint8_t* padded = run.args.scratch + run.plan.codes_at;
      if (cig < 8) {
        uint64_t word = 0;
        for (int32_t i = 0; i < cig; ++i) word |= uint64_t{codes[i]} << (8 * i);
        std::memcpy(padded, &word, sizeof(word));
      } else {
        std::memcpy(padded, codes, static_cast<size_t>(cig));
      }
      codes = padded;
    }
    V::Prepare(codes, run.plan.steps, to + g * run.plan.group_bytes);
    if constexpr (V::kSumOffset != 0) {
      sums[g] = V::SumCodes(codes, cig);
    }
  }
}

// Prepares the padding pixel. The ring is not in use yet and holds its codes.
template <class V>
static void PreparePad(const BandRun& run) {
  uint8_t* codes = run.args.scratch;
  std::memset(codes, run.p.pad_value, static_cast<size_t>(run.p.ci));
  PreparePixel<V>(run, codes, run.args.scratch + run.plan.pad_at, run.sums);
}

// Sums the codes under each row of the kernel, for each output of the strip, from the sums of the
// pixels of the input row in `slot`.
static inline void SumRow(const BandRun& run, int32_t slot) {
  const QConvParams& p = run.p;
  const int64_t count = int64_t{run.outputs} * p.groups;
  int32_t* to = run.row_sums + int64_t{slot} * run.plan.strip * p.groups;
  const int64_t tap = int64_t{p.dilation_w} * p.groups;
  if (p.stride_w == 1) {
    std::memcpy(to, run.sums, static_cast<size_t>(count) * sizeof(int32_t));
    for (int32_t kw = 1; kw < p.kernel_w; ++kw) {
      const int32_t* from = run.sums + kw * tap;
      for (int64_t i = 0; i < count; ++i) to[i] += from[i];
    }
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    const int32_t* from = run.sums + i + i / p.groups * (p.stride_w - 1) * p.groups;
    int32_t sum = 0;
    for (int32_t kw = 0; kw < p.kernel_w; ++kw) sum += from[kw * tap];
    to[i] = sum;
  }
}

// Prepares the codes under the kernel for each output of row `oy` of the strip.
template <class V>
static void PrepareGathered(const BandRun& run, int32_t oy) {
  const int32_t codes_bytes = run.plan.steps * V::kStepChannels;
  uint8_t* codes = run.args.scratch + run.plan.codes_at;
  GatherRow(run.whole, run.args.x, {oy, run.first_output, run.outputs}, codes_bytes, codes);
  V::Prepare(codes, run.plan.steps * run.outputs, run.args.scratch);
  if constexpr (V::kSumOffset != 0) {
    for (int32_t i = 0; i < run.outputs; ++i) {
      run.sums[i] = V::SumCodes(codes + int64_t{i} * codes_bytes, codes_bytes);
    }
    SumRow(run, 0);
  }
}

// Prepares input row `iy` (perhaps outside) of the strip into its slot of the ring.
template <class V>
static void PrepareRow(const BandRun& run, int32_t iy) {
  const QConvParams& p = run.p;
  if (Gathers(run.whole)) return PrepareGathered<V>(run, iy);
  const int32_t slot = (iy + p.pad_top) % run.plan.rows;
  // A column further than this from a window's first is under no kernel.
  const int32_t reach = (p.kernel_w - 1) * p.dilation_w;
  const int32_t columns = StripColumns(p, run.outputs);
  uint8_t* ring = run.args.scratch + slot * run.plan.row_bytes;
  for (int32_t column = 0; column < columns; ++column) {
    if constexpr (requires { V::PreparePixels; }) {
      const int32_t begin = run.first_output * p.stride_w - p.pad_left + column;
      const int32_t inside = p.w - begin;
      const int32_t pixels = inside < columns - column ? inside : columns - column;
      if (p.stride_w <= reach + 1 && iy >= 0 && iy < p.h && begin >= 0 && pixels > 0) {
        V::PreparePixels(run.args.x + (int64_t{iy} * p.w + begin) * p.ci, p.ci, pixels,
                         ring + column * run.plan.pixel_bytes, run.sums + column);
        column += pixels - 1;
        continue;
      }
    }
    if (p.stride_w > reach + 1 && column % p.stride_w > reach) continue;
    const int32_t ix = run.first_output * p.stride_w - p.pad_left + column;
    uint8_t* to = ring + column * run.plan.pixel_bytes;
    int32_t* sums = run.sums + int64_t{column} * p.groups;
    if (iy >= 0 && iy < p.h && ix >= 0 && ix < p.w) {
      PreparePixel<V>(run, run.args.x + (int64_t{iy} * p.w + ix) * p.ci, to, sums);
      continue;
    }
    std::memcpy(to, run.args.scratch + run.plan.pad_at, static_cast<size_t>(run.plan.pixel_bytes));
    for (int32_t g = 0; g < p.groups; ++g) sums[g] = p.pad_value * GroupInputs(p);
  }
  if (V::kSumOffset != 0) SumRow(run, slot);
}

// The sums of the codes under the kernel, for each output of the row.
static inline void SumWindows(const BandRun& run) {
  const QConvParams& p = run.p;
  const int64_t count = int64_t{run.outputs} * p.groups;
  int32_t slot = run.job.first_slot;
  for (int32_t kh = 0; kh < p.kernel_h; ++kh) {
    const int32_t* row = run.row_sums + int64_t{slot} * run.plan.strip * p.groups;
    for (int64_t i = 0; i < count; ++i) run.windows[i] = (kh == 0 ? 0 : run.windows[i]) + row[i];
    slot += p.dilation_h;
    if (slot >= run.plan.rows) slot -= run.plan.rows;
  }
}

}  // namespace bluestem::kernels
