#include "bluestem/lower/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace bluestem::lower {
namespace {

bool Meet(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

}  // namespace

MemoryPlan PlanMemory(const std::vector<Lifetime>& lifetimes, int64_t alignment) {
  const auto padded = [&](size_t i) {
    return (lifetimes[i].bytes + alignment - 1) / alignment * alignment;
  };
  std::vector<size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });

  MemoryPlan plan;
  plan.offsets.assign(lifetimes.size(), 0);
  std::vector<size_t> placed;
  for (const size_t buffer : order) {
    std::vector<size_t> others;
    for (const size_t other : placed) {
      if (Meet(lifetimes[buffer], lifetimes[other])) others.push_back(other);
    }
    std::sort(others.begin(), others.end(),
              [&](size_t a, size_t b) { return plan.offsets[a] < plan.offsets[b]; });
    const int64_t bytes = padded(buffer);
    int64_t best = -1;
    int64_t best_gap = 0;
    int64_t end = 0;  // of the space taken so far
    for (const size_t other : others) {
      const int64_t gap = plan.offsets[other] - end;
      if (gap >= bytes && (best < 0 || gap < best_gap)) {
        best = end;
        best_gap = gap;
      }
      end = std::max(end, plan.offsets[other] + padded(other));
    }
    plan.offsets[buffer] = best < 0 ? end : best;
    plan.arena_bytes = std::max(plan.arena_bytes, plan.offsets[buffer] + bytes);
    placed.push_back(buffer);
  }
  return plan;
}

}  // namespace bluestem::lower
