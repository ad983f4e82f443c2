#include "bluestem/train/internal/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bluestem::train {
namespace {

TEST(Calibration, TheErrorIsTheMeanGapWeightedByImages) {
  // Three answers of 0.9, two right; one of 0.6, right.
  const Calibration result =
      Calibrate({{0.9f, 0.1f}, {0.9f, 0.1f}, {0.1f, 0.9f}, {0.4f, 0.6f}}, {0, 1, 1, 1});
  EXPECT_NEAR(result.accuracy, 0.75, 1e-9);
  EXPECT_NEAR(result.confidence, (3 * 0.9 + 0.6) / 4, 1e-6);
  EXPECT_NEAR(result.expected_error, 3.0 / 4 * (0.9 - 2.0 / 3) + 1.0 / 4 * (1 - 0.6), 1e-6);
  EXPECT_EQ(result.bins[13].images, 3);
  EXPECT_NEAR(result.bins[13].accuracy, 2.0 / 3, 1e-9);
}

TEST(Calibration, ABinHoldsItsUpperEdge) {
  const Calibration result = Calibrate({{1.0f, 0.0f}, {0.8f, 0.2f}}, {0, 0});
  EXPECT_EQ(result.bins[14].images, 1);
  EXPECT_EQ(result.bins[11].images + result.bins[12].images, 1);  // 0.8f lies just above 12/15
}

TEST(Calibration, CertainAndRightHasNoError) {
  EXPECT_EQ(Calibrate({{1.0f, 0.0f}, {0.0f, 1.0f}}, {0, 1}).expected_error, 0);
}

TEST(Calibration, NoImagesAreStillAPage) {
  const std::string html = CalibrationSection(Calibrate({}, {}));
  EXPECT_EQ(html.find("nan"), std::string::npos);
}

TEST(Calibration, OfLabelsComparesEachScoreWithTheShareThatIsThere) {
  task::MultiLabelCounts counts({"a", "b"}, 0.3);
  counts.Add({0}, {0.9F, 0.1F});
  counts.Add({0, 1}, {0.9F, 0.1F});
  counts.Add({}, {0.9F, 0.4F});
  const LabelCalibration result = CalibrateLabels(counts);
  EXPECT_EQ(result.pairs.bins[13].images, 3);  // 0.9: two of three are there
  EXPECT_NEAR(result.pairs.bins[13].accuracy, 2.0 / 3, 1e-9);
  EXPECT_NEAR(result.pairs.bins[1].accuracy, 1.0 / 2, 1e-9);  // 0.1
  EXPECT_EQ(result.pairs.bins[5].accuracy, 0);                // 0.4
  EXPECT_NEAR(result.pairs.expected_error,
              3.0 / 6 * (0.9 - 2.0 / 3) + 2.0 / 6 * (0.5 - 0.1) + 1.0 / 6 * 0.4, 1e-6);
  EXPECT_NEAR(result.pairs.confidence, (3 * 0.9 + 2 * 0.1 + 0.4) / 6, 1e-6);
  EXPECT_NEAR(result.pairs.accuracy, 3.0 / 6, 1e-9);
  // Yes or no, whatever the threshold: 0.9, 0.9, 0.9 yes, 0.1, 0.1, 0.4 no; four are right.
  EXPECT_NEAR(result.confidence, (5 * 0.9 + 0.6) / 6, 1e-6);
  EXPECT_NEAR(result.accuracy, 4.0 / 6, 1e-9);
  EXPECT_NE(CalibrationSection(result).find("overconfident"), std::string::npos);
}

TEST(Calibration, OfLabelsNearerToOneHalfThanTheyAreRightIsUnderconfident) {
  task::MultiLabelCounts counts({"a"}, 0.5);
  counts.Add({0}, {0.7F});
  counts.Add({}, {0.2F});
  EXPECT_NE(CalibrationSection(CalibrateLabels(counts)).find("underconfident"), std::string::npos);
  const std::string none = CalibrationSection(CalibrateLabels(task::MultiLabelCounts({"a"}, 0.5)));
  EXPECT_EQ(none.find("nan"), std::string::npos);
}

}  // namespace
}  // namespace bluestem::train
