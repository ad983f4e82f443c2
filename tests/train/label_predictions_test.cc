// What is shown of a class where a picture has any number of them.
#include "bluestem/train/internal/label_predictions.h"

#include <gmock/gmock.h>

#include <limits>

#include "bluestem/train/internal/labels_section.h"

namespace bluestem::train {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<int64_t> Indices(const std::vector<Prediction>& shown) {
  std::vector<int64_t> indices;
  for (const Prediction& prediction : shown) indices.push_back(prediction.index);
  return indices;
}

TEST(LabelPredictions, AreTheSurestTheWorstMissesAndTheWorstFalseAlarms) {
  task::MultiLabelCounts counts({"a", "b"}, 0.5);
  // Pictures 0 to 4 have a, 5 to 9 do not; none has b.
  const float scores[] = {0.9F, 0.2F, 0.7F, 0.8F, 0.4F, 0.6F, 0.1F, 0.3F, 0.95F, 0.2F};
  for (size_t i = 0; i < 10; ++i)
    counts.Add(i < 5 ? std::vector<int32_t>{0} : std::vector<int32_t>{}, {scores[i], 0.5F});
  const std::vector<LabelPredictions> all = ChooseLabelPredictions(counts, 0.5);
  ASSERT_EQ(all.size(), 1U);  // b cannot be ranked
  EXPECT_EQ(all[0].label, 0U);
  EXPECT_EQ(all[0].pictures, 5);
  EXPECT_EQ(all[0].missed, 2);
  EXPECT_EQ(all[0].false_alarms, 2);
  EXPECT_THAT(Indices(all[0].right), ElementsAre(0, 3));
  EXPECT_THAT(Indices(all[0].least), ElementsAre(1, 4, 2));
  EXPECT_THAT(Indices(all[0].greatest), ElementsAre(8, 5, 7));
  EXPECT_EQ(all[0].greatest[0].probability, static_cast<double>(0.95F));
}

TEST(LabelPredictions, APictureIsNotShownAsRightAndAsMissed) {
  task::MultiLabelCounts counts({"a"}, 0.5);
  counts.Add({0}, {0.9F});
  counts.Add({}, {0.1F});
  const LabelPredictions one = ChooseLabelPredictions(counts, 0.5).at(0);
  EXPECT_THAT(Indices(one.right), ElementsAre(0));
  EXPECT_THAT(one.least, IsEmpty());
  // With a threshold above all scores it is the worst miss, and nothing is right.
  const LabelPredictions strict = ChooseLabelPredictions(counts, 0.95).at(0);
  EXPECT_THAT(strict.right, IsEmpty());
  EXPECT_THAT(Indices(strict.least), ElementsAre(0));
  EXPECT_EQ(strict.missed, 1);
  EXPECT_THAT(Indices(strict.greatest), ElementsAre(1));
  EXPECT_EQ(strict.false_alarms, 0);
}

TEST(LabelPredictions, TheClassesShownAreTheMostFrequentAndBounded) {
  constexpr int32_t kClasses = 10;
  task::MultiLabelCounts counts(std::vector<std::string>(kClasses, "c"), 0.5);
  for (int32_t i = 0; i < 20; ++i) {  // k + 1 pictures have class k, and all have the last one
    std::vector<int32_t> labels;
    for (int32_t k = 0; k < kClasses; ++k)
      if (i <= k || k == kClasses - 1) labels.push_back(k);
    counts.Add(labels, std::vector<float>(kClasses, 0.25F));
  }
  std::vector<size_t> shown;
  for (const LabelPredictions& one : ChooseLabelPredictions(counts, 0.5))
    shown.push_back(one.label);
  EXPECT_THAT(shown, ElementsAre(8, 7, 6, 5, 4, 3));
  EXPECT_EQ(shown.size(), kShownClasses);
}

}  // namespace
}  // namespace bluestem::train
