#include "bluestem/train/internal/weight_average.h"

#include <gtest/gtest.h>

namespace bluestem::train {
namespace {

std::vector<ParameterView> View(std::vector<float>& value) {
  return {{.name = "w", .count = static_cast<int64_t>(value.size()), .value = value.data()}};
}

TEST(WeightAverage, ForgetsTheFirstStepsAndThenDecays) {
  std::vector<float> value = {1.0F};
  WeightAverage average(0.15, View(value));
  value[0] = 2.0F;
  average.Update(0);  // decay 1/10
  value[0] = 3.0F;
  average.Update(1);  // 2/11 is more than 0.15
  average.Swap();
  EXPECT_NEAR(value[0], 0.15F * (0.1F * 1.0F + 0.9F * 2.0F) + 0.85F * 3.0F, 1e-6);
  average.Swap();
  EXPECT_EQ(value[0], 3.0F);
}

TEST(WeightAverage, DoesNothingWhenItIsOff) {
  std::vector<float> value = {1.0F};
  WeightAverage average(0, View(value));
  value[0] = 2.0F;
  average.Update(0);
  average.Swap();
  EXPECT_EQ(value[0], 2.0F);
  EXPECT_TRUE(average.State().empty());
}

}  // namespace
}  // namespace bluestem::train
