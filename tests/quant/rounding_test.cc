// Rounding modes at and around the ties.
#include "bluestem/quant/rounding.h"

#include <gtest/gtest.h>

#include <limits>

namespace bluestem::quant {
namespace {

struct Case {
  double x, half_even, half_up, floor, ceil, to_zero;
};

TEST(Round, IsEachModeAtTheTies) {
  const Case cases[] = {{0.5, 0, 1, 0, 1, 0},
                        {1.5, 2, 2, 1, 2, 1},
                        {2.5, 2, 3, 2, 3, 2},
                        {-0.5, 0, 0, -1, 0, 0},
                        {-1.5, -2, -1, -2, -1, -1},
                        {-2.5, -2, -2, -3, -2, -2},
                        {0.4, 0, 0, 0, 1, 0},
                        {-0.6, -1, -1, -1, 0, 0},
                        {7, 7, 7, 7, 7, 7},
                        {0.49999999999999994, 0, 0, 0, 1, 0},
                        {-0.49999999999999994, 0, 0, -1, 0, 0},
                        {4503599627370497.0, 4503599627370497.0, 4503599627370497.0,
                         4503599627370497.0, 4503599627370497.0, 4503599627370497.0}};
  for (const Case& c : cases) {
    EXPECT_EQ(Round(c.x, Rounding::kHalfEven), c.half_even) << c.x;
    EXPECT_EQ(Round(c.x, Rounding::kFloor), c.floor) << c.x;
    EXPECT_EQ(Round(c.x, Rounding::kCeil), c.ceil) << c.x;
    EXPECT_EQ(Round(c.x, Rounding::kToZero), c.to_zero) << c.x;
    EXPECT_EQ(Round(c.x, Rounding::kHalfUp), c.half_up) << c.x;
  }
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Round(infinity, Rounding::kHalfEven), infinity);
  EXPECT_EQ(Round(-infinity, Rounding::kHalfEven), -infinity);
}

TEST(Round, TakesTiesFromZeroAndToZeroOnBothSides) {
  struct {
    double x, from_zero, half_from_zero, half_to_zero, half_odd;
  } const cases[] = {{0.5, 1, 1, 0, 1},      {-0.5, -1, -1, 0, -1}, {2.5, 3, 3, 2, 3},
                     {-2.5, -3, -3, -2, -3}, {1.5, 2, 2, 1, 1},     {1.2, 2, 1, 1, 1},
                     {-1.2, -2, -1, -1, -1}, {1.7, 2, 2, 2, 2},     {-1.7, -2, -2, -2, -2},
                     {-3, -3, -3, -3, -3}};
  for (const auto& c : cases) {
    EXPECT_EQ(Round(c.x, Rounding::kFromZero), c.from_zero) << c.x;
    EXPECT_EQ(Round(c.x, Rounding::kHalfFromZero), c.half_from_zero) << c.x;
    EXPECT_EQ(Round(c.x, Rounding::kHalfToZero), c.half_to_zero) << c.x;
    EXPECT_EQ(Round(c.x, Rounding::kHalfOdd), c.half_odd) << c.x;
  }
}

TEST(Rounding, NamesGoBothWays) {
  for (const Rounding rounding :
       {Rounding::kHalfEven, Rounding::kHalfUp, Rounding::kFloor, Rounding::kCeil,
        Rounding::kToZero, Rounding::kFromZero, Rounding::kHalfFromZero, Rounding::kHalfToZero,
        Rounding::kHalfOdd}) {
    EXPECT_EQ(FindRounding(RoundingName(rounding)), rounding);
  }
  EXPECT_FALSE(FindRounding("round").has_value());
}

}  // namespace
}  // namespace bluestem::quant
