// Drives a banded qconv (band.h) over the output: prepares rows, computes tiles (tile_inl.h),
// finishes them (epilogue_inl.h). Template over V, see tile_inl.h.
#pragma once

#include "bluestem/kernels/qconv/tile_inl.h"

namespace bluestem::kernels {

// A call in progress.
struct BandRun {
  QConvParams p;  // flattened
  QConvArgs args;
  BandPlan plan;
  TileJob job;
  const int32_t* thresholds;         // rearranged, or null
  const int16_t* narrow_thresholds;  // the same for tiles that finish in 16 bits, or null
  int32_t* sums;
  int32_t* row_sums;
  int32_t* windows;
  int32_t group_inputs;
  int32_t first_output;  // of the strip
  int32_t outputs;       // columns of the strip
};

// Prepares the pixel of codes `x` [ci] at each plane of `to`, and the sums of its codes [groups].
template <class V>
static void PreparePixel(const BandRun& run, const uint8_t* x, uint8_t* to, int64_t plane_bytes,
                         int32_t* sums) {
  const int32_t cig = run.group_inputs;
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
    for (int32_t plane = 0; plane < run.plan.planes; ++plane) {
      V::Prepare(codes, run.plan.steps, plane * V::kPlaneBits,
                 to + plane * plane_bytes + g * run.plan.group_bytes);
    }
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
  PreparePixel<V>(run, codes, run.args.scratch + run.plan.pad_at, run.plan.pixel_bytes, run.sums);
}

// Sums the codes under each row of the kernel, for each output of the strip, from the sums of the
// pixels of the input row in `slot`.
static inline void SumRow(const BandRun& run, int32_t slot) {
  const QConvParams& p = run.p;
  const int64_t count = int64_t{run.outputs} * p.groups;
  int32_t* to = run.row_sums + int64_t{slot} * run.plan.strip * p.groups;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t* from = run.sums + i;
    if (p.stride_w != 1) from += i / p.groups * (p.stride_w - 1) * p.groups;
    int32_t sum = 0;
    for (int32_t kw = 0; kw < p.kernel_w; ++kw) sum += from[int64_t{kw} * p.dilation_w * p.groups];
    to[i] = sum;
  }
}

