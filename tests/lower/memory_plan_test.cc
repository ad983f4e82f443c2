#include "bluestem/lower/memory_plan.h"

#include <gtest/gtest.h>

#include <random>

namespace bluestem::lower {
namespace {

bool Overlap(const Lifetime& a, int64_t a_at, const Lifetime& b, int64_t b_at) {
  const bool in_time = a.first <= b.last && b.first <= a.last;
  const bool in_space = a_at < b_at + b.bytes && b_at < a_at + a.bytes;
  return in_time && in_space;
}

TEST(MemoryPlan, NoTwoLiveBuffersOverlapAndAllAreAligned) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> lifetimes;
    int64_t sum = 0;
    for (int i = 0; i < 30; ++i) {
      const auto first = static_cast<int32_t>(random() % 40);
      lifetimes.push_back({static_cast<int64_t>(1 + random() % 5000), first,
                           first + static_cast<int32_t>(random() % 8)});
      sum += (lifetimes.back().bytes + 63) / 64 * 64;
    }
    const MemoryPlan plan = PlanMemory(lifetimes, 64);
    EXPECT_LE(plan.arena_bytes, sum);
    for (size_t i = 0; i < lifetimes.size(); ++i) {
      EXPECT_EQ(plan.offsets[i] % 64, 0);
      EXPECT_LE(plan.offsets[i] + lifetimes[i].bytes, plan.arena_bytes);
      for (size_t j = 0; j < i; ++j) {
        EXPECT_FALSE(Overlap(lifetimes[i], plan.offsets[i], lifetimes[j], plan.offsets[j]))
            << "buffers " << i << " and " << j << " in round " << round;
      }
    }
  }
}

TEST(MemoryPlan, AChainNeedsOnlyItsLargestNeighbours) {
  std::vector<Lifetime> chain;
  for (int32_t i = 0; i < 10; ++i) chain.push_back({i == 4 ? 1024 : 256, i, i + 1});
  EXPECT_EQ(PlanMemory(chain, 64).arena_bytes, 1024 + 256);
}

TEST(MemoryPlan, NothingNeedsNothing) {
  EXPECT_EQ(PlanMemory({}, 64).arena_bytes, 0);
}

}  // namespace
}  // namespace bluestem::lower
