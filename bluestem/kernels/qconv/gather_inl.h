// Gathers the codes under the kernel, for convolutions of few channels (layout.h, Gathers): a
// picture's 3 channels would fill less than a step of each tap. Included by ISA files.
#pragma once

#include "bluestem/kernels/qconv/band.h"

namespace bluestem::kernels {

// A run of outputs in a row.
struct OutputRun {
  int32_t oy, first, count;
};

// Copies the codes of one row of the kernel, tap by tap: columns from `ix` on, perhaps outside.
static inline void GatherTaps(const QConvParams& p, const uint8_t* row, int32_t ix, uint8_t* to) {
  for (int32_t kw = 0; kw < p.kernel_w; ++kw, ix += p.dilation_w, to += p.ci) {
    if (ix >= 0 && ix < p.w) {
      CopyFew(to, row + int64_t{ix} * p.ci, p.ci);
    } else {
      std::memset(to, p.pad_value, static_cast<size_t>(p.ci));
    }
  }
}

// From where to where one row of the kernel is copied, output after output.
struct CopyRun {
  const uint8_t* from;
  uint8_t* to;
  int64_t from_stride, to_stride;
  int32_t count, bytes;
};

template <int kBytes>
static inline void CopyRunOf(const CopyRun& run) {
  const uint8_t* from = run.from;
  uint8_t* to = run.to;
  for (int32_t i = 0; i < run.count; ++i, from += run.from_stride, to += run.to_stride) {
    CopyEnds<kBytes>(to, from, run.bytes);
  }
}

static inline void CopyEach(const CopyRun& run) {
  if (run.bytes >= 8 && run.bytes <= 16) return CopyRunOf<8>(run);
  if (run.bytes >= 16 && run.bytes <= 32) return CopyRunOf<16>(run);
  for (int32_t i = 0; i < run.count; ++i) {
    CopyFew(run.to + i * run.to_stride, run.from + i * run.from_stride, run.bytes);
  }
}

// Writes [count][stride] codes: those under the kernel as [kh][kw][ci], the rest of `stride` left.
static void GatherRow(const QConvParams& p, const uint8_t* x, const OutputRun& outputs,
                      int64_t stride, uint8_t* codes) {
  const int32_t row_codes = p.kernel_w * p.ci;
  const int32_t left = outputs.first * p.stride_w - p.pad_left;  // the first output's column
  // Outputs [begin, end) have all their columns inside, and next to each other.
  int32_t begin = left >= 0 ? 0 : CeilDiv(-left, p.stride_w);
  int32_t end = p.w - p.kernel_w < left ? 0 : (p.w - p.kernel_w - left) / p.stride_w + 1;
  if (end > outputs.count) end = outputs.count;
  if (p.dilation_w != 1 || begin > end) begin = end = 0;
  for (int32_t kh = 0; kh < p.kernel_h; ++kh, codes += row_codes) {
    const int32_t iy = outputs.oy * p.stride_h - p.pad_top + kh * p.dilation_h;
    if (iy < 0 || iy >= p.h) {
      for (int32_t i = 0; i < outputs.count; ++i) {
        std::memset(codes + i * stride, p.pad_value, static_cast<size_t>(row_codes));
      }
      continue;
    }
    const uint8_t* row = x + int64_t{iy} * p.w * p.ci;
    const auto gather = [&](int32_t from, int32_t to) {
      for (int32_t i = from; i < to; ++i) {
        GatherTaps(p, row, left + i * p.stride_w, codes + i * stride);
      }
    };
    gather(0, begin);
    gather(end, outputs.count);
    if (begin == end) continue;
    CopyEach({.from = row + int64_t{left + begin * p.stride_w} * p.ci,
              .to = codes + begin * stride,
              .from_stride = p.stride_w * p.ci,
              .to_stride = stride,
              .count = end - begin,
              .bytes = row_codes});
  }
}

}  // namespace bluestem::kernels