// Prepares input row `iy` (perhaps outside) of the strip into its slot of the ring.
template <class V>
static void PrepareRow(const BandRun& run, int32_t iy) {
  const QConvParams& p = run.p;
  const int32_t slot = (iy + p.pad_top) % run.plan.rows;
  // A column further than this from a window's first is under no kernel.
  const int32_t reach = (p.kernel_w - 1) * p.dilation_w;
  const int32_t columns = StripColumns(p, run.outputs);
  uint8_t* ring = run.args.scratch + slot * run.plan.row_bytes;
  for (int32_t column = 0; column < columns; ++column) {
    if (p.stride_w > reach + 1 && column % p.stride_w > reach) continue;
    const int32_t ix = run.first_output * p.stride_w - p.pad_left + column;
    uint8_t* to = ring + column * run.plan.pixel_bytes;
    int32_t* sums = run.sums + int64_t{column} * p.groups;
    if (iy >= 0 && iy < p.h && ix >= 0 && ix < p.w) {
      PreparePixel<V>(run, run.args.x + (int64_t{iy} * p.w + ix) * p.ci, to, run.plan.plane_bytes,
                      sums);
      continue;
    }
    for (int32_t plane = 0; plane < run.plan.planes; ++plane) {
      std::memcpy(to + plane * run.plan.plane_bytes,
                  run.args.scratch + run.plan.pad_at + plane * run.plan.pixel_bytes,
                  static_cast<size_t>(run.plan.pixel_bytes));
    }
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

// Where a tile lies.
struct TilePlace {
  int32_t group;
  int32_t lane;  // the tile's first output in its group
  int32_t oy;
  int32_t ox;  // in the strip
};

// Computes and finishes one tile of P pixels.
template <class V, int P>
static void ComputeTile(const BandRun& run, const TilePlace& place) {
  const QConvParams& p = run.p;
  const int32_t blocks = GroupBlocks(p);
  const int64_t block = int64_t{place.group} * blocks + place.lane / kQConvBlock;
  const int32_t lane = place.lane % kQConvBlock;
  const uint8_t* weights =
      run.args.weights + block * run.job.block_bytes + lane * (V::kStepWeights / kQConvBlock);
  const int64_t first_pixel =
      int64_t{place.ox} * run.job.pixel_stride + place.group * run.plan.group_bytes;
  if constexpr (V::kFinishes) {
    if (run.narrow_thresholds != nullptr) {
      const int32_t left = GroupOutputs(p) - place.lane;
      const int64_t pixel = int64_t{place.oy} * p.wo + run.first_output + place.ox;
      const NarrowFinish finish = {.windows = run.windows + place.ox,  // read where groups == 1
                                   .thresholds = run.narrow_thresholds + block * kQConvBlock + lane,
                                   .row_length = int64_t{p.groups} * blocks * kQConvBlock,
                                   .levels = p.levels,
                                   .y = static_cast<uint8_t*>(run.args.y) + pixel * p.co +
                                        place.group * GroupOutputs(p) + place.lane,
                                   .y_stride = p.co,
                                   .count = left < V::kLanes ? left : V::kLanes};
      return SumTile<V, P, true>(run.job, weights, first_pixel, nullptr, &finish);
    }
  }
  alignas(64) int32_t acc[P * V::kLanes];
  SumTile<V, P, false>(run.job, weights, first_pixel, acc, nullptr);
  for (int32_t i = 0; i < P; ++i) {
    int32_t* sums = acc + i * V::kLanes;
    // Modulo 2^32, where only the result need fit.
    const uint32_t window =
        V::kSumOffset == 0 ? 0u : run.windows[int64_t{place.ox + i} * p.groups + place.group];
    const uint32_t correction = V::kSumOffset * window;
    if constexpr (V::kSumOffset != 0) {
      for (int32_t k = 0; k < V::kLanes; ++k) {
        const uint32_t sum = static_cast<uint32_t>(sums[k]);
        sums[k] = static_cast<int32_t>(V::kSumScale * sum - correction);
      }
    }
    const int64_t pixel = int64_t{place.oy} * p.wo + run.first_output + place.ox + i;
    constexpr int32_t kPart = V::kLanes < kQConvBlock ? V::kLanes : kQConvBlock;
    for (int32_t part = 0; part < V::kLanes && place.lane + part < GroupOutputs(p); part += kPart) {
      const int32_t left = GroupOutputs(p) - place.lane - part;
      EpilogueBlock to;
      to.row_length = int64_t{p.groups} * blocks * kQConvBlock;
      to.thresholds =
          run.thresholds == nullptr ? nullptr : run.thresholds + block * kQConvBlock + lane + part;
      to.co = place.group * GroupOutputs(p) + place.lane + part;
      to.count = left < kPart ? left : kPart;
      FinishBlock<kPart>(p, run.args, to, sums + part, pixel);
    }
  }
}

template <class V>
static void ComputeTileOf(int32_t pixels, const BandRun& run, const TilePlace& place) {
  if constexpr (V::kMaxPixels >= 8) {
    if (pixels == 8) return ComputeTile<V, 8>(run, place);
  }
  if (pixels == 4) return ComputeTile<V, 4>(run, place);
  if (pixels == 2) return ComputeTile<V, 2>(run, place);
  ComputeTile<V, 1>(run, place);
}

// Computes one row of the strip for one column of lanes. The rest of a row that is no whole tile is
// the least power of two that holds it, moved left over pixels that are done where there are any.
template <class V>
static void ComputeRow(const BandRun& run, TilePlace place) {
  int32_t left = run.outputs;
  int32_t pixels = V::kMaxPixels;
  while (left > 0) {
    while (pixels > 1 && (pixels > run.outputs || pixels / 2 >= left)) pixels /= 2;
    const int32_t begin = run.outputs - left;
    place.ox = begin + pixels > run.outputs ? run.outputs - pixels : begin;
    ComputeTileOf<V>(pixels, run, place);
    left = run.outputs - place.ox - pixels;
  }
}

template <class V>
static void ComputeStrip(BandRun& run) {
  const QConvParams& p = run.p;
  int32_t next = -p.pad_top;  // the first row that is not in the ring
  for (int32_t oy = 0; oy < p.ho; ++oy) {
    const int32_t top = oy * p.stride_h - p.pad_top;
    if (next < top) next = top;
    for (; next < top + run.plan.rows; ++next) PrepareRow<V>(run, next);
    run.job.first_slot = (top + p.pad_top) % run.plan.rows;
    if (V::kSumOffset != 0) SumWindows(run);
    for (int32_t group = 0; group < p.groups; ++group) {
      int32_t lane = 0;
      // A tile of two blocks needs both; the odd last block is done by the narrow form.
      for (; lane < GroupOutputs(p); lane += V::kLanes) {
        if constexpr (V::kLanes > kQConvBlock) {
          if (lane + kQConvBlock >= GroupOutputs(p)) {
            ComputeRow<typename V::Narrow>(run, {group, lane, oy, 0});
            continue;
          }
        }
        ComputeRow<V>(run, {group, lane, oy, 0});
      }
    }
  }
}

template <class V>
static void RunBanded(const QConvParams& params, const QConvArgs& args) {
  BandRun run;
  run.p = Flatten(params);
  run.args = args;
  const QConvParams& p = run.p;
  run.group_inputs = GroupInputs(p);
  run.plan = PlanBand(p, V::kBandStep);
  run.sums = reinterpret_cast<int32_t*>(args.scratch + run.plan.sums_at);
  run.row_sums = reinterpret_cast<int32_t*>(args.scratch + run.plan.row_sums_at);
  run.windows = reinterpret_cast<int32_t*>(args.scratch + run.plan.windows_at);
  run.thresholds = nullptr;
  run.narrow_thresholds = nullptr;
  if (p.epilogue == QConvEpilogue::kThreshold && p.levels <= kMaxRearrangedLevels) {
    run.narrow_thresholds = NarrowThresholds<V>(p, args, run.plan);
    if (run.narrow_thresholds == nullptr) {
      int32_t* rows = reinterpret_cast<int32_t*>(args.scratch + run.plan.thresholds_at);
      RearrangeThresholds(p, args, rows);
      run.thresholds = rows;
    }
  }
  const bool joined = p.dilation_w == 1 && p.groups == 1;
  run.job.ring = args.scratch;
  run.job.plane_bytes = run.plan.plane_bytes;
  run.job.row_bytes = run.plan.row_bytes;
  run.job.planes = run.plan.planes;
  run.job.plane_bits = V::kPlaneBits;
  run.job.rows = run.plan.rows;
  run.job.kernel_h = p.kernel_h;
  run.job.dilation_h = p.dilation_h;
  run.job.runs_w = joined ? 1 : p.kernel_w;
  run.job.run_steps = joined ? run.plan.steps * p.kernel_w : run.plan.steps;
  run.job.run_stride = p.dilation_w * run.plan.pixel_bytes;
  run.job.pixel_stride = p.stride_w * run.plan.pixel_bytes;
  run.job.chunk_steps = EvenChunk(run.job.run_steps, V::ChunkSteps(p));
  run.job.segment_chunks = V::SegmentChunks(p, run.job.chunk_steps);
  run.job.block_bytes = BlockBytes(p);
  std::memset(args.scratch + run.plan.codes_at, 0,
              static_cast<size_t>(run.plan.sums_at - run.plan.codes_at));
  PreparePad<V>(run);
  for (run.first_output = 0; run.first_output < p.wo; run.first_output += run.plan.strip) {
    const int32_t left = p.wo - run.first_output;
    run.outputs = left < run.plan.strip ? left : run.plan.strip;
    ComputeStrip<V>(run);
  }
}

}  // namespace bluestem::kernels
