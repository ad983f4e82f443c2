#include "bluestem/lower/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace bluestem::lower {
namespace {

bool Meet(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

int64_t Padded(const Lifetime& lifetime, int64_t alignment) {
  return (lifetime.bytes + alignment - 1) / alignment * alignment;
}

// The plan so far, and the buffer that comes next.
struct Planner {
  const std::vector<Lifetime>& lifetimes;
  int64_t alignment;
  MemoryPlan plan;
  std::vector<size_t> placed;

  int64_t bytes(size_t buffer) const { return Padded(lifetimes[buffer], alignment); }
  int64_t middle(size_t buffer, int64_t offset) const { return offset + bytes(buffer) / 2; }

  // Returns the offset of the tightest gap, or behind all.
  int64_t Tightest(size_t buffer) const {
    std::vector<size_t> others;
    for (const size_t other : placed) {
      if (Meet(lifetimes[buffer], lifetimes[other])) others.push_back(other);
    }
    std::sort(others.begin(), others.end(),
              [&](size_t a, size_t b) { return plan.offsets[a] < plan.offsets[b]; });
    int64_t best = -1;
    int64_t best_gap = 0;
    int64_t end = 0;  // of the space taken so far
    for (const size_t other : others) {
      const int64_t gap = plan.offsets[other] - end;
      if (gap >= bytes(buffer) && (best < 0 || gap < best_gap)) {
        best = end;
        best_gap = gap;
      }
      end = std::max(end, plan.offsets[other] + bytes(other));
    }
    return best < 0 ? end : best;
  }

  bool Fits(size_t buffer, int64_t offset) const {
    if (offset < 0 || offset + bytes(buffer) > plan.arena_bytes) return false;
    return std::none_of(placed.begin(), placed.end(), [&](size_t other) {
      return Meet(lifetimes[buffer], lifetimes[other]) &&
             offset < plan.offsets[other] + bytes(other) &&
             plan.offsets[other] < offset + bytes(buffer);
    });
  }

  // Returns how many bytes lie in the first half of one buffer and in the second of another, all
  // pairs with `buffer` at `offset` together.
  int64_t Crossing(size_t buffer, int64_t offset) const {
    const int64_t own = middle(buffer, offset);
    int64_t crossing = 0;
    for (const size_t other : placed) {
      const int64_t its = middle(other, plan.offsets[other]);
      const int64_t begin = std::max({offset, plan.offsets[other], std::min(own, its)});
      const int64_t end = std::min(
          {offset + bytes(buffer), plan.offsets[other] + bytes(other), std::max(own, its)});
      crossing += std::max<int64_t>(0, end - begin);
    }
    return crossing;
  }

  // Returns the offset in the arena so far that crosses fewest bytes.
  int64_t Centred(size_t buffer) const {
    int64_t best = Tightest(buffer);
    int64_t least = Crossing(buffer, best);
    for (const size_t other : placed) {
      const int64_t offset =
          (middle(other, plan.offsets[other]) - bytes(buffer) / 2) / alignment * alignment;
      if (!Fits(buffer, offset)) continue;
      const int64_t crossing = Crossing(buffer, offset);
      if (crossing >= least) continue;
      best = offset;
      least = crossing;
    }
    return best;
  }

  void Place(size_t buffer, int64_t offset) {
    plan.offsets[buffer] = offset;
    plan.arena_bytes = std::max(plan.arena_bytes, offset + bytes(buffer));
    placed.push_back(buffer);
  }
};

}  // namespace

MemoryPlan PlanMemory(const std::vector<Lifetime>& lifetimes, int64_t alignment) {
  std::vector<size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });
  const auto empty = [&] {
    return Planner{lifetimes, alignment, {std::vector<int64_t>(lifetimes.size(), 0), 0}, {}};
  };
  Planner tight = empty();
  for (const size_t buffer : order) tight.Place(buffer, tight.Tightest(buffer));
  Planner centred = empty();
  for (const size_t buffer : order) centred.Place(buffer, centred.Centred(buffer));
  return centred.plan.arena_bytes <= tight.plan.arena_bytes ? centred.plan : tight.plan;
}

}  // namespace bluestem::lower
