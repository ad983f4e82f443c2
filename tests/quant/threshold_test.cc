// Folded thresholds equal the function that they were folded from, on every accumulator.
#include "bluestem/quant/threshold.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace bluestem::quant {
namespace {

int32_t Count(const ChannelThresholds& thresholds, int32_t acc) {
  int32_t count = 0;
  for (const int32_t t : thresholds.values) {
    if (thresholds.direction > 0 ? acc >= t : acc <= t) ++count;
  }
  return count;
}

void ExpectEqualEverywhere(const std::function<int32_t(int32_t)>& code, int32_t levels, int32_t low,
                           int32_t high) {
  const auto folded = FoldThresholds(code, levels, low, high);
  ASSERT_TRUE(folded.ok()) << folded.status().message();
  ASSERT_EQ(static_cast<int32_t>(folded->values.size()), levels - 1);
  for (int32_t acc = low; acc <= high; ++acc)
    ASSERT_EQ(Count(*folded, acc), code(acc)) << "at " << acc;
}

struct Chain {
  double scale, gamma, beta, mean, variance;
  QuantSpec spec;
  bool relu;
  int32_t operator()(int32_t acc) const {
    const double a = gamma / std::sqrt(variance + 1e-5);
    double x = static_cast<double>(acc) * scale;
    x = x * a + (beta - mean * a);
    if (relu && x < 0) x = 0;
    return spec.Code(x) - spec.low;
  }
};

TEST(FoldThresholds, EqualsTheChainOnAllAccumulators) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> unit(-1, 1);
  const double gammas[] = {1, -1, 0, -0.0, 1e-30, -1e-30, 1e30, -1e30, 0.37, -2.5};
  const Rounding roundings[] = {Rounding::kHalfEven, Rounding::kHalfUp, Rounding::kFloor,
                                Rounding::kCeil, Rounding::kToZero};
  for (int trial = 0; trial < 400; ++trial) {
    Chain chain{};
    chain.scale = std::abs(unit(random)) * 0.01 + 1e-9;
    chain.gamma = gammas[trial % 10];
    chain.beta = unit(random) * 3;
    chain.mean = unit(random) * 5;
    chain.variance = trial % 7 == 0 ? 0 : std::abs(unit(random));
    const int32_t bits = 1 + trial % 4;
    chain.spec = MakeQuantSpec(std::abs(unit(random)) + 1e-3, trial % 3, bits, trial % 2 == 0,
                               bits > 1 && trial % 5 == 0, roundings[trial % 5]);
    chain.relu = trial % 3 == 0;
    ExpectEqualEverywhere(chain, chain.spec.high - chain.spec.low + 1, -3000, 2000);
  }
}

TEST(FoldThresholds, TakesEightBitCodes) {
  Chain chain{1e-3, 0.8, 0.1,
              0.2,  0.5, MakeQuantSpec(0.01, 128, 8, false, false, Rounding::kHalfEven),
              false};
  ExpectEqualEverywhere(chain, 256, -5000, 5000);
  chain.gamma = -0.8;
  ExpectEqualEverywhere(chain, 256, -5000, 5000);
}

TEST(FoldThresholds, KeepsAConstantOutsideTheRangeToo) {
  const auto folded = FoldThresholds([](int32_t) { return 2; }, 4, -10, 10);
  ASSERT_TRUE(folded.ok());
  EXPECT_EQ(Count(*folded, std::numeric_limits<int32_t>::min() + 1), 2);
  EXPECT_EQ(Count(*folded, std::numeric_limits<int32_t>::max() - 1), 2);
}

TEST(FoldThresholds, StaysInsideTheWidestRange) {
  const auto code = [](int32_t acc) { return acc > 2147483000 ? 1 : 0; };
  const auto folded = FoldThresholds(code, 2, -2147483647, 2147483646);
  ASSERT_TRUE(folded.ok());
  EXPECT_EQ(folded->values[0], 2147483001);
}

TEST(FoldThresholds, RefusesAChainThatTurns) {
  const auto code = [](int32_t acc) { return acc > -50 && acc < 40 ? 1 : (acc >= 40 ? 3 : 2); };
  const auto folded = FoldThresholds(code, 4, -100, 100);
  ASSERT_FALSE(folded.ok());
  EXPECT_EQ(folded.status().code(), Code::kInternal);
}

TEST(QuantSpec, ClipsAndReadsNaNAsZero) {
  const QuantSpec spec = MakeQuantSpec(0.5, 0, 4, true, true, Rounding::kHalfEven);
  EXPECT_EQ(spec.low, -7);
  EXPECT_EQ(spec.high, 7);
  EXPECT_EQ(spec.Code(100), 7);
  EXPECT_EQ(spec.Code(-100), -7);
  EXPECT_EQ(spec.Code(std::numeric_limits<double>::infinity()), 7);
  EXPECT_EQ(spec.Code(-std::numeric_limits<double>::infinity()), -7);
  EXPECT_EQ(spec.Code(std::nan("")), 0);
  EXPECT_EQ(spec.Code(0.25), 0);
  EXPECT_EQ(spec.Code(0.75), 2);
  EXPECT_EQ(spec.Value(-7), -3.5);
}

TEST(MakeQuantSpec, IsTheRangeOfQonnx) {
  const auto range = [](int32_t bits, bool is_signed, bool narrow) {
    const QuantSpec spec = MakeQuantSpec(1, 0, bits, is_signed, narrow, Rounding::kHalfEven);
    return std::pair<int32_t, int32_t>(spec.low, spec.high);
  };
  EXPECT_EQ(range(2, true, true), std::make_pair(-1, 1));
  EXPECT_EQ(range(8, true, false), std::make_pair(-128, 127));
  EXPECT_EQ(range(8, false, false), std::make_pair(0, 255));
  EXPECT_EQ(range(4, false, true), std::make_pair(0, 14));
}

}  // namespace
}  // namespace bluestem::quant
