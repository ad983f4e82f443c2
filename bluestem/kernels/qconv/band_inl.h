// Drives a banded qconv (band.h) over the output: prepares rows, computes tiles (tile_inl.h),
// finishes them (epilogue_inl.h). Template over V, see tile_inl.h.
#pragma once

#include "bluestem/kernels/qconv/band_rows_inl.h"

namespace bluestem::kernels {

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
      const int64_t at = pixel * p.co + place.group * GroupOutputs(p) + place.lane;
      const NarrowFinish finish = {
          .windows = run.windows + place.ox,  // read where groups == 1
          .thresholds = run.narrow_thresholds + block * kQConvBlock + lane,
          .residual = p.residual_bits == 0 ? nullptr : run.args.residual + at,
          .row_length = int64_t{p.groups} * blocks * kQConvBlock,
          .levels = p.levels,
          .y = static_cast<uint8_t*>(run.args.y) + at,
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
    if constexpr (requires { V::Offsets; }) {
      int32_t offsets[V::kLanes];  // a copy, which nothing else points at: vectors
      std::memcpy(offsets, run.offsets + block * kQConvBlock + lane, sizeof(offsets));
      for (int32_t k = 0; k < V::kLanes; ++k) sums[k] += offsets[k];
    }
    const int64_t pixel = int64_t{place.oy} * p.wo + run.first_output + place.ox + i;
    constexpr int32_t kPart = V::kLanes < kQConvBlock ? V::kLanes : kQConvBlock;
    for (int32_t part = 0; part < V::kLanes && place.lane + part < GroupOutputs(p); part += kPart) {
      const int32_t left = GroupOutputs(p) - place.lane - part;
      EpilogueBlock to;
      to.row_length = int64_t{p.groups} * blocks * kQConvBlock;
      to.form = run.form;
      to.lane = block * kQConvBlock + lane + part;
      to.co = place.group * GroupOutputs(p) + place.lane + part;
      to.count = left < kPart ? left : kPart;
      FinishBlock<kPart>(p, run.args, to, sums + part, pixel);
    }
  }
}

// True if V's tiles are of any number of pixels up to the largest, not only of powers of two: then
// the tiles of a row are as even as they can be.
template <class V>
static constexpr bool kAnyPixels = (V::kMaxPixels & (V::kMaxPixels - 1)) != 0;

template <class V, int P = V::kMaxPixels>
static void ComputeTileOf(int32_t pixels, const BandRun& run, const TilePlace& place) {
  constexpr int kSmaller = kAnyPixels<V> ? P - 1 : P / 2;
  if constexpr (P > 1) {
    if (pixels < P) return ComputeTileOf<V, kSmaller>(pixels, run, place);
  }
  ComputeTile<V, P>(run, place);
}

// Computes one row of the strip for one column of lanes. The rest of a row that is no whole tile is
// the least power of two that holds it, moved left over pixels that are done where there are any.
template <class V>
static void ComputeRow(const BandRun& run, TilePlace place) {
  int32_t left = run.outputs;
  if constexpr (kAnyPixels<V>) {
    for (int32_t tiles = CeilDiv(left, V::kMaxPixels); tiles > 0; --tiles) {
      const int32_t pixels = CeilDiv(left, tiles);
      place.ox = run.outputs - left;
      ComputeTileOf<V>(pixels, run, place);
      left -= pixels;
    }
    return;
  }
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
  run.whole = params;
  run.p = BandParams(params);
  run.args = args;
  const QConvParams& p = run.p;
  run.group_inputs = GroupInputs(p);
  run.plan = PlanBand(params, V::kBandStep);
  run.sums = reinterpret_cast<int32_t*>(args.scratch + run.plan.sums_at);
  run.row_sums = reinterpret_cast<int32_t*>(args.scratch + run.plan.row_sums_at);
  run.windows = reinterpret_cast<int32_t*>(args.scratch + run.plan.windows_at);
  if constexpr (requires { V::Offsets; }) {
    run.offsets = reinterpret_cast<int32_t*>(args.scratch + run.plan.offsets_at);
    V::Offsets(params, args.weights, run.offsets);
  }
  run.narrow_thresholds = Rearranges(p) ? NarrowThresholds<V>(p, args, run.plan) : nullptr;
  if (run.narrow_thresholds == nullptr) {
    run.form = PrepareThresholds(p, args, args.scratch + run.plan.thresholds_at);
  }
  const bool joined = p.dilation_w == 1 && p.groups == 1;
  run.job.ring = args.scratch;
  run.job.row_bytes = run.plan.row_bytes;
  run.job.rows = run.plan.rows;
  run.job.kernel_h = p.kernel_h;
  run.job.dilation_h = p.dilation_h;
  run.job.runs_w = joined ? 1 : p.kernel_w;
  run.job.run_steps = joined ? run.plan.steps * p.kernel_w : run.plan.steps;
  run.job.run_stride = p.dilation_w * run.plan.pixel_bytes;
  run.job.pixel_stride = p.stride_w * run.plan.pixel_bytes;
  run.job.chunk_steps = EvenChunk(run.job.run_steps, V::ChunkSteps(p));
  run.job.segment_chunks = V::SegmentChunks(p, run.job.chunk_steps);
  run.job.block_bytes = BlockBytes(params);
  if constexpr (requires { V::WriteIndices; }) {
    uint8_t* indices = args.scratch + run.plan.indices_at;
    V::WriteIndices(p, args.weights, indices);
    run.args.weights = indices;
    run.job.block_bytes = run.plan.index_bytes;
  }
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
