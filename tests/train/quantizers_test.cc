// Quantizers of training against their written definitions.
#include "bluestem/train/quantizers/quantizers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <set>

#include "bluestem/base/rng.h"
#include "bluestem/config/experiment.h"

namespace bluestem::train {
namespace {

TEST(WeightQuantizer, BinaryTakesZeroAsPlusOneAndScalesByTheMeanMagnitude) {
  const std::vector<float> w = {0.0F, -0.5F, 1.5F, -2.0F, -0.0F, 2.0F};
  const QuantizedWeights layer = BinaryMeanScaling(w.data(), 2, 3);
  EXPECT_EQ(layer.codes, (std::vector<int8_t>{1, -1, 1, -1, 1, 1}));
  EXPECT_EQ(layer.scales, std::vector<float>{1.0F});
  const QuantizedWeights channels = BinaryChannelWiseMeanScaling(w.data(), 2, 3);
  EXPECT_EQ(channels.codes, layer.codes);
  EXPECT_EQ(channels.scales,
            (std::vector<float>{static_cast<float>(2.0 / 3), static_cast<float>(4.0 / 3)}));
}

TEST(WeightQuantizer, EveryRowHasPositiveScalesEvenForZeroWeights) {
  const std::vector<float> zeros(12, 0.0F);
  for (const WeightQuantizer& row : WeightQuantizers()) {
    if (row.bits == 0) continue;
    const QuantizedWeights result = row.quantize(zeros.data(), 3, 4);
    EXPECT_EQ(result.codes.size(), 12U) << row.name;
    for (const float scale : result.scales) EXPECT_GT(scale, 0.0F) << row.name;
  }
}

TEST(WeightQuantizer, EightBitsStayWithinHalfAStep) {
  Rng rng(2);
  std::vector<float> w(5 * 27);
  for (float& x : w) x = static_cast<float>(rng.Uniform(-3, 3));
  std::vector<float> values(w.size());
  WeightValues(*FindWeightQuantizer("linear_symmetric_8bit"), 0, w.data(), 5, 27, values.data());
  const QuantizedWeights quantized = LinearSymmetric(8, w.data(), 5, 27);
  for (size_t i = 0; i < w.size(); ++i) {
    EXPECT_LE(std::fabs(values[i] - w[i]), quantized.scales[i / 27] * 0.5001F);
    EXPECT_GE(quantized.codes[i], -127);
  }
}

TEST(WeightQuantizer, TernaryDropsSmallWeightsAndScalesByTheOthersMean) {
  // mean |w| = 1, threshold 0.7
  const std::vector<float> w = {0.6F, -0.8F, 1.2F, -2.0F, 0.0F, 1.4F};
  const QuantizedWeights quantized = TernaryMeanScaling(w.data(), 2, 3);
  EXPECT_EQ(quantized.codes, (std::vector<int8_t>{0, -1, 1, -1, 0, 1}));
  ASSERT_EQ(quantized.scales.size(), 1U);
  EXPECT_FLOAT_EQ(quantized.scales[0], (0.8F + 1.2F + 2.0F + 1.4F) / 4);
}

TEST(WeightQuantizer, OfSoManyBitsIsTheConfiguredOneOrTheFirstOfThem) {
  const WeightQuantizer& channels = *FindWeightQuantizer("binary_channel_wise_mean_scaling");
  EXPECT_STREQ(WeightQuantizerOf(channels, 1).name, "binary_channel_wise_mean_scaling");
  EXPECT_STREQ(WeightQuantizerOf(channels, 2).name, "ternary_mean_scaling");
  EXPECT_STREQ(WeightQuantizerOf(channels, 5).name, "linear_symmetric_5bit");
  const WeightQuantizer& learned = *FindWeightQuantizer("lsq_4bit");
  EXPECT_STREQ(WeightQuantizerOf(learned, 1).name, "binary_mean_scaling");
  EXPECT_STREQ(WeightQuantizerOf(learned, 2).name, "lsq_2bit");
  EXPECT_STREQ(WeightQuantizerOf(learned, 8).name, "lsq_8bit");
}

TEST(WeightQuantizer, LsqRoundsToItsStepAndClips) {
  const std::vector<float> w = {0.1F, 0.3F, -0.5F, -0.75F, 1.0F, -2.0F};
  const WeightQuantizer& lsq = *FindWeightQuantizer("lsq_3bit");
  const QuantizedWeights quantized = Quantize(lsq, 0.25F, w.data(), 2, 3);
  EXPECT_EQ(quantized.codes, (std::vector<int8_t>{0, 1, -2, -3, 3, -3}));
  EXPECT_EQ(quantized.scales, std::vector<float>{0.25F});
  // mean |w| = 0.775, q = 3
  EXPECT_FLOAT_EQ(LsqInitialStep(3, 6, w.data()), static_cast<float>(2 * 0.775 / std::sqrt(3.0)));
  EXPECT_FLOAT_EQ(lsq.quantize(w.data(), 2, 3).scales[0], LsqInitialStep(3, 6, w.data()));
}

TEST(WeightQuantizer, LsqsStepGetsTheGradientOfThePaper) {
  const float w[] = {0.1F, -0.3F, 0.75F, -2.0F};  // 0.4, -1.2 of a step; at the border; outside
  float gradient[] = {1.0F, 2.0F, 4.0F, 8.0F};
  const double slope = (0.0 - 0.4) * 1 + (-1.0 + 1.2) * 2 + 3 * 4 - 3 * 8;
  EXPECT_NEAR(LsqStepGradient(3, 0.25F, 4, w, gradient), slope / std::sqrt(4.0 * 3), 1e-6);
  EXPECT_THAT(gradient, testing::ElementsAre(1.0F, 2.0F, 0.0F, 0.0F));
}

// Where every weight is clipped, the values are smooth in the step: its gradient is the derivative.
TEST(WeightQuantizer, LsqsStepGradientIsTheFiniteDifferenceWhereAllIsClipped) {
  Rng rng(3);
  std::vector<float> w(40), c(40), values(40);
  for (size_t i = 0; i < w.size(); ++i) {
    w[i] = static_cast<float>(rng.Uniform(1, 2)) * (rng.Below(2) == 0 ? 1.0F : -1.0F);
    c[i] = static_cast<float>(rng.Uniform(-1, 1));
  }
  const WeightQuantizer& lsq = *FindWeightQuantizer("lsq_4bit");
  const auto loss = [&](float step) {
    WeightValues(lsq, step, w.data(), 5, 8, values.data());
    double sum = 0;
    for (size_t i = 0; i < w.size(); ++i)
      sum += static_cast<double>(c[i]) * static_cast<double>(values[i]);
    return sum;
  };
  const double slope = (loss(0.101F) - loss(0.099F)) / 0.002;
  std::vector<float> gradient = c;
  const double factor = 1 / std::sqrt(40.0 * 7);
  EXPECT_NEAR(LsqStepGradient(4, 0.1F, 40, w.data(), gradient.data()), factor * slope,
              1e-3 * std::fabs(factor * slope));
}

TEST(ActivationQuantizer, PactsMaxGetsTheGradientsOfWhatIsClipped) {
  const ActivationSpec spec{.bits = 2, .max = 1.5F};
  const float x[] = {-1.0F, 0.7F, 1.5F, 9.0F}, gy[] = {1.0F, 2.0F, 3.0F, 4.0F};
  const ActivationQuantizer& pact = *FindActivationQuantizer("pact");
  EXPECT_DOUBLE_EQ(pact.max_gradient(spec, 4, x, gy), 7.0);
  EXPECT_DOUBLE_EQ(pact.max_factor(spec, 100), 1.0);
}

// Where everything is clipped or 0, the values are smooth in the greatest one: its gradient is the
// derivative.
TEST(ActivationQuantizer, PactsMaxGradientIsTheFiniteDifferenceAwayFromRounding) {
  Rng rng(3);
  std::vector<float> x(100), c(100), y(100);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i % 3 == 0 ? rng.Uniform(-1, -0.1) : rng.Uniform(1.7, 4));
    c[i] = static_cast<float>(rng.Uniform(-1, 1));
  }
  const ActivationQuantizer& pact = *FindActivationQuantizer("pact");
  const auto loss = [&](float max) {
    pact.forward({.bits = 2, .max = max}, 100, x.data(), y.data());
    double sum = 0;
    for (size_t i = 0; i < x.size(); ++i)
      sum += static_cast<double>(c[i]) * static_cast<double>(y[i]);
    return sum;
  };
  const double slope = (loss(1.51F) - loss(1.49F)) / 0.02;
  const ActivationSpec spec{.bits = 2, .max = 1.5F};
  EXPECT_NEAR(pact.max_factor(spec, 100) * pact.max_gradient(spec, 100, x.data(), c.data()), slope,
              1e-4 * std::fabs(slope) + 1e-4);
}

