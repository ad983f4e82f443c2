#include "bluestem/kernels/elementwise/elementwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "tests/kernels/guarded.h"
#include "tests/kernels/value_checks.h"

namespace bluestem::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

float Unary(UnaryOp op, float x, float p0 = 0, float p1 = 0) {
  float y = -12345;
  unary_f32({.op = op, .count = 1, .p0 = p0, .p1 = p1}, &x, &y);
  return y;
}

float Binary(BinaryOp op, float x, float y) {
  float z = -12345;
  binary_f32({.op = op, .rank = 1, .extent = {1}, .x_stride = {1}, .y_stride = {1}}, &x, &y, &z);
  return z;
}

// The distance of y from the exact value, in units of the last place of a double there.
double UlpsOf(double y, long double exact) {
  const double near = static_cast<double>(exact);
  const double ulp = std::nextafter(std::fabs(near), INFINITY) - std::fabs(near);
  return static_cast<double>(std::fabs(y - exact) / ulp);
}

TEST(Exp, ErrsByLessThanOneUlp) {
  Random random(1);
  double worst = 0;
  for (int i = 0; i < 200000; ++i) {
    const double x = (random.In(-708000000, 709000000) + random.Real()) * 1e-6;
    worst = std::max(worst, UlpsOf(Exp(x), std::exp(static_cast<long double>(x))));
  }
  EXPECT_LT(worst, 1.0);
}

TEST(Exp, HasItsLimits) {
  EXPECT_EQ(Exp(0), 1.0);
  EXPECT_EQ(Exp(1000), INFINITY);
  EXPECT_EQ(Exp(-1000), 0.0);
  EXPECT_EQ(Exp(INFINITY), INFINITY);
  EXPECT_EQ(Exp(-INFINITY), 0.0);
  EXPECT_TRUE(std::isnan(Exp(NAN)));
  EXPECT_GT(Exp(-745), 0.0);
  EXPECT_LT(Exp(709.78), INFINITY);
}

TEST(Log, ErrsByLessThanTwoUlps) {
  Random random(2);
  double worst = 0;
  for (int i = 0; i < 100000; ++i) {
    const double x = std::ldexp(1.0 + std::fabs(random.Real()), random.In(-1074, 1022));
    worst = std::max(worst, UlpsOf(Log(x), std::log(static_cast<long double>(x))));
    const double near_one = 1.0 + random.Real() * 0.5;
    worst = std::max(worst, UlpsOf(Log(near_one), std::log(static_cast<long double>(near_one))));
  }
  EXPECT_LT(worst, 2.0);
  EXPECT_EQ(Log(1), 0.0);
  EXPECT_EQ(Log(0), -INFINITY);
  EXPECT_EQ(Log(INFINITY), INFINITY);
  EXPECT_TRUE(std::isnan(Log(-1)));
}

