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

void ExpectGradientOf(const Targets& targets) {
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

TEST(Loss, GradientEqualsFiniteDifferences) {
  const Targets targets{.labels = kLabels,
                        .others = kOthers,
                        .share = 0.6,
                        .smoothing = 0.1,
                        .class_weights = kWeights};
  ExpectGradientOf(targets);
}

const float kMarks[] = {1.0F, 0.0F, 0.25F, 0.0F, 1.0F, 0.0F};

double Term(double x, double t, double weight) {
  const double p = 1 / (1 + std::exp(-x));
  return -weight * t * std::log(p) - (1 - t) * std::log(1 - p);
}

TEST(LossOfMarks, IsTheMeanOverRowsOfTheClassesSum) {
  double expected = 0;
  for (size_t i = 0; i < 6; ++i) {
    const double t = 0.8 * static_cast<double>(kMarks[i]) + 0.1;
    expected += Term(static_cast<double>(kScores[i]), t, static_cast<double>(kWeights[i % 3])) / 2;
  }
  const LossResult result =
      CrossEntropy(2, 3, kScores.data(),
                   {.marks = kMarks, .smoothing = 0.2, .class_weights = kWeights}, nullptr);
  EXPECT_NEAR(result.loss, expected, 1e-12);
  EXPECT_EQ(result.weight, 2);
}

TEST(LossOfMarks, CountsRowsWithEveryScoreOnItsSide) {
  const float scores[] = {0.5F, -1.0F, -2.0F, 0.0F, 0.25F, -0.5F};
  EXPECT_EQ(CrossEntropy(2, 3, scores, {.marks = kMarks}, nullptr).correct, 1);
}

TEST(LossOfMarks, GradientEqualsFiniteDifferences) {
  const Targets targets{.marks = kMarks, .smoothing = 0.1, .class_weights = kWeights};
  ExpectGradientOf(targets);
}

TEST(LossOfMarks, StaysANumberWhateverTheScores) {
  const float scores[] = {1e30F, -1e30F, 800.0F};
  const float marks[] = {0.0F, 1.0F, 1.0F};
  float gradient[3];
  const LossResult result = CrossEntropy(1, 3, scores, {.marks = marks}, gradient);
  EXPECT_NEAR(result.loss, 2e30, 1e24);
  EXPECT_EQ(gradient[0], 1.0F);
  EXPECT_EQ(gradient[1], -1.0F);
  EXPECT_EQ(gradient[2], 0.0F);
}

}  // namespace
}  // namespace bluestem::train
