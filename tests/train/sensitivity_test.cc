// The greatest code value that is chosen for real activations.
#include "bluestem/train/internal/sensitivity.h"

#include <gtest/gtest.h>

#include "bluestem/base/rng.h"

namespace bluestem::train {
namespace {

TEST(BestMax, ClipsTheTailMoreTheFewerBitsThereAre) {
  Rng rng(3);
  std::vector<float> values;
  for (int i = 0; i < 20000; ++i) {
    // About normal: below 0 half of the time, above 3 seldom.
    double sum = -6;
    for (int k = 0; k < 12; ++k) sum += rng.Unit();
    values.push_back(static_cast<float>(sum));
  }
  const float two = BestMax(values, 2), four = BestMax(values, 4), eight = BestMax(values, 8);
  EXPECT_LT(two, four);
  EXPECT_LT(four, eight);
  EXPECT_NEAR(two, 2.0F, 0.5F);  // network.activation_max's default is near the best
  EXPECT_LE(eight, *std::max_element(values.begin(), values.end()));
}

TEST(BestMax, KeepsLevelsThatFitExactly) {
  EXPECT_FLOAT_EQ(BestMax({0, 1, 2, 3, 0, 3, -4}, 2), 3.0F);
}

TEST(BestMax, OfADeadLayerIsOne) {
  EXPECT_EQ(BestMax({}, 2), 1.0F);
  EXPECT_EQ(BestMax({-1, 0, -3}, 2), 1.0F);
}

}  // namespace
}  // namespace bluestem::train
