#include "bluestem/runtime/onednn/lines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace bluestem::runtime {
namespace {

int32_t Count(const std::vector<int32_t>& thresholds, int32_t direction, int64_t sum) {
  return static_cast<int32_t>(std::count_if(thresholds.begin(), thresholds.end(), [&](int32_t t) {
    return direction > 0 ? sum >= t : sum <= t;
  }));
}

int32_t Round(const Line& line, int32_t levels, int64_t sum) {
  const float height = (static_cast<float>(sum) + line.shift) * line.scale;
  return static_cast<int32_t>(
      std::nearbyint(std::clamp(height, 0.0F, static_cast<float>(levels - 1))));
}

// Expects the same codes of every sum.
void ExpectSameCodes(const Line& line, const std::vector<int32_t>& thresholds, int32_t direction,
                     const SumRange& range) {
  const auto levels = static_cast<int32_t>(thresholds.size()) + 1;
  for (int64_t sum = range.least; sum <= range.greatest; ++sum) {
    ASSERT_EQ(Round(line, levels, sum), Count(thresholds, direction, sum)) << "of sum " << sum;
  }
}

std::optional<Line> Through(const std::vector<int32_t>& thresholds, int32_t direction,
                            const SumRange& range) {
  return LineThrough(thresholds.data(), static_cast<int32_t>(thresholds.size()), direction, range);
}

TEST(Lines, GiveTheCodesOfThresholdsThatAQuantizerMade) {
  std::mt19937 random(1);
  int found = 0;
  for (const int32_t levels : {2, 3, 4, 16, 255, 256}) {
    for (int round = 0; round < 40; ++round) {
      const int32_t direction = round % 3 == 0 ? -1 : 1;
      const double step = std::exp2(static_cast<double>(random() % 120) / 10 - 1);
      const double middle = static_cast<double>(random() % 20000) - 10000;
      std::vector<int32_t> thresholds;
      for (int32_t k = 0; k < levels - 1; ++k) {
        const double at = middle + (k - levels / 2) * step;
        thresholds.push_back(direction * static_cast<int32_t>(std::ceil(at)));
      }
      const SumRange range = {-20000, 30000};
      SCOPED_TRACE(testing::Message() << levels << " levels, step " << step);
      const auto line = Through(thresholds, direction, range);
      if (line.has_value()) ExpectSameCodes(*line, thresholds, direction, range);
      found += line.has_value() ? 1 : 0;
      // Hundreds of levels of hundreds of sums each are finer than an f32.
      EXPECT_TRUE(line.has_value() || (levels > 16 && step > 100));
    }
  }
  EXPECT_GT(found, 200);
}

TEST(Lines, NeedNotRespectThresholdsThatNoSumReaches) {
  for (const std::vector<int32_t>& thresholds : {std::vector<int32_t>{INT32_MIN, 5, INT32_MAX},
                                                 {INT32_MIN, INT32_MIN, INT32_MIN},
                                                 {INT32_MAX, INT32_MAX, INT32_MAX},
                                                 {INT32_MIN, 100, 101},
                                                 {-900, -700, 800}}) {
    for (const int32_t direction : {1, -1}) {
      const SumRange range = {-60, 60};
      const auto line = Through(thresholds, direction, range);
      ASSERT_TRUE(line.has_value()) << thresholds[0] << " " << thresholds[1];
      ExpectSameCodes(*line, thresholds, direction, range);
    }
  }
}

TEST(Lines, GiveSeveralCodesAtOneSum) {
  const std::vector<int32_t> thresholds = {7, 7, 7};
  const auto line = Through(thresholds, 1, {-50, 50});
  ASSERT_TRUE(line.has_value());
  ExpectSameCodes(*line, thresholds, 1, {-50, 50});
}

TEST(Lines, AreNotFoundThroughABend) {
  EXPECT_FALSE(Through({0, 10, 100}, 1, {-1000, 1000}).has_value());
  EXPECT_FALSE(Through({0, 1, 1, 1, 40}, -1, {-1000, 1000}).has_value());
}

TEST(Lines, AreNotFoundWhereF32IsTooCoarse) {
  // Neighbouring sums that are one f32.
  EXPECT_FALSE(Through({(1 << 26) + 1}, 1, {0, 1 << 27}).has_value());
  EXPECT_TRUE(Through({(1 << 26) + 5}, 1, {0, 1 << 27}).has_value());
}

}  // namespace
}  // namespace bluestem::runtime