// Of the values' sum, weighted with c, in lsq's step: max = 3 * step.
double LsqSlope(double step, const std::vector<float>& x, const std::vector<float>& c,
                const std::function<double(double step, size_t i)>& value) {
  const double h = 0.01 * step;
  double slope = 0;
  for (size_t i = 0; i < x.size(); ++i)
    slope += static_cast<double>(c[i]) * (value(step + h, i) - value(step - h, i)) / (2 * h);
  return slope;
}

// Where everything is clipped or 0, the values are smooth in the step: its gradient is their
// finite difference.
TEST(ActivationQuantizer, LsqsStepGradientIsTheFiniteDifferenceWhereAllIsClipped) {
  const ActivationQuantizer& lsq = *FindActivationQuantizer("lsq");
  Rng rng(3);
  std::vector<float> x(100), c(100);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i % 3 == 0 ? rng.Uniform(-1, -0.1) : rng.Uniform(1.7, 4));
    c[i] = static_cast<float>(rng.Uniform(-1, 1));
  }
  const double slope = LsqSlope(0.5, x, c, [&](double step, size_t i) {
    float y = 0;
    lsq.forward({.bits = 2, .max = static_cast<float>(3 * step)}, 1, &x[i], &y);
    return static_cast<double>(y);
  });
  EXPECT_GT(std::fabs(slope), 1);
  const ActivationSpec spec{.bits = 2, .max = 1.5F};
  EXPECT_NEAR(lsq.max_gradient(spec, 100, x.data(), c.data()), slope, 1e-4 * std::fabs(slope));
}

