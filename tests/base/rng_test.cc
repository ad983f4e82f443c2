#include "bluestem/base/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace bluestem {
namespace {

TEST(Rng, SplitMixGivesItsPublishedNumbers) {
  uint64_t state = 1234567;  // the test vector of the algorithm's reference implementations
  EXPECT_EQ(SplitMix64(state), 6457827717110365317ULL);
  EXPECT_EQ(SplitMix64(state), 3203168211198807973ULL);
  EXPECT_EQ(SplitMix64(state), 9817491932198370423ULL);
}

TEST(Rng, BelowIsUniform) {
  Rng rng(3);
  std::vector<int> counts(7, 0);
  for (int i = 0; i < 70000; ++i) ++counts[rng.Below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 500);  // 5 standard deviations
}

TEST(Rng, UnitLiesInTheHalfOpenInterval) {
  Rng rng(4);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const double value = rng.Unit();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.02);
}

TEST(Rng, StreamsDifferInEachWord) {
  const uint64_t first = Rng(1, 2, 3).Next();
  EXPECT_EQ(first, Rng(1, 2, 3).Next());
  EXPECT_NE(first, Rng(2, 2, 3).Next());
  EXPECT_NE(first, Rng(1, 3, 3).Next());
  EXPECT_NE(first, Rng(1, 2, 4).Next());
  EXPECT_NE(first, Rng(1, 3, 2).Next());
}

TEST(Rng, ShufflePermutes) {
  std::vector<int> items(100);
  std::iota(items.begin(), items.end(), 0);
  std::vector<int> shuffled = items;
  Rng(5).Shuffle(shuffled);
  EXPECT_NE(shuffled, items);
  std::sort(shuffled.begin(), shuffled.end());
  EXPECT_EQ(shuffled, items);
}

}  // namespace
}  // namespace bluestem
