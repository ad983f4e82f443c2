// Optimizers against their formulas in double, schedules against their shapes.
#include "bluestem/train/internal/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

namespace bluestem::train {
namespace {

struct Toy {
  std::vector<float> value{1.0F, -2.0F}, gradient{0.5F, 0.25F};
  std::vector<ParameterView> Views(Role role = Role::kWeight) {
    return {{.name = "w",
             .role = role,
             .block = 0,
             .count = 2,
             .value = value.data(),
             .gradient = gradient.data()}};
  }
};

TEST(Optimizer, MomentumAndNesterovFollowTheirFormulas) {
  for (const bool nesterov : {false, true}) {
    Toy toy;
    Optimizer optimizer(
        {.name = nesterov ? "nesterov" : "momentum", .momentum = 0.9, .weight_decay = 0.1},
        toy.Views());
    double w = 1.0, v = 0;
    for (int step = 0; step < 4; ++step) {
      optimizer.Update(step, 0.1, 0);
      const double g = 0.5 + 0.1 * w;
      v = 0.9 * v + g;
      w -= 0.1 * (nesterov ? g + 0.9 * v : v);
    }
    EXPECT_NEAR(static_cast<double>(toy.value[0]), w, 1e-6) << nesterov;
  }
}

TEST(Optimizer, AdamAndAdamWFollowTheirFormulas) {
  for (const bool decoupled : {false, true}) {
    Toy toy;
    Optimizer optimizer({.name = decoupled ? "adamw" : "adam", .weight_decay = 0.1}, toy.Views());
    double w = 1.0, m = 0, v = 0;
    for (int step = 0; step < 5; ++step) {
      optimizer.Update(step, 0.01, 0);
      const double g = 0.5 + (decoupled ? 0.0 : 0.1 * w);
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g * g;
      const double mean = m / (1 - std::pow(0.9, step + 1)),
                   square = v / (1 - std::pow(0.999, step + 1));
      w -= (decoupled ? 0.01 * 0.1 * w : 0.0) + 0.01 * mean / (std::sqrt(square) + 1e-8);
    }
    EXPECT_NEAR(static_cast<double>(toy.value[0]), w, 1e-5) << decoupled;
  }
}

TEST(Optimizer, DecaysWeightsOnlyAndScalesTheRateOfBetas) {
  Toy beta;
  Optimizer optimizer({.name = "sgd", .weight_decay = 0.1, .beta_rate = 8},
                      beta.Views(Role::kBeta));
  optimizer.Update(0, 0.1, 0);
  EXPECT_FLOAT_EQ(beta.value[0], 1.0F - 0.1F * 8 * 0.5F);
  Toy gamma;
  Optimizer plain({.name = "sgd", .weight_decay = 0.1, .beta_rate = 8}, gamma.Views(Role::kGamma));
  plain.Update(0, 0.1, 0);
  EXPECT_FLOAT_EQ(gamma.value[0], 1.0F - 0.1F * 0.5F);
}

TEST(Schedule, CosineAndLinearStartAtOneAndEndNearZero) {
  config::TrainConfig config;
  for (const char* name : {"cosine", "linear"}) {
    config.schedule = name;
    EXPECT_DOUBLE_EQ(RateFactor(config, 0, 1000, 100), 1.0) << name;
    EXPECT_NEAR(RateFactor(config, 500, 1000, 100), 0.5, 1e-12) << name;
    EXPECT_LT(RateFactor(config, 999, 1000, 100), 0.002) << name;
  }
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
