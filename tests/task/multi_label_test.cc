#include "bluestem/task/multi_label.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <random>

namespace bluestem::task {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The definition: over all pairs.
double PairwiseAuroc(const std::vector<float>& scores, const std::vector<uint8_t>& positive) {
  double won = 0, pairs = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    for (size_t k = 0; k < scores.size(); ++k) {
      if (positive[i] == 0 || positive[k] != 0) continue;
      won += scores[i] > scores[k] ? 1.0 : (scores[i] == scores[k] ? 0.5 : 0.0);
      pairs += 1;
    }
  }
  return won / pairs;
}

// The definition: over all thresholds.
double SteppedPrecision(const std::vector<float>& scores, const std::vector<uint8_t>& positive) {
  std::vector<float> thresholds = scores;
  std::sort(thresholds.begin(), thresholds.end(), std::greater<>());
  thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
  double positives = 0, sum = 0, before = 0;
  for (const uint8_t mark : positive) positives += mark;
  for (const float threshold : thresholds) {
    double taken = 0, right = 0;
    for (size_t i = 0; i < scores.size(); ++i) {
      if (scores[i] < threshold) continue;
      taken += 1;
      right += positive[i];
    }
    sum += (right / positives - before) * right / taken;
    before = right / positives;
  }
  return sum;
}

double Area(const std::vector<std::pair<double, double>>& curve) {
  double area = 0;
  for (size_t i = 1; i < curve.size(); ++i)
    area += (curve[i].first - curve[i - 1].first) * (curve[i].second + curve[i - 1].second) / 2;
  return area;
}

TEST(Auroc, AndAveragePrecisionEqualTheirDefinitionsWithAndWithoutTies) {
  std::mt19937 random(3);
  for (const uint32_t levels : {2U, 5U, 1000000U}) {
    for (int trial = 0; trial < 30; ++trial) {
      std::vector<float> scores;
      std::vector<uint8_t> positive = {0, 1};
      for (size_t i = 0; i < 40; ++i) {
        scores.push_back(static_cast<float>(random() % levels) / static_cast<float>(levels));
        if (i >= 2) positive.push_back(random() % 3 == 0 ? 1 : 0);
      }
      EXPECT_DOUBLE_EQ(Auroc(scores, positive).value(), PairwiseAuroc(scores, positive));
      EXPECT_NEAR(AveragePrecision(scores, positive).value(), SteppedPrecision(scores, positive),
                  1e-12);
      EXPECT_NEAR(Area(RocCurve(scores, positive)), *Auroc(scores, positive), 1e-12);
    }
  }
}

TEST(Auroc, IsExactAtItsEnds) {
  EXPECT_EQ(Auroc({0.1F, 0.2F, 0.3F}, {0, 0, 1}), 1.0);
  EXPECT_EQ(Auroc({0.1F, 0.2F, 0.3F}, {1, 0, 0}), 0.0);
  EXPECT_EQ(Auroc({0.5F, 0.5F, 0.5F}, {1, 0, 0}), 0.5);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(Auroc({nan, 0.0F}, {1, 0}), 0.0);
}

TEST(Auroc, IsNothingWhereOneSideIsEmpty) {
  EXPECT_FALSE(Auroc({0.5F, 0.6F}, {1, 1}).has_value());
  EXPECT_FALSE(Auroc({0.5F, 0.6F}, {0, 0}).has_value());
  EXPECT_FALSE(AveragePrecision({0.5F}, {0}).has_value());
  EXPECT_EQ(AveragePrecision({0.5F, 0.6F}, {1, 1}), 1.0);
  EXPECT_TRUE(RocCurve({0.5F}, {1}).empty());
}

MultiLabelCounts FourPictures() {
  MultiLabelCounts counts({"mass", "nodule", "hernia"}, 0.5);
  counts.Add({0}, {0.9F, 0.2F, 0.1F});     // exactly right
  counts.Add({0, 1}, {0.4F, 0.7F, 0.0F});  // misses the mass
  counts.Add({}, {0.3F, 0.1F, 0.2F});      // exactly right
  counts.Add({}, {0.5F, 0.6F, 0.2F});      // both are false
  return counts;
}

