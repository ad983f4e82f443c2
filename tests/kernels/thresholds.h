// thresholds: those of one output, of every kind that lowering makes, and of none that it makes.
#pragma once

#include <algorithm>
#include <vector>

#include "tests/kernels/guarded.h"

namespace bluestem::kernels {

enum class ThresholdKind : int32_t {
  kAnyOrder,   // also at the ends of s32: no quantizer's, but a kernel counts them
  kEven,       // a linear quantizer's
  kSaturated,  // even, but the outermost levels are always or never reached
  kUneven,     // ascending
  kClustered,  // ascending, half of them near each other; some equal
};
constexpr int32_t kThresholdKinds = 5;

inline int32_t Clamped(int64_t value) {
  return static_cast<int32_t>(std::clamp<int64_t>(value, INT32_MIN, INT32_MAX));
}

// Returns levels - 1 thresholds about [-reach, reach]; of a falling output they descend.
inline std::vector<int32_t> MakeThresholds(Random& random, ThresholdKind kind, int32_t levels,
                                           bool falling, int32_t reach) {
  const int32_t first = random.In(-reach, 0);
  const int32_t step = random.In(0, Clamped(int64_t{reach / levels} * 2 + 1));
  std::vector<int32_t> t;
  for (int32_t k = 0; k < levels - 1; ++k) {
    const bool even = kind == ThresholdKind::kEven || kind == ThresholdKind::kSaturated;
    t.push_back(even ? Clamped(int64_t{k} * step + first) : random.In(-reach, reach));
    if (kind == ThresholdKind::kAnyOrder && random.In(0, 15) == 0) {
      t.back() = random.In(0, 1) == 0 ? INT32_MIN : INT32_MAX;
    }
    if (kind == ThresholdKind::kClustered && k % 2 == 0) {
      t.back() = Clamped(int64_t{t.back() / 64} + first);
    }
  }
  if (kind == ThresholdKind::kAnyOrder) return t;
  std::sort(t.begin(), t.end());
  if (kind == ThresholdKind::kSaturated) {
    std::fill(t.begin(), t.begin() + random.In(0, (levels - 1) / 2), INT32_MIN);
    std::fill(t.end() - random.In(0, (levels - 1) / 2), t.end(), INT32_MAX);
  }
  for (int32_t& value : t) value = falling ? ~value : value;
  return t;
}

}  // namespace bluestem::kernels
