// The plan of a banded qconv: which part of the input is prepared in scratch, and where.
//
// A banded kernel turns each code into what its inner loop wants (a look-up table, a widened pair)
// once, and uses it for every output and tap. It keeps the prepared pixels of the few input rows
// that one output row needs, in a ring of rows; a wide map is done in strips of columns, so that
// the ring stays in the cache. Padding pixels are prepared like others, from pad_value.
//
// Scratch, each part 64-byte aligned:
//   ring       [rows][columns][groups][steps][step_bytes]
//   pad        [groups][steps][step_bytes]          a padding pixel
//   codes      [steps * step_channels] u8           a pixel's codes, padded with zeros; of a row
//                                                   of pixels where codes are gathered
//   sums       [columns][groups] s32                sum of the codes of a pixel of one row
//   row_sums   [rows][strip][groups] s32            the same under a row of the kernel
//   windows    [strip][groups] s32                  the same under the kernel
//   thresholds [levels][blocks * 32] s32 or s16     epilogue_inl.h; for few levels
//              or [4][blocks * 32] s32, [blocks * 32][buckets] u8   search_inl.h; for many
//   offsets    [groups][blocks * 32] s32            only if the kernel shifts codes
//   indices    [blocks][taps][steps][step.indices]   only if the kernel looks up by them; of an
//              even number of blocks
//
// Included by ISA files: every function has internal linkage.
#pragma once

#include <cstring>

#include "bluestem/kernels/qconv/layout.h"

