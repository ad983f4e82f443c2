// The distillation loss against its formula, its gradient against finite differences, and in a
// step.
#include "bluestem/train/internal/distillation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/train/step_fixture.h"

namespace bluestem::train {
namespace {

constexpr int64_t kRows = 2, kClasses = 3;
const std::vector<float> kStudent = {0.5F, -1.0F, 2.0F, 1.5F, 0.25F, -0.5F};
const std::vector<float> kTeacher = {3.0F, 0.5F, -1.0F, -2.0F, 0.0F, 4.0F};
const int32_t kLabels[] = {2, 1}, kOthers[] = {0, 2};
const float kWeights[] = {2.0F, 0.5F, 1.0F};
const Targets kTargets{.labels = kLabels,
                       .others = kOthers,
                       .share = 0.6,
                       .smoothing = 0.1,
                       .class_weights = kWeights};

LossResult Loss(const std::vector<float>& student, const TeacherScores& teacher,
                float* gradient = nullptr) {
  LossResult loss = CrossEntropy(kRows, kClasses, student.data(), kTargets, gradient);
  Distil(kRows, kClasses, student.data(), teacher, loss, gradient);
  return loss;
}

double Divergence(const float* teacher, const float* student, double t) {
  double zp = 0, zq = 0, sum = 0;
  for (int k = 0; k < kClasses; ++k) {
    zp += std::exp(static_cast<double>(teacher[k]) / t);
    zq += std::exp(static_cast<double>(student[k]) / t);
  }
  for (int k = 0; k < kClasses; ++k) {
    const double p = std::exp(static_cast<double>(teacher[k]) / t) / zp,
                 q = std::exp(static_cast<double>(student[k]) / t) / zq;
    sum += p * std::log(p / q);
  }
  return sum;
}

TEST(Distillation, IsTheWeightedSumOfBothParts) {
  const double cross = CrossEntropy(kRows, kClasses, kStudent.data(), kTargets, nullptr).loss;
  const LossResult loss =
      Loss(kStudent, {.scores = kTeacher.data(), .temperature = 3, .weight = 0.7});
  // Rows count as their classes do, 0.6 and 0.4 of two labels.
  const double first = 0.6 * 1.0 + 0.4 * 2.0, second = 0.6 * 0.5 + 0.4 * 1.0;
  const double divergence = (first * Divergence(kTeacher.data(), kStudent.data(), 3) +
                             second * Divergence(kTeacher.data() + 3, kStudent.data() + 3, 3)) /
                            (first + second);
  EXPECT_NEAR(loss.loss, 0.3 * cross + 0.7 * 9 * divergence, 1e-12);
}

TEST(Distillation, GradientEqualsFiniteDifferences) {
  for (const double temperature : {0.5, 1.0, 4.0}) {
    const TeacherScores teacher{
        .scores = kTeacher.data(), .temperature = temperature, .weight = 0.7};
    std::vector<float> gradient(kStudent.size());
    Loss(kStudent, teacher, gradient.data());
    for (size_t k = 0; k < kStudent.size(); ++k) {
      constexpr float kStep = 0x1p-8F;
      std::vector<float> up = kStudent, down = kStudent;
      up[k] += kStep, down[k] -= kStep;
      const double slope =
          (Loss(up, teacher).loss - Loss(down, teacher).loss) / (2 * static_cast<double>(kStep));
      EXPECT_NEAR(static_cast<double>(gradient[k]), slope, 2e-5) << temperature << " " << k;
    }
  }
}

TEST(Distillation, WhoAnswersAsTheTeacherDoesHasNothingToLearn) {
  std::vector<float> gradient(kStudent.size());
  const LossResult loss =
      Loss(kStudent, {.scores = kStudent.data(), .temperature = 2, .weight = 1}, gradient.data());
  EXPECT_NEAR(loss.loss, 0, 1e-12);
  for (const float g : gradient) EXPECT_NEAR(g, 0, 1e-7);
}

TEST(Distillation, ScoresFarApartStayNumbers) {
  const std::vector<float> far = {1000.0F, -1000.0F, 0.0F, 0.0F, 500.0F, -500.0F};
  std::vector<float> gradient(far.size());
  const LossResult loss =
      Loss(kStudent, {.scores = far.data(), .temperature = 0.1, .weight = 0.5}, gradient.data());
  EXPECT_TRUE(std::isfinite(loss.loss));
  for (const float g : gradient) EXPECT_TRUE(std::isfinite(g));
}

TEST(Distillation, AStepsGradientIsTheWeightedSumOfBoth) {
  const StepFixture fixture;
  Rng rng(8);
  std::vector<float> answers(kImages * 4);
  for (float& answer : answers) answer = static_cast<float>(rng.Uniform(-3, 3));
  const auto step = [&](double weight) {
    Module module(fixture.network, fixture.shapes, 3);
    const StepResult result =
        module.Step({.count = kImages,
                     .images = fixture.images.data(),
                     .labels = fixture.labels.data(),
                     .teacher = {.scores = weight > 0 ? answers.data() : nullptr,
                                 .temperature = 2,
                                 .weight = weight}},
                    {.seed = 1});
    return std::pair(result.loss, Gradients(module));
  };
  const auto labels = step(0), teacher = step(1), both = step(0.25);
  EXPECT_NEAR(both.first, 0.75 * labels.first + 0.25 * teacher.first, 1e-6);
  EXPECT_GT(std::fabs(teacher.first - labels.first), 0.1);
  for (size_t i = 0; i < both.second.size(); ++i) {
    std::vector<double> difference = both.second[i];
    for (size_t k = 0; k < difference.size(); ++k)
      difference[k] -= 0.75 * labels.second[i][k] + 0.25 * teacher.second[i][k];
    EXPECT_LE(Norm(difference), 1e-4 * Norm(labels.second[i])) << i;
  }
}

}  // namespace
}  // namespace bluestem::train