// Inside, it is that of the value with the rounding's own offset held: (x / step + (round(v0) -
// v0)) * step, v0 = x / step where the gradient is taken.
TEST(ActivationQuantizer, LsqsStepGradientIsTheFiniteDifferenceInsideWithTheOffsetHeld) {
  const ActivationQuantizer& lsq = *FindActivationQuantizer("lsq");
  Rng rng(4);
  std::vector<float> x(100), c(100);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(rng.Uniform(0.01, 1.45));
    c[i] = static_cast<float>(rng.Uniform(-1, 1));
  }
  const double slope = LsqSlope(0.5, x, c, [&](double step, size_t i) {
    const auto value = static_cast<double>(x[i]);
    const double v0 = value / 0.5;
    return (value / step + (std::floor(v0 + 0.5) - v0)) * step;
  });
  const ActivationSpec spec{.bits = 2, .max = 1.5F};
  EXPECT_NEAR(lsq.max_gradient(spec, 100, x.data(), c.data()), slope, 1e-4);
}

TEST(ActivationQuantizer, LsqsMaxGetsTheGradientOfItsStepAsThePaperScalesIt) {
  const ActivationSpec spec{.bits = 2, .max = 1.5F};  // step 0.5
  const ActivationQuantizer& lsq = *FindActivationQuantizer("lsq");
  const std::pair<float, double> slopes[] = {{-0.3F, 0.0}, {0.1F, -0.2}, {0.4F, 0.2}, {0.9F, 0.2},
                                             {1.4F, 0.2},  {1.5F, 3.0},  {7.0F, 3.0}};
  for (const auto& [x, slope] : slopes) {
    const float gy = 2.0F;
    EXPECT_NEAR(lsq.max_gradient(spec, 1, &x, &gy), 2 * slope, 1e-5) << x;
  }
  // Of any number of elements: the sum of each alone.
  for (const int64_t count : {1, 31, 32, 33, 512, 1000}) {
    std::vector<float> many(static_cast<size_t>(count)), gradients(many);
    double lsq_sum = 0, pact_sum = 0;
    for (size_t i = 0; i < many.size(); ++i) {
      many[i] = 0.003F * static_cast<float>(i * 7 % 1000) - 0.5F;
      gradients[i] = static_cast<float>(i % 5) - 1.5F;
      lsq_sum += lsq.max_gradient(spec, 1, &many[i], &gradients[i]);
      pact_sum += FindActivationQuantizer("pact")->max_gradient(spec, 1, &many[i], &gradients[i]);
    }
    EXPECT_NEAR(lsq.max_gradient(spec, count, many.data(), gradients.data()), lsq_sum, 1e-3);
    EXPECT_NEAR(
        FindActivationQuantizer("pact")->max_gradient(spec, count, many.data(), gradients.data()),
        pact_sum, 1e-3);
  }
  EXPECT_NEAR(lsq.max_factor(spec, 48), 3.0 / std::sqrt(48.0 * 3.0), 1e-12);
}

