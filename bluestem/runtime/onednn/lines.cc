#include "bluestem/runtime/onednn/lines.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace bluestem::runtime {
namespace {

// The real line v * slope + offset has to be at least `code` - 1/2 at v = at, or at most that.
struct Bound {
  int64_t at;
  int32_t code;
};

struct Bounds {
  std::vector<Bound> above, below;  // codes rise in both
};

// Of thresholds that rise, for v in `range`. Those that v always or never reaches bind at its ends.
Bounds BoundsOf(const std::vector<int64_t>& rising, const SumRange& range) {
  Bounds bounds;
  for (size_t k = 0; k < rising.size(); ++k) {
    const auto code = static_cast<int32_t>(k) + 1;
    const int64_t reached = std::max(rising[k], range.least);
    const int64_t missed = std::min(rising[k] - 1, range.greatest);
    if (reached <= range.greatest) bounds.above.push_back({reached, code});
    if (missed >= range.least) bounds.below.push_back({missed, code});
  }
  return bounds;
}

struct RealLine {
  double slope, offset;
  double margin;  // the least distance from a bound; negative: a bound is broken
};

// The best line of that slope.
RealLine BestOffset(const Bounds& bounds, double slope) {
  double least = -1e300, most = 1e300;
  for (const Bound& b : bounds.above) {
    least = std::max(least, b.code - 0.5 - slope * static_cast<double>(b.at));
  }
  for (const Bound& b : bounds.below) {
    most = std::min(most, b.code - 0.5 - slope * static_cast<double>(b.at));
  }
  if (bounds.above.empty()) return {slope, most - 0.5, 0.5};
  if (bounds.below.empty()) return {slope, least + 0.5, 0.5};
  return {slope, (least + most) / 2, (most - least) / 2};
}

// The margin is concave in the slope, so thirds of a bracket find its best one. The first and the
// last bound bracket it: v may rise by `codes` over their distance, give or take one.
RealLine BestLine(const Bounds& bounds) {
  constexpr int kSteps = 64;
  constexpr double kFine = 1e-8;  // finer than an f32
  constexpr double kFlattest = 1e-6, kSteepest = 256;
  double flat = kFlattest, steep = 1;
  if (!bounds.above.empty() && !bounds.below.empty()) {
    const Bound& low = bounds.below.front();
    const Bound& high = bounds.above.back();
    if (high.code > low.code) {
      flat = (high.code - low.code) / static_cast<double>(high.at - low.at);
    }
    const Bound& first = bounds.above.front();
    const Bound& last = bounds.below.back();
    if (last.code > first.code && last.at > first.at) {
      steep = (last.code - first.code) / static_cast<double>(last.at - first.at);
    } else {
      steep = std::min(flat * 2 + 1, kSteepest);
    }
  }
  for (int step = 0; step < kSteps && flat * (1 + kFine) < steep; ++step) {
    const double third = (steep - flat) / 3;
    if (BestOffset(bounds, flat + third).margin < BestOffset(bounds, steep - third).margin) {
      flat += third;
    } else {
      steep -= third;
    }
  }
  return BestOffset(bounds, (flat + steep) / 2);
}

// What Line says, for a sum of +v or -v.
float Height(const Line& line, int64_t sum) {
  return (static_cast<float>(sum) + line.shift) * line.scale;
}

bool Holds(const Line& line, const Bounds& bounds, int64_t sign) {
  for (const Bound& b : bounds.above) {
    if (std::nearbyint(Height(line, sign * b.at)) < static_cast<float>(b.code)) return false;
  }
  for (const Bound& b : bounds.below) {
    if (std::nearbyint(Height(line, sign * b.at)) >= static_cast<float>(b.code)) return false;
  }
  return true;
}

}  // namespace

std::optional<Line> LineThrough(const int32_t* thresholds, int32_t count, int32_t direction,
                                const SumRange& range) {
  // Falling codes of a sum are rising codes of v = -sum.
  const int64_t sign = direction > 0 ? 1 : -1;
  std::vector<int64_t> rising(thresholds, thresholds + count);
  for (int64_t& t : rising) t *= sign;
  std::sort(rising.begin(), rising.end());
  const SumRange values = sign > 0 ? range : SumRange{-range.greatest, -range.least};
  const Bounds bounds = BoundsOf(rising, values);
  // Between sums as close as f32 has them, the best real line may be wrong where a neighbour is
  // right.
  constexpr int kNeighbours = 8;
  const auto best = static_cast<float>(BestLine(bounds).slope);
  float flatter = best, steeper = best;
  for (int n = 0; n <= kNeighbours; ++n) {
    for (const float slope : {flatter, steeper}) {
      const double offset = BestOffset(bounds, slope).offset;
      const auto shift = static_cast<float>(static_cast<double>(sign) * offset / slope);
      for (const float near :
           {shift, std::nextafter(shift, -HUGE_VALF), std::nextafter(shift, HUGE_VALF)}) {
        const Line line = {sign > 0 ? slope : -slope, near};
        if (Holds(line, bounds, sign)) return line;
      }
    }
    flatter = std::nextafter(flatter, 0.0F);
    steeper = std::nextafter(steeper, HUGE_VALF);
  }
  return std::nullopt;
}

}  // namespace bluestem::runtime
