// The pixels that a tap of a weight gradient meets. Included by ISA files: every function has
// internal linkage.
#pragma once

#include "bluestem/train/lowbit/weight_gradient.h"

namespace bluestem::train {
// Unnamed although in a header: each ISA's file must have its own copy.
namespace {

// Not std::min: a template compiled with an ISA's flags could be the copy that the linker keeps.
inline int32_t Least(int32_t a, int32_t b) {
  return a < b ? a : b;
}

struct Range {
  int32_t begin, end;
};
// The outputs whose tap `k` is inside a map of `size`.
inline Range Inside(int32_t k, int32_t pad, int32_t size, int32_t outputs) {
  return {pad > k ? pad - k : 0, Least(outputs, size + pad - k)};
}

// The pixels of one tap: lines of neighbours, in the first group.
struct Lines {
  int32_t count, pixels;   // lines, and pixels of each
  int64_t code, gradient;  // the first pixel of the first line
};

inline Lines LinesOf(const GradientShape& s, int32_t kh, int32_t kw) {
  const Range rows = Inside(kh, s.pad, s.h, s.oh), columns = Inside(kw, s.pad, s.w, s.ow);
  Lines lines = {rows.end - rows.begin, columns.end - columns.begin,
                 int64_t{rows.begin - s.pad + kh} * s.w + columns.begin - s.pad + kw,
                 int64_t{rows.begin} * s.ow + columns.begin};
  if (lines.count <= 0 || lines.pixels <= 0) return {0, 0, 0, 0};
  if (lines.pixels == s.w && lines.pixels == s.ow) {  // nothing lies between them
    lines.pixels *= lines.count;
    lines.count = 1;
  }
  return lines;
}

}  // namespace
}  // namespace bluestem::train