TEST(ActivationQuantizer, LinearMidTreadHalfGivesTheDefinedLevelsAtEveryBitWidth) {
  for (int32_t bits = 1; bits <= 8; ++bits) {
    const ActivationSpec spec{.bits = bits, .max = 2.0F};
    std::vector<float> x;
    for (int i = -100; i <= 300; ++i) x.push_back(static_cast<float>(i) * 0.01F + 0.0017F);
    std::vector<float> y(x.size());
    LinearMidTreadHalfForward(spec, static_cast<int64_t>(x.size()), x.data(), y.data());
    std::set<float> seen(y.begin(), y.end());
    EXPECT_LE(seen.size(), static_cast<size_t>(spec.Levels()));
    for (size_t i = 0; i < x.size(); ++i) {
      const double clipped = std::min(std::max(static_cast<double>(x[i]), 0.0), 2.0);
      const double code = std::floor(clipped / 2.0 * (spec.Levels() - 1) + 0.5);
      EXPECT_NEAR(static_cast<double>(y[i]), code * 2.0 / (spec.Levels() - 1), 1e-6) << x[i];
    }
  }
}

TEST(ActivationQuantizer, GradientIsOneStrictlyInsideTheRangeAndZeroElsewhere) {
  const ActivationSpec spec{.bits = 2, .max = 2.0F};
  const std::vector<float> x = {-1.0F, 0.0F, 1e-6F, 1.0F, 1.999F, 2.0F, 3.0F}, g(x.size(), 5.0F);
  std::vector<float> gx(x.size());
  LinearMidTreadHalfBackward(spec, 7, x.data(), g.data(), gx.data());
  EXPECT_EQ(gx, (std::vector<float>{0, 0, 5, 5, 5, 0, 0}));
}

TEST(ActivationQuantizer, NoneIsReluAndItsGradientIsTheFiniteDifference) {
  const ActivationQuantizer& none = *FindActivationQuantizer("none");
  const ActivationSpec spec;
  const float x[] = {-0.7F, 0.9F}, one[] = {1.0F, 1.0F};
  float gx[2], low[2], high[2];
  none.backward(spec, 2, x, one, gx);
  const float below[] = {x[0] - 0.01F, x[1] - 0.01F}, above[] = {x[0] + 0.01F, x[1] + 0.01F};
  none.forward(spec, 2, below, low);
  none.forward(spec, 2, above, high);
  for (int i = 0; i < 2; ++i) EXPECT_NEAR((high[i] - low[i]) / 0.02F, gx[i], 1e-3);
}

TEST(Quantizers, EveryNameOfTheConfigurationHasARow) {
  // The choices of a key stand in the message that refuses another.
  const auto choices = [](const char* key) {
    config::Experiment experiment;
    return config::Set(experiment, key, "nothing").message();
  };
  for (const WeightQuantizer& row : WeightQuantizers())
    EXPECT_THAT(choices("network.weight_quantizer"), testing::HasSubstr(row.name));
  for (const ActivationQuantizer& row : ActivationQuantizers())
    EXPECT_THAT(choices("network.activation_quantizer"), testing::HasSubstr(row.name));
  EXPECT_EQ(FindWeightQuantizer("ternary"), nullptr);
}

}  // namespace
}  // namespace bluestem::train