TEST(Unary, SquareRootIsCorrectlyRounded) {
  Random random(3);
  for (int i = 0; i < 200000; ++i) {
    const uint32_t bits = random.Next() & 0x7fffffffu;
    float x;
    std::memcpy(&x, &bits, sizeof(x));
    if (std::isnan(x)) continue;
    ASSERT_EQ(Unary(UnaryOp::kSqrt, x), std::sqrt(x)) << x;
  }
  EXPECT_EQ(Unary(UnaryOp::kSqrt, kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(Unary(UnaryOp::kSqrt, -1)));
}

// A function of double that is rounded once to f32: at most the last bit can differ from libm's
// (which may itself be wrong there), never two.
TEST(Unary, SigmoidTanhAndExpAreWithinOneUlpOfF32) {
  Random random(4);
  const auto expect_near = [](float y, double exact) {
    const float near = static_cast<float>(exact);
    EXPECT_TRUE(y == near || y == std::nextafter(near, kInfinity) ||
                y == std::nextafter(near, -kInfinity))
        << y << " for " << exact;
  };
  for (int i = 0; i < 100000; ++i) {
    const float x = random.Real() * std::ldexp(1.0f, random.In(-30, 6));
    expect_near(Unary(UnaryOp::kSigmoid, x), 1.0 / (1.0 + std::exp(-static_cast<double>(x))));
    expect_near(Unary(UnaryOp::kTanh, x), std::tanh(static_cast<double>(x)));
    expect_near(Unary(UnaryOp::kExp, x), std::exp(static_cast<double>(x)));
  }
}

TEST(Unary, PiecewiseOpsFollowTheirDefinition) {
  EXPECT_EQ(Unary(UnaryOp::kRelu, -2), 0);
  EXPECT_EQ(Unary(UnaryOp::kRelu, 3), 3);
  EXPECT_EQ(Unary(UnaryOp::kLeakyRelu, -2, 0.5f), -1);
  EXPECT_EQ(Unary(UnaryOp::kLeakyRelu, 2, 0.5f), 2);
  EXPECT_EQ(Unary(UnaryOp::kClip, -2, -1, 1), -1);
  EXPECT_EQ(Unary(UnaryOp::kClip, 2, -1, 1), 1);
  EXPECT_EQ(Unary(UnaryOp::kHardSigmoid, 1, 0.25f, 0.5f), 0.75f);
  EXPECT_EQ(Unary(UnaryOp::kHardSigmoid, 9, 0.25f, 0.5f), 1);
  EXPECT_EQ(Unary(UnaryOp::kAbs, -3), 3);
  EXPECT_EQ(Unary(UnaryOp::kNeg, 3), -3);
  EXPECT_EQ(Unary(UnaryOp::kCopy, 3), 3);
}

TEST(Unary, NanStaysNan) {
  for (int32_t op = 0; op <= static_cast<int32_t>(UnaryOp::kCopy); ++op) {
    EXPECT_TRUE(std::isnan(Unary(static_cast<UnaryOp>(op), kNan, 0.1f, 0.2f))) << op;
  }
}

TEST(Binary, PropagatesNanFromEitherSide) {
  for (int32_t op = 0; op <= static_cast<int32_t>(BinaryOp::kPow); ++op) {
    EXPECT_TRUE(std::isnan(Binary(static_cast<BinaryOp>(op), kNan, 2))) << op;
    EXPECT_TRUE(std::isnan(Binary(static_cast<BinaryOp>(op), 2, kNan))) << op;
  }
}

TEST(Binary, PowAgreesWithLibm) {
  Random random(5);
  for (int i = 0; i < 100000; ++i) {
    const float x = std::fabs(random.Real()) * std::ldexp(1.0f, random.In(-10, 10));
    const float y = i % 2 == 0 ? static_cast<float>(random.In(-8, 8)) : random.Real() * 8;
    const float expected = static_cast<float>(std::pow(static_cast<double>(x), y));
    const float got = Binary(BinaryOp::kPow, x, y);
    if (got == expected) continue;  // also both infinite
    EXPECT_NEAR(got, expected, std::fabs(expected) * 1.2e-7f + 1e-44f) << x << " ^ " << y;
  }
}

TEST(Binary, PowHasTheSpecialValuesOfIeee) {
  for (const float x : {-kInfinity, -2.0f, -1.0f, -0.5f, 0.0f, 0.5f, 1.0f, 2.0f, kInfinity}) {
    for (const float y : {-kInfinity, -101.0f, -3.0f, -2.5f, -1.0f, 0.0f, 0.5f, 2.0f, 3.0f, 101.0f,
                          1e9f, kInfinity}) {
      const float expected = std::pow(x, y);
      const float got = Binary(BinaryOp::kPow, x, y);
      if (std::isnan(expected)) {
        EXPECT_TRUE(std::isnan(got)) << x << " ^ " << y;
      } else {
        EXPECT_FLOAT_EQ(got, expected) << x << " ^ " << y;
      }
    }
  }
}

TEST(Binary, BroadcastsByStrides) {
  const float x[] = {1, 2, 3};
  const float y[] = {10, 20};
  float z[6] = {};
  binary_f32(
      {.op = BinaryOp::kAdd, .rank = 2, .extent = {2, 3}, .x_stride = {0, 1}, .y_stride = {1, 0}},
      x, y, z);
  const float expected[] = {11, 12, 13, 21, 22, 23};
  EXPECT_EQ(std::memcmp(z, expected, sizeof(z)), 0);
}

TEST(Quantize, RoundsEachWayAndClips) {
  const float x[] = {-9, -2.5f, -1.5f, -0.5f, -0.25f, 0.25f, 0.5f, 1.5f, 2.5f, 9, kNan, kInfinity};
  const uint8_t expected[5][12] = {{0, 1, 1, 3, 3, 3, 3, 5, 5, 6, 3, 6},   // half to even
                                   {0, 1, 2, 3, 3, 3, 4, 5, 6, 6, 3, 6},   // half up
                                   {0, 0, 1, 2, 2, 3, 3, 4, 5, 6, 3, 6},   // floor
                                   {0, 1, 2, 3, 3, 4, 4, 5, 6, 6, 3, 6},   // ceiling
                                   {0, 1, 2, 3, 3, 3, 3, 4, 5, 6, 3, 6}};  // to zero
  for (int32_t rounding = 0; rounding < 5; ++rounding) {
    uint8_t y[12] = {};
    quantize_f32_u8(
        {.count = 12, .scale = 1.0, .zero_point = 0.0, .low = -3, .high = 3, .rounding = rounding},
        x, y);
    for (int i = 0; i < 12; ++i) EXPECT_EQ(y[i], expected[rounding][i]) << rounding << " " << x[i];
  }
}

TEST(Dequantize, SubtractsThenScales) {
  const uint8_t x[] = {0, 3, 255};
  float y[3] = {};
  dequantize_u8_f32({.count = 3, .zero_point = 3, .scale = 0.1f}, x, y);
  EXPECT_EQ(y[0], -3.0f * 0.1f);
  EXPECT_EQ(y[1], 0.0f);
  EXPECT_EQ(y[2], 252.0f * 0.1f);
}

TEST(Threshold, CountsInBothDirections) {
  const int32_t x[] = {-1, 5, 5, INT32_MIN, INT32_MAX, 7};
  const int32_t t[] = {-1, 5, 3, 6, INT32_MIN, INT32_MAX};
  const int8_t d[] = {1, -1, 1};
  uint8_t y[6] = {};
  threshold_s32_u8({.rows = 2, .channels = 3, .levels = 3}, x, t, d, y);
  const uint8_t expected[] = {1, 1, 1, 0, 0, 1};
  EXPECT_EQ(std::memcmp(y, expected, sizeof(y)), 0);
}

TEST(Lookup, ReadsTheTable) {
  uint8_t table[256];
  for (int i = 0; i < 256; ++i) table[i] = static_cast<uint8_t>(255 - i);
  const uint8_t x[] = {0, 1, 255};
  uint8_t y[3] = {};
  lookup_u8(3, table, x, y);
  EXPECT_EQ(y[0], 255);
  EXPECT_EQ(y[1], 254);
  EXPECT_EQ(y[2], 0);
}

TEST(Affine, RoundsTheProductBeforeTheSum) {
  // With a fused multiply-add the result would be 2^-46 and not 0.
  const float x = 1.0f + 0x1p-23f;
  const float a = 1.0f - 0x1p-23f;
  const float b = -1.0f;
  float y = 5;
  affine_f32({.rows = 1, .channels = 1, .relu = 0}, &x, &a, &b, &y);
  EXPECT_EQ(y, 0.0f);
  const float negative = -3.0f;
  affine_f32({.rows = 1, .channels = 1, .relu = 1}, &negative, &a, &b, &y);
  EXPECT_EQ(y, 0.0f);
}

TEST(RealThreshold, CountsWhatIsReachedInFewAndInManyLevels) {
  for (const int32_t levels : {2, 3, 9, 10, 17, 64, 256}) {
    std::vector<float> t;
    for (int32_t k = 1; k < levels; ++k) t.push_back(static_cast<float>(k / 2));  // pairs are equal
    std::vector<float> x = {-kInfinity, -1, -0.0f, 0, 0.5f, 1, 3.5f, 127, kInfinity, kNan};
    std::vector<uint8_t> y(x.size());
    threshold_f32_u8({.rows = 10, .channels = 1, .levels = levels}, x.data(), t.data(), y.data());
    for (size_t i = 0; i < x.size(); ++i) {
      const float v = std::isnan(x[i]) ? 0 : x[i];
      EXPECT_EQ(y[i], std::count_if(t.begin(), t.end(), [&](float one) { return v >= one; }))
          << levels << " levels at " << x[i];
    }
  }
}

TEST(Unary, WholeNumbersAreLibmsUpToTheSignOfZero) {
  Random random(9);
  for (int i = 0; i < 100000; ++i) {
    const uint32_t bits = random.Next();
    float x;
    std::memcpy(&x, &bits, sizeof(x));
    if (i % 2 == 0) x = static_cast<float>(static_cast<int32_t>(bits >> 20)) / 4 - 500;
    if (std::isnan(x)) continue;
    ASSERT_EQ(Unary(UnaryOp::kFloor, x), std::floor(x)) << x;
    ASSERT_EQ(Unary(UnaryOp::kCeil, x), std::ceil(x)) << x;
    ASSERT_EQ(Unary(UnaryOp::kRound, x), std::nearbyint(x)) << x;
  }
  EXPECT_TRUE(std::isnan(Unary(UnaryOp::kFloor, kNan)));
}

TEST(Softmax, SumsToOneAndKeepsRatios) {
  const float x[] = {0, 1, 2, 1000, 1000, -1000};
  float y[6] = {};
  softmax_f32({.rows = 2, .channels = 3}, x, y);
  const double sum = 1 + std::exp(1.0) + std::exp(2.0);
  EXPECT_EQ(y[0], static_cast<float>(std::exp(-2.0) / (sum * std::exp(-2.0))));
  EXPECT_FLOAT_EQ(y[2], static_cast<float>(std::exp(2.0) / sum));
  EXPECT_EQ(y[3], 0.5f);
  EXPECT_EQ(y[5], 0.0f);
}

TEST(Reduce, GoesOverTheMiddleAxis) {
  const float x[] = {1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, kNan};  // [2, 3, 2]
  float y[4] = {};
  reduce_f32({.outer = 2, .n = 3, .inner = 2, .op = 0}, x, y);
  EXPECT_EQ(y[0], 9);
  EXPECT_EQ(y[1], 12);
  EXPECT_EQ(y[2], -9);
  EXPECT_TRUE(std::isnan(y[3]));
  reduce_f32({.outer = 2, .n = 3, .inner = 2, .op = 1}, x, y);
  EXPECT_EQ(y[0], 9 * (1.0f / 3));
  reduce_f32({.outer = 2, .n = 3, .inner = 2, .op = 2}, x, y);
  EXPECT_EQ(y[0], 5);
  EXPECT_EQ(y[2], -1);
  EXPECT_TRUE(std::isnan(y[3]));
}

TEST(Values, HaveTheSameBitsAsOnEveryOtherMachine) {
  EXPECT_EQ(CheckValueBits(), "");
}

}  // namespace
}  // namespace bluestem::kernels
