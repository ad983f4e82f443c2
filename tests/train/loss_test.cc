// The loss against its formula and its gradient against finite differences.
#include "bluestem/train/internal/loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace bluestem::train {
namespace {

const std::vector<float> kScores = {0.5F, -1.0F, 2.0F, 1.5F, 0.25F, -0.5F};  // [2, 3]
const int32_t kLabels[] = {2, 1}, kOthers[] = {0, 2};
const float kWeights[] = {2.0F, 0.5F, 1.0F};

double RowLoss(const float* scores, const std::vector<double>& target) {
  double sum = 0, loss = 0;
  for (int k = 0; k < 3; ++k) sum += std::exp(static_cast<double>(scores[k]));
  for (size_t k = 0; k < 3; ++k)
    loss -= target[k] * (static_cast<double>(scores[k]) - std::log(sum));
  return loss;
}

TEST(Loss, IsTheMeanCrossEntropyOfTheSmoothedLabels) {
  const LossResult result =
      CrossEntropy(2, 3, kScores.data(), {.labels = kLabels, .smoothing = 0.3}, nullptr);
  const double first = RowLoss(kScores.data(), {0.1, 0.1, 0.8}),
               second = RowLoss(kScores.data() + 3, {0.1, 0.8, 0.1});
  EXPECT_NEAR(result.loss, (first + second) / 2, 1e-12);
  EXPECT_EQ(result.correct, 1);
}

TEST(Loss, WeighsRowsByTheirClassesAndMixesTwoLabels) {
  const Targets targets{
      .labels = kLabels, .others = kOthers, .share = 0.75, .class_weights = kWeights};
  const double first = RowLoss(kScores.data(), {0.25, 0, 0.75}),
               second = RowLoss(kScores.data() + 3, {0, 0.75, 0.25});
  const double w1 = 0.75 * 1.0 + 0.25 * 2.0, w2 = 0.75 * 0.5 + 0.25 * 1.0;
  EXPECT_NEAR(CrossEntropy(2, 3, kScores.data(), targets, nullptr).loss,
              (w1 * first + w2 * second) / (w1 + w2), 1e-12);
}

TEST(Loss, GradientEqualsFiniteDifferences) {
  const Targets targets{.labels = kLabels,
                        .others = kOthers,
                        .share = 0.6,
                        .smoothing = 0.1,
                        .class_weights = kWeights};
  std::vector<float> gradient(kScores.size());
  CrossEntropy(2, 3, kScores.data(), targets, gradient.data());
  for (size_t k = 0; k < kScores.size(); ++k) {
    constexpr float kStep = 0x1p-8F;
    std::vector<float> up = kScores, down = kScores;
    up[k] += kStep, down[k] -= kStep;
    const double slope = (CrossEntropy(2, 3, up.data(), targets, nullptr).loss -
                          CrossEntropy(2, 3, down.data(), targets, nullptr).loss) /
                         (2 * static_cast<double>(kStep));
    EXPECT_NEAR(static_cast<double>(gradient[k]), slope, 1e-5) << k;
  }
}

}  // namespace
}  // namespace bluestem::train
