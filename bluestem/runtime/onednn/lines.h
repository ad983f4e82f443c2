// lines: thresholds as the rounding of a straight line. A library's int8 convolution does not count
// thresholds; it scales a sum, adds and rounds. Where the two give the same code for every sum that
// a channel can have, it may take the call.
//
// Threads: free functions without state.
#pragma once

#include <cstdint>
#include <optional>

namespace bluestem::runtime {

// The code of a sum is min(max(round(f32(f32(f32(sum) + shift) * scale)), 0), levels - 1), each
// operation rounded to f32, round() to the nearest, ties to even.
struct Line {
  float scale;  // negative for falling codes
  float shift;
};

// The sums that a channel can have, both ends included.
struct SumRange {
  int64_t least, greatest;
};

// Returns the line of one channel: `count` thresholds in any order, and `direction` +1 or -1 as in
// kernels/qconv/qconv.h. Proved, not fitted: every operation above is monotone, so the line is
// right everywhere if it is on both sides of each threshold, and that is tried in f32. None: no
// line was found, or sums are too great. Requires: 1 <= count <= 255.
std::optional<Line> LineThrough(const int32_t* thresholds, int32_t count, int32_t direction,
                                const SumRange& range);

}  // namespace bluestem::runtime
