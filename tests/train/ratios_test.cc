// Whole ratios: that a code moves every threshold of a channel by the same whole number of sums, in
// doubles and in f32.
#include "bluestem/train/internal/ratios.h"

#include <gtest/gtest.h>

#include <cmath>

#include "bluestem/base/rng.h"
#include "bluestem/quant/threshold.h"
#include "bluestem/train/internal/exact_math.h"

namespace bluestem::train {
namespace {

constexpr int64_t kChannels = 64;
constexpr int32_t kReach = 3 * 9 * 512;  // 2-bit codes, signs

// A block with a shortcut of codes after two others, each with its own greatest activation.
struct Fixture {
  Network network;
  BlockConstants constants;

  Fixture(int32_t bits, bool one_step, uint64_t seed) {
    Rng rng(seed);
    network.weight_quantizer = FindWeightQuantizer("binary_mean_scaling");
    network.activation_quantizer = FindActivationQuantizer("lsq");
    network.blocks = {{.name = "a"}, {.name = "b"}, {.name = "c", .code_shortcut = 2}};
    for (Block& block : network.blocks) {
      block.channels = kChannels;
      block.spec = {.bits = bits, .max = one_step ? 2.0F : static_cast<float>(rng.Uniform(0.3, 4))};
    }
    constants.weights = {.bits = 1, .codes = {}, .scales = {0.037F}};
    for (int64_t c = 0; c < kChannels; ++c) {
      const float gammas[] = {0.0F, -1.3F, 1e-20F, 0.7F, 2.5F, -1e-4F, 1.0F, 900.0F};
      constants.gamma.push_back(gammas[rng.Below(8)]);
      constants.beta.push_back(static_cast<float>(rng.Uniform(-2, 2)));
      constants.mean.push_back(static_cast<float>(rng.Uniform(-3, 3)));
      constants.variance.push_back(static_cast<float>(std::exp(rng.Uniform(-8, 2))));
    }
  }

  const Block& block() const { return network.blocks[2]; }
  double XScale() const { return static_cast<double>(network.blocks[1].spec.Scale()); }
  Chain ChainOf() const { return MakeChain(constants, block().epsilon, kChannels, XScale(), true); }
};

// The thresholds of channel c when `code` is added, in doubles (rule 3) or in f32 (rule 4).
quant::ChannelThresholds ThresholdsOf(const Fixture& fixture, size_t c, int32_t code, bool f32) {
  const Chain chain = fixture.ChainOf();
  std::vector<float> multiply, add;
  chain.Folded(multiply, add);
  const float added = static_cast<float>(code) * fixture.network.blocks[0].spec.Scale();
  const auto code_of = [&](int32_t acc) {
    const auto sum = static_cast<float>(acc);
    if (!f32) {
      const double value = chain.Value(sum, c) + static_cast<double>(added);
      return static_cast<int32_t>(Code(value, fixture.block().spec));
    }
    const float product = sum * multiply[c];
    const float normed = product + add[c];
    return static_cast<int32_t>(Code(static_cast<double>(normed + added), fixture.block().spec));
  };
  return quant::FoldThresholds(code_of, fixture.block().spec.Levels(), -4 * kReach, 4 * kReach)
      .value();
}

TEST(Ratios, ACodeMovesAllThresholdsByOneWholeNumber) {
  for (const int32_t bits : {1, 2, 3, 4}) {
    for (const bool one_step : {true, false}) {
      if (bits == 4 && !one_step) continue;  // 15 fractions may lie too close
      Fixture fixture(bits, one_step, static_cast<uint64_t>(bits));
      ASSERT_TRUE(AddsCodesToSums(fixture.network, 2));
      ASSERT_TRUE(MakeRatiosWhole(fixture.network, 2, fixture.constants));
      const Chain chain = fixture.ChainOf();
      const auto step = static_cast<double>(fixture.network.blocks[0].spec.Scale());
      for (size_t c = 0; c < kChannels; ++c) {
        const double exact = step / (chain.scale[c] * chain.a[c]), ratio = std::round(exact);
        EXPECT_NEAR(exact / ratio, 1.0, 1e-6);
        EXPECT_GE(std::abs(ratio), 1);
        EXPECT_LE(std::abs(ratio), kGreatestRatio);
        const quant::ChannelThresholds first = ThresholdsOf(fixture, c, 0, false);
        for (int32_t code = 0; code < fixture.block().spec.Levels(); ++code) {
          const quant::ChannelThresholds wide = ThresholdsOf(fixture, c, code, false);
          EXPECT_EQ(wide.values, ThresholdsOf(fixture, c, code, true).values);
          for (size_t k = 0; k < first.values.size(); ++k) {
            if (std::abs(int64_t{first.values[k]}) > kReach) continue;  // no sum comes there
            EXPECT_EQ(wide.values[k], first.values[k] - code * static_cast<int32_t>(ratio))
                << "channel " << c << ", code " << code << ", threshold " << k;
          }
        }
      }
    }
  }
}

TEST(Ratios, ANewBetaChangesNoCodeWhereStepsAreOne) {
  Fixture fixture(2, true, 9);
  const std::vector<float> beta = fixture.constants.beta;
  ASSERT_TRUE(MakeRatiosWhole(fixture.network, 2, fixture.constants));
  Fixture plain = fixture;
  plain.constants.beta = beta;
  for (size_t c = 0; c < kChannels; ++c)
    EXPECT_EQ(ThresholdsOf(fixture, c, 0, false).values, ThresholdsOf(plain, c, 0, false).values);
}

TEST(Ratios, ConstantsStayWhereThresholdsLieTooClose) {
  Fixture fixture(8, false, 3);
  fixture.constants.mean[5] = 4000;
  const std::vector<float> gamma = fixture.constants.gamma, beta = fixture.constants.beta;
  EXPECT_FALSE(MakeRatiosWhole(fixture.network, 2, fixture.constants));
  EXPECT_EQ(fixture.constants.gamma, gamma);
  EXPECT_EQ(fixture.constants.beta, beta);
}

TEST(Ratios, BelongToCodesAddedToIntegerSumsThatBecomeCodes) {
  Fixture fixture(2, true, 1);
  EXPECT_FALSE(AddsCodesToSums(fixture.network, 1));
  fixture.network.blocks[2].activation = Activation::kRelu;
  EXPECT_FALSE(AddsCodesToSums(fixture.network, 2));
  fixture.network.blocks[2].activation = Activation::kQuantized;
  fixture.network.blocks[0].activation = Activation::kRelu;
  EXPECT_FALSE(AddsCodesToSums(fixture.network, 2));
}

}  // namespace
}  // namespace bluestem::train