TEST(MultiLabelCounts, CountsExactAnswersAndEachClass) {
  const MultiLabelCounts counts = FourPictures();
  EXPECT_EQ(counts.total(), 4);
  EXPECT_EQ(counts.correct(), 2);
  const MultiLabelQuality quality = counts.Quality();
  EXPECT_EQ(quality.classes[0].positives, 2);
  EXPECT_EQ(quality.classes[0].auroc, 0.75);  // 0.9 beats both, 0.4 one of 0.3 and 0.5
  EXPECT_EQ(quality.classes[0].true_positives, 1);
  EXPECT_EQ(quality.classes[0].false_positives, 1);  // a score at the threshold is answered
  EXPECT_EQ(quality.mean_auroc, (0.75 + 1.0) / 2);
  EXPECT_THAT(quality.unranked, ElementsAre(2));
}

TEST(MultiLabelCounts, JsonAndTextNameTheClassWithoutAnAuroc) {
  const MultiLabelCounts counts = FourPictures();
  const auto json = nlohmann::json::parse(counts.ToJson());
  EXPECT_EQ(json["accuracy"], 0.5);
  EXPECT_EQ(json["threshold"], 0.5);
  EXPECT_EQ(json["mean_auroc"], 0.875);
  EXPECT_EQ(json["unranked"], nlohmann::json({"hernia"}));
  EXPECT_TRUE(json["classes"][2]["auroc"].is_null());
  EXPECT_TRUE(json["classes"][2]["sensitivity"].is_null());
  EXPECT_EQ(json["classes"][2]["specificity"], 1.0);
  EXPECT_EQ(json["classes"][0]["sensitivity"], 0.5);
  EXPECT_THAT(counts.ToText(), HasSubstr("mean AUROC 0.8750, "));
  EXPECT_THAT(counts.ToText(), HasSubstr("2 of 4 exactly right at threshold 0.5: 50.00 %"));
  EXPECT_THAT(counts.ToText(), HasSubstr("without an AUROC, because all pictures have it or none: "
                                         "hernia\n"));
}

TEST(RankLabels, AnswersFromTheThresholdOn) {
  const auto ranked = RankLabels({0.2F, 0.75F, 0.25F}, {"a", "b", "c"}, 0.25);
  EXPECT_EQ(ranked[0].name, "b");
  EXPECT_TRUE(ranked[0].answered);
  EXPECT_TRUE(ranked[1].answered);
  EXPECT_FALSE(ranked[2].answered);
  EXPECT_FALSE(RankLabels({0.2F}, {"a"}, 0.5)[0].answered);
}

TEST(Counts, FollowTheTask) {
  Meta meta{.classes = {"a", "b"}};
  auto counts = MakeCounts(meta);
  counts->Add({1}, {0.2F, 0.8F});
  EXPECT_TRUE(nlohmann::json::parse(counts->ToJson()).contains("confusion"));
  EXPECT_THAT(Answer({0.6F, 0.6F}, meta), ElementsAre(0));
  meta.task = kMultiLabel;
  counts = MakeCounts(meta);
  counts->Add({}, {0.2F, 0.8F});
  EXPECT_EQ(counts->correct(), 0);
  EXPECT_TRUE(nlohmann::json::parse(counts->ToJson()).contains("mean_auroc"));
  EXPECT_THAT(Answer({0.6F, 0.6F}, meta), ElementsAre(0, 1));
  EXPECT_THAT(Answer({0.1F, 0.1F}, meta), ElementsAre());
}

TEST(OutputJson, SaysOfEachClassWhetherItIsAnswered) {
  const Meta meta{.task = kMultiLabel, .classes = {"x", "y"}, .threshold = 0.3};
  const FilePrediction file{"a.png", RankLabels({0.25F, 0.5F}, meta.classes, meta.threshold)};
  const auto json = nlohmann::json::parse(OutputJson(meta, {file}, {}, ""));
  EXPECT_EQ(json["task"], "IMAGE.MULTI_LABEL_CLASSIFICATION");
  EXPECT_EQ(json["threshold"], 0.3);
  EXPECT_EQ(json["results"][0]["prediction"][0]["answered"], true);
  EXPECT_EQ(json["results"][0]["prediction"][1]["answered"], false);
}

}  // namespace
}  // namespace bluestem::task
