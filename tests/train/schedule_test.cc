// Learning-rate schedules against their shapes.
#include "bluestem/train/internal/schedule.h"

#include <gtest/gtest.h>

namespace bluestem::train {
namespace {

TEST(Schedule, CosineAndLinearStartAtOneAndEndNearZero) {
  config::TrainConfig config;
  for (const char* name : {"cosine", "linear"}) {
    config.schedule = name;
    EXPECT_DOUBLE_EQ(RateFactor(config, 0, 1000, 100), 1.0) << name;
    EXPECT_NEAR(RateFactor(config, 500, 1000, 100), 0.5, 1e-12) << name;
    EXPECT_LT(RateFactor(config, 999, 1000, 100), 0.002) << name;
  }
}

TEST(Schedule, OneCycleRisesFromALowRateAndFallsToNothing) {
  config::TrainConfig config;
  config.schedule = "one-cycle";
  EXPECT_DOUBLE_EQ(RateFactor(config, 0, 1000, 100), 1.0 / 25);
  EXPECT_DOUBLE_EQ(RateFactor(config, 300, 1000, 100), 1.0);
  EXPECT_NEAR(RateFactor(config, 150, 1000, 100), 0.52, 1e-12);  // half way up
  EXPECT_NEAR(RateFactor(config, 650, 1000, 100), 0.5, 1e-12);   // half way down
  EXPECT_LT(RateFactor(config, 999, 1000, 100), 1e-5);
  config.warmup = 0.1;
  EXPECT_DOUBLE_EQ(RateFactor(config, 100, 1000, 100), 1.0);
}

TEST(Schedule, WarmupRisesFromAFifthInALine) {
  config::TrainConfig config;
  config.schedule = "constant";
  config.warmup = 0.2;
  EXPECT_DOUBLE_EQ(RateFactor(config, 0, 1000, 100), 0.2);
  EXPECT_DOUBLE_EQ(RateFactor(config, 100, 1000, 100), 0.6);
  EXPECT_DOUBLE_EQ(RateFactor(config, 200, 1000, 100), 1.0);
}

TEST(Schedule, StepsAreTenthsAtTheSeedsBoundaries) {
  config::TrainConfig config;
  config.schedule = "2-step";  // 11 epochs of 10 steps: boundaries at epochs 5 and 10
  EXPECT_DOUBLE_EQ(RateFactor(config, 49, 110, 10), 1.0);
  EXPECT_DOUBLE_EQ(RateFactor(config, 50, 110, 10), 0.1);
  EXPECT_NEAR(RateFactor(config, 100, 110, 10), 0.01, 1e-12);
  config.schedule = "3-step";  // 10 epochs: 3, 6, 9
  EXPECT_DOUBLE_EQ(RateFactor(config, 29, 100, 10), 1.0);
  EXPECT_DOUBLE_EQ(RateFactor(config, 30, 100, 10), 0.1);
  EXPECT_NEAR(RateFactor(config, 60, 100, 10), 0.01, 1e-12);
  EXPECT_NEAR(RateFactor(config, 90, 100, 10), 0.001, 1e-12);
  config.schedule = "3-step-with-warmup";
  EXPECT_DOUBLE_EQ(RateFactor(config, 9, 100, 10), 1e-3);
  EXPECT_DOUBLE_EQ(RateFactor(config, 10, 100, 10), 1.0);
}

}  // namespace
}  // namespace bluestem::train
