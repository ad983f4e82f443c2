#include "bluestem/lower/memory_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

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

// LmnetV1's maps: a thread that writes the first half of each never meets the other's bytes.
TEST(MemoryPlan, HalvesOfAChainCoincide) {
  const std::vector<int64_t> sizes = {32768, 65536, 65536, 32768, 16384, 16384, 8192, 8192, 4096};
  std::vector<Lifetime> chain;
  for (const int64_t bytes : sizes) {
    const auto call = static_cast<int32_t>(chain.size());
    chain.push_back({bytes, call, call + 1});
  }
  const MemoryPlan plan = PlanMemory(chain, 64);
  EXPECT_EQ(plan.arena_bytes, 131072) << "no more than the two largest neighbours";
  for (size_t i = 0; i < chain.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const int64_t begin = std::max(plan.offsets[i], plan.offsets[j]);
      const int64_t end = std::min(plan.offsets[i] + sizes[i], plan.offsets[j] + sizes[j]);
      if (begin >= end) continue;
      EXPECT_EQ(plan.offsets[i] + sizes[i] / 2, plan.offsets[j] + sizes[j] / 2) << i << ", " << j;
    }
  }
}

TEST(MemoryPlan, NothingNeedsNothing) {
  EXPECT_EQ(PlanMemory({}, 64).arena_bytes, 0);
}

}  // namespace
}  // namespace bluestem::lower
