// Straight-through estimators: each gradient is the derivative of the surrogate that the header
// states, and a step has it whatever computes the step.
#include "bluestem/train/quantizers/straight_through.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "bluestem/edge/cpu_features.h"
#include "bluestem/train/quantizers/quantizers.h"
#include "tests/train/small_run.h"
#include "tests/train/step_fixture.h"

namespace bluestem::train {
namespace {

using Surrogate = std::function<double(double u)>;

double ApproxSign(double u) {
  if (std::fabs(u) >= 1) return u > 0 ? 1 : -1;
  return 2 * u - u * std::fabs(u);
}

Surrogate SurrogateOf(const std::string& name, double progress) {
  if (name == "identity") return [](double u) { return u; };
  if (name == "clipped") return [](double u) { return std::min(std::max(u, -1.0), 1.0); };
  if (name == "approx_sign") return ApproxSign;
  const double t = 0.1 * std::pow(100.0, progress);
  return [t](double u) { return std::max(1 / t, 1.0) * std::tanh(t * u); };
}

TEST(WeightSte, PassesTheDerivativeOfItsSurrogate) {
  Rng rng(6);
  std::vector<float> w(200);
  double square = 0;
  for (float& x : w) {
    x = static_cast<float>(rng.Uniform(-0.3, 0.3));
    square += static_cast<double>(x) * static_cast<double>(x) / 200;
  }
  const double unit = std::sqrt(square), h = 1e-5;
  for (const WeightSte& row : WeightStes()) {
    for (const double progress : {0.0, 0.25, 0.5, 1.0}) {
      const Surrogate f = SurrogateOf(row.name, progress);
      std::vector<float> gradient(w.size(), 3.0F);
      if (row.pass != nullptr) row.pass(progress, 200, w.data(), gradient.data());
      for (size_t i = 0; i < w.size(); ++i) {
        const double u = static_cast<double>(w[i]) / unit;
        if (std::fabs(std::fabs(u) - 1) < 1e-3) continue;  // the corner of a clip
        EXPECT_NEAR(static_cast<double>(gradient[i]), 3 * (f(u + h) - f(u - h)) / (2 * h), 1e-3)
            << row.name << " at " << u;
      }
    }
  }
}

TEST(WeightSte, TakesALayerOfZeros) {
  const std::vector<float> zeros(9, 0.0F);
  for (const WeightSte& row : WeightStes()) {
    std::vector<float> gradient(9, 1.0F);
    if (row.pass != nullptr) row.pass(0.5, 9, zeros.data(), gradient.data());
    for (const float g : gradient) EXPECT_TRUE(std::isfinite(g)) << row.name;
  }
}

TEST(ActivationSte, PassesTheDerivativeOfItsSurrogate) {
  const double h = 1e-3;
  for (const int32_t bits : {1, 2, 3, 4}) {
    const ActivationSpec spec{.bits = bits, .max = 2.0F};
    const auto scale = static_cast<double>(spec.Scale());
    const std::pair<const char*, Surrogate> rows[] = {
        {"clipped", [](double x) { return std::min(std::max(x, 0.0), 2.0); }},
        {"identity", [](double x) { return x; }},
        {"approx_sign", [&](double x) {
           const double steps = std::min(std::max(x, 0.0), 2.0) / scale, code = std::floor(steps);
           return scale * (code + (1 + ApproxSign(2 * (steps - code) - 1)) / 2);
         }}};
    for (const auto& [name, f] : rows) {
      const ActivationQuantizer& row = *WithActivationSte(name);
      EXPECT_EQ(row.forward, LinearMidTreadHalfForward) << name;
      for (double x = -0.5; x < 2.5; x += 0.0137) {
        if (std::fabs(x) < 2 * h || std::fabs(x - 2) < 2 * h) continue;
        const auto at = static_cast<float>(x);
        const float gy = 3.0F;
        float gx = 0;
        row.backward(spec, 1, &at, &gy, &gx);
        // A corner of the triangle lies within h of some x.
        EXPECT_NEAR(static_cast<double>(gx), 3 * (f(x + h) - f(x - h)) / (2 * h),
                    12 * h / scale + 1e-3)
            << name << " at " << x;
      }
    }
  }
  EXPECT_EQ(WithActivationSte("ede"), nullptr);
}

TEST(Ste, EveryNameOfTheConfigurationHasARow) {
  config::Experiment experiment;
  const std::string weights = config::Set(experiment, "network.weight_ste", "no").message();
  for (const WeightSte& row : WeightStes()) EXPECT_THAT(weights, testing::HasSubstr(row.name));
  EXPECT_THAT(config::Set(experiment, "network.activation_ste", "ede").message(),
              testing::HasSubstr("expected clipped, identity or approx_sign"));
}

StepResult StepWith(const StepFixture& fixture, const char* ste, const char* how, bool real,
                    std::vector<std::vector<double>>* gradients) {
  StepFixture own = fixture;
  own.network.weight_ste = FindWeightSte(ste);
  Module module(own.network, own.shapes, 3);
  if (std::string(how) == "integers") module.UseIntegers(edge::CpuIsas());
  if (std::string(how) == "operators") module.UseDevice("cpu");
  const StepResult result =
      module.Step({.count = kImages, .images = own.images.data(), .labels = own.labels.data()},
                  {.float_weights = real, .progress = 0.75, .seed = 5});
  *gradients = Gradients(module);
  return result;
}

// The values of a step stay, and so do the gradients of all that is not of one bit.
TEST(WeightSte, ChangesTheGradientsOfOneBitWeightsAloneHoweverTheStepIsTaken) {
  UseThreads(2);
  const StepFixture fixture;
  const Module module(fixture.network, fixture.shapes, 3);
  for (const char* how : {"loops", "integers", "operators"}) {
    std::vector<std::vector<double>> before, after;
    const StepResult plain = StepWith(fixture, "identity", how, false, &before);
    for (const char* ste : {"clipped", "approx_sign", "ede"}) {
      const StepResult other = StepWith(fixture, ste, how, false, &after);
      EXPECT_EQ(other.loss, plain.loss) << how << " " << ste;
      for (size_t i = 0; i < before.size(); ++i) {
        const ParameterView& p = module.parameters()[i];
        const bool one_bit = p.role == Role::kWeight &&
                             module.network().WeightsOf(module.network().blocks[p.block]).bits == 1;
        if (!one_bit) {
          EXPECT_EQ(after[i], before[i]) << p.name;
          continue;
        }
        std::vector<float> expected(before[i].begin(), before[i].end());
        FindWeightSte(ste)->pass(0.75, p.count, p.value, expected.data());
        EXPECT_EQ(after[i], std::vector<double>(expected.begin(), expected.end()))
            << how << " " << ste << " " << p.name;
        EXPECT_NE(after[i], before[i]) << how << " " << ste << " " << p.name;
      }
      if (std::string(how) != "loops") continue;
      std::vector<std::vector<double>> real, real_before;  // weights that are not quantized yet
      StepWith(fixture, ste, how, true, &real);
      StepWith(fixture, "identity", how, true, &real_before);
      EXPECT_EQ(real, real_before) << ste;
    }
  }
}

class EstimatorRun : public SmallRun {};

TEST_F(EstimatorRun, ThatNarrowsAsItGoesOnResumesBitForBit) {
  experiment_.train.arithmetic = "integer";
  experiment_.train.epochs = 3;
  ASSERT_TRUE(Train("plain", false).ok());
  experiment_.network.weight_ste = "ede";
  experiment_.network.activation_ste = "approx_sign";
  ASSERT_TRUE(Train("whole", false).ok());
  EXPECT_EQ(TrainUntil("parts", 6).code(), Code::kInterrupted);
  ASSERT_TRUE(Train("parts", true).ok());
  EXPECT_EQ(Weights("parts"), Weights("whole"));
  EXPECT_NE(Weights("whole"), Weights("plain"));
}

TEST_F(EstimatorRun, LeavesTheFp32BaselineWithout) {
  experiment_.network.weight_ste = "clipped";
  experiment_.network.activation_ste = "identity";
  experiment_.train.epochs = 1;
  experiment_.train.fp32_baseline = true;
  const Status status = Train("run", false);
  EXPECT_TRUE(status.ok()) << status.message();
}

}  // namespace
}  // namespace bluestem::train