namespace bluestem::kernels {

// The ring's size aimed at: well inside a second-level cache of 256 KB, beside the weights.
constexpr int64_t kRingBytes = 96 * 1024;

// How a kernel prepares a step: this many channels become this many bytes.
struct BandStep {
  int32_t channels;
  int32_t bytes;
  bool offsets = false;  // a number is added to every sum of an output
  int32_t indices = 0;   // bytes that the packed weights of a step and two blocks become; 0: stay
  int64_t ring_bytes = kRingBytes;
  bool even_strips = false;  // as wide as each other, for tiles of any number of pixels
};

// Look-up tables of 4 channels each, or of 6; codes as they are; codes widened to pairs of 16 bits.
constexpr BandStep kLutBandStep = {.channels = 8, .bytes = 32};
constexpr BandStep kNibbleBandStep = {.channels = 8, .bytes = 32, .indices = 64};
constexpr BandStep kOffsetBandStep = {.channels = 8, .bytes = 8, .indices = 64};
constexpr BandStep kSextetBandStep = {
    .channels = 6, .bytes = 64, .indices = 32, .ring_bytes = 36 * 1024, .even_strips = true};
constexpr BandStep kDotBandStep = {.channels = 4, .bytes = 4};
constexpr BandStep kWideDotBandStep = {.channels = 4, .bytes = 8};
// Codes that may be shifted, once and twice.
constexpr BandStep kShiftedDotBandStep = {.channels = 4, .bytes = 4, .offsets = true};
constexpr BandStep kPairedDotBandStep = {.channels = 4, .bytes = 8, .offsets = true};

struct BandPlan {
  int32_t rows, strip, columns;  // strip: output columns; columns: the input columns below
  int32_t steps;
  int64_t group_bytes, pixel_bytes, row_bytes;
  int64_t pad_at, codes_at, sums_at, row_sums_at, windows_at, thresholds_at, offsets_at, indices_at;
  int64_t index_bytes;  // of a block
  int64_t bytes;
};

// Thresholds are rearranged for the vector epilogue up to this many levels, and searched above.
constexpr int32_t kMaxRearrangedLevels = 17;
constexpr int32_t kBuckets = 512;   // of a search, an output
constexpr int32_t kSearchRows = 4;  // of s32, before the buckets

constexpr int32_t kMinStrip = 8;

static inline bool Rearranges(const QConvParams& p) {
  return p.epilogue == QConvEpilogue::kThreshold && p.levels <= kMaxRearrangedLevels;
}

static inline int64_t SearchLanes(const QConvParams& p) {
  return int64_t{p.groups} * GroupBlocks(p) * kQConvBlock;
}

static inline int64_t SearchBytes(const QConvParams& p) {
  return SearchLanes(p) * (kBuckets + kSearchRows * static_cast<int64_t>(sizeof(int32_t)));
}

static inline int32_t SumOfCodes(const uint8_t* codes, int32_t count) {
  int32_t sum = 0;
  for (int32_t i = 0; i < count; ++i) sum += codes[i];
  return sum;
}

// Copies `count` bytes, kBytes <= count <= 2 * kBytes.
template <int kBytes>
static inline void CopyEnds(uint8_t* to, const uint8_t* from, int32_t count) {
  std::memcpy(to, from, kBytes);
  std::memcpy(to + count - kBytes, from + count - kBytes, kBytes);
}

// Copies a few bytes without a call of memcpy.
static inline void CopyFew(uint8_t* to, const uint8_t* from, int32_t count) {
  if (count > 16) {
    std::memcpy(to, from, static_cast<size_t>(count));
  } else if (count >= 8) {
    CopyEnds<8>(to, from, count);
  } else if (count >= 4) {
    CopyEnds<4>(to, from, count);
  } else if (count >= 2) {
    CopyEnds<2>(to, from, count);
  } else {
    to[0] = from[0];
  }
}

// The convolution as the band computes it. A 1x1 convolution of stride 1 without padding does not
// care for rows: one long row. Codes that are gathered leave a 1x1 convolution of them.
static inline QConvParams BandParams(const QConvParams& p) {
  QConvParams band = p;
  const bool pointwise = p.kernel_h == 1 && p.kernel_w == 1 && p.stride_h == 1 && p.stride_w == 1 &&
                         p.pad_top == 0 && p.pad_left == 0 && p.ho == p.h && p.wo == p.w;
  if (pointwise) {
    band.w = band.wo = p.h * p.w;
    band.h = band.ho = 1;
  } else if (Gathers(p)) {
    band.ci = PackedInputs(p);
    band.h = p.ho;
    band.w = p.wo;
    band.kernel_h = band.kernel_w = band.stride_h = band.stride_w = 1;
    band.dilation_h = band.dilation_w = 1;
    band.pad_top = band.pad_left = 0;
  }
  return band;
}

static inline int32_t StripColumns(const QConvParams& p, int32_t strip) {
  return (strip - 1) * p.stride_w + (p.kernel_w - 1) * p.dilation_w + 1;
}

static inline int64_t AlignUp(int64_t bytes) {
  return (bytes + 63) / 64 * 64;
}

static inline BandPlan PlanBand(const QConvParams& params, const BandStep& step) {
  const QConvParams p = BandParams(params);
  BandPlan plan;
  plan.rows = (p.kernel_h - 1) * p.dilation_h + 1;
  plan.steps = CeilDiv(GroupInputs(p), step.channels);
  plan.group_bytes = int64_t{plan.steps} * step.bytes;
  plan.pixel_bytes = plan.group_bytes * p.groups;
  const int64_t column_bytes = plan.pixel_bytes * plan.rows;
  plan.strip = p.wo;
  if (StripColumns(p, p.wo) * column_bytes > step.ring_bytes) {
    const int64_t fit = step.ring_bytes / column_bytes / p.stride_w / kMinStrip * kMinStrip;
    plan.strip = fit < kMinStrip ? kMinStrip : static_cast<int32_t>(fit);
    if (plan.strip > p.wo) plan.strip = p.wo;
    if (step.even_strips) plan.strip = CeilDiv(p.wo, CeilDiv(p.wo, plan.strip));
  }
  plan.columns = StripColumns(p, plan.strip);
  plan.row_bytes = plan.pixel_bytes * plan.columns;
  plan.pad_at = AlignUp(plan.row_bytes * plan.rows);
  plan.codes_at = plan.pad_at + AlignUp(plan.pixel_bytes);
  const int64_t prepared_together = Gathers(params) ? plan.columns : 1;
  plan.sums_at = plan.codes_at + AlignUp(prepared_together * plan.steps * step.channels);
  const int64_t sum_bytes = static_cast<int64_t>(sizeof(int32_t)) * p.groups;
  plan.row_sums_at = plan.sums_at + AlignUp(sum_bytes * plan.columns);
  plan.windows_at = plan.row_sums_at + AlignUp(sum_bytes * plan.rows * plan.strip);
  plan.thresholds_at = plan.windows_at + AlignUp(sum_bytes * plan.strip);
  plan.bytes = plan.thresholds_at;
  const int64_t lane_bytes =
      int64_t{p.groups} * GroupBlocks(p) * kQConvBlock * static_cast<int64_t>(sizeof(int32_t));
  if (p.epilogue == QConvEpilogue::kThreshold) {
    plan.bytes += Rearranges(p) ? p.levels * lane_bytes : SearchBytes(p);
  }
  plan.offsets_at = plan.bytes;
  if (step.offsets) plan.bytes += lane_bytes;
  plan.indices_at = AlignUp(plan.bytes);
  plan.index_bytes = int64_t{Taps(p)} * plan.steps * step.indices;
  if (step.indices > 0) {
    plan.bytes = plan.indices_at + CeilDiv(GroupBlocks(p), 2) * 2 * plan.index_bytes;
  }
  return plan;
}

}  // namespace bluestem::kernels
