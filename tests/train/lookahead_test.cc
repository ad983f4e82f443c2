// Lookahead (train.lookahead): its values against optimizer.h's formula, and a run that stops
// between two looks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bluestem/train/internal/optimizer.h"
#include "tests/train/small_run.h"

namespace bluestem::train {
namespace {

// More values than a thread takes at a time; twelve steps with looks after the fifth and tenth.
TEST(Lookahead, FollowsItsFormulaEveryFiveSteps) {
  constexpr size_t kCount = 20000;
  constexpr int64_t kSteps = 12;
  Rng rng(6);
  std::vector<float> value(kCount, 1.0F), gradient(kCount);
  std::vector<double> fast(value.begin(), value.end()), slow = fast, v(kCount);
  Optimizer optimizer(
      {.name = "momentum", .momentum = 0.5, .lookahead = 0.9},
      {{.name = "w", .count = kCount, .value = value.data(), .gradient = gradient.data()}});
  for (int64_t step = 0; step < kSteps; ++step) {
    for (float& g : gradient) g = static_cast<float>(rng.Uniform(-1, 1));
    const double progress = static_cast<double>(step + 1) / kSteps;
    optimizer.Update(step, 0.1, progress);
    const bool looks = step == 4 || step == 9;
    const double decay = std::pow(0.9, 5) * std::pow(progress, 3);
    for (size_t i = 0; i < kCount; ++i) {
      v[i] = 0.5 * v[i] + static_cast<double>(gradient[i]);
      fast[i] -= 0.1 * v[i];
      if (looks) fast[i] = slow[i] += (1 - decay) * (fast[i] - slow[i]);
      ASSERT_NEAR(static_cast<double>(value[i]), fast[i], 2e-6) << step << " " << i;
    }
  }
}

class LookaheadRun : public SmallRun {};

TEST_F(LookaheadRun, StoppedBetweenTwoLooksGoesOnBitForBit) {
  experiment_.train.epochs = 3;  // of 4 steps
  experiment_.train.optimizer = "nesterov";
  ASSERT_TRUE(Train("without", false).ok());
  experiment_.train.lookahead = 0.9;
  ASSERT_TRUE(Train("whole", false).ok());
  EXPECT_NE(Weights("whole").at("stem/weight"), Weights("without").at("stem/weight"));
  EXPECT_EQ(TrainUntil("parts", 7).code(), Code::kInterrupted);
  const auto between = Weights("parts");
  EXPECT_NE(between.at("slow/stem/weight"), between.at("stem/weight"));
  ASSERT_TRUE(Train("parts", true).ok());
  EXPECT_EQ(Weights("parts"), Weights("whole"));
}

}  // namespace
}  // namespace bluestem::train
