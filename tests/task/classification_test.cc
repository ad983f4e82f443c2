#include "bluestem/task/classification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace bluestem::task {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kClasses = {"ant", "bee", "cat", "dog", "elk", "fox"};

TEST(Rank, PutsTheMostProbableFirstAndTiesByLowerId) {
  const std::vector<ClassScore> ranked = Rank({0.1f, 0.3f, 0.05f, 0.3f, 0.2f, 0.05f}, kClasses);
  std::vector<int32_t> ids;
  for (const ClassScore& score : ranked) ids.push_back(score.id);
  EXPECT_EQ(ids, (std::vector<int32_t>{1, 3, 4, 0, 2, 5}));
  EXPECT_EQ(ranked[0].name, "bee");
  EXPECT_EQ(ranked[0].probability, static_cast<double>(0.3f));
}

TEST(Rank, PutsNaNLast) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(Rank({nan, 0.5f, nan}, {"a", "b", "c"})[0].id, 1);
}

TEST(ClassificationCounts, CountsTopOneTopFiveAndConfusion) {
  ClassificationCounts counts(kClasses);
  counts.Add(0, {9, 5, 4, 3, 2, 1});  // right
  counts.Add(4, {9, 5, 4, 3, 2, 1});  // fifth: in the top five
  counts.Add(5, {9, 5, 4, 3, 2, 1});  // sixth: not
  counts.Add(5, {1, 1, 1, 1, 1, 1});  // ties go to the lower ids: taken for 0, and sixth
  EXPECT_EQ(counts.total(), 4);
  EXPECT_EQ(counts.correct(), 1);
  EXPECT_EQ(counts.correct_top5(), 2);
  EXPECT_EQ(counts.confusion()[5][0], 2);
  EXPECT_EQ(counts.confusion()[4][0], 1);
}

TEST(ClassificationCounts, JsonHasTotalsClassesAndConfusion) {
  ClassificationCounts counts({"a", "b"});
  counts.Add(0, {1, 0});
  counts.Add(1, {1, 0});
  const auto json = nlohmann::json::parse(counts.ToJson());
  EXPECT_EQ(json["total"], 2);
  EXPECT_EQ(json["correct"], 1);
  EXPECT_EQ(json["accuracy"], 0.5);
  EXPECT_EQ(json["top5"], 1.0);
  EXPECT_EQ(json["classes"][1]["name"], "b");
  EXPECT_EQ(json["classes"][1]["accuracy"], 0.0);
  EXPECT_EQ(json["confusion"][1][0], 1);
  EXPECT_THAT(counts.ToText(), HasSubstr("1 of 2 right: 50.00 %"));
  EXPECT_THAT(counts.ToText(), HasSubstr("a (1)"));
}

TEST(OutputJson, HasTheSeedsKeysAndNumbers) {
  const FilePrediction file{"images/a.png", Rank({0.25f, 0.123456791f}, {"x", "y"})};
  const std::string text = OutputJson({.classes = {"x", "y"}}, {file},
                                      {0.001, 0.002, 0.0005, 0.0035}, "2026-01-02T03:04:05+00:00");
  const auto json = nlohmann::ordered_json::parse(text);
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"version", "task", "classes", "date", "results",
                                            "benchmark"}));
  EXPECT_EQ(json["version"], "0.2");
  EXPECT_EQ(json["task"], "IMAGE.CLASSIFICATION");
  EXPECT_EQ(json["classes"][1], (nlohmann::ordered_json{{"id", 1}, {"name", "y"}}));
  const auto& result = json["results"][0];
  EXPECT_EQ(result["file_path"], "images/a.png");
  EXPECT_EQ(result["prediction"][0]["class"]["name"], "x");
  EXPECT_TRUE(result["prediction"][0]["probability"].is_number());
  EXPECT_THAT(text, HasSubstr("\"probability\": 0.123456791\n"));
  EXPECT_EQ(json["benchmark"]["inference"], 0.002);
  EXPECT_EQ(json["benchmark"].size(), 4u);
}

TEST(OutputJson, NineDigitsTellAnyTwoFloatsApart) {
  const float value = 0.1f;
  const float next = std::nextafterf(value, 1.0f);
  const auto probability = [](float score) {
    const std::string text = OutputJson({.classes = {"x"}}, {{"f", Rank({score}, {"x"})}}, {}, "");
    return nlohmann::json::parse(text)["results"][0]["prediction"][0]["probability"].get<double>();
  };
  EXPECT_EQ(static_cast<float>(probability(value)), value);
  EXPECT_EQ(static_cast<float>(probability(next)), next);
}

TEST(OutputJson, StaysJsonWhateverTheFileIsCalled) {
  const std::string text =
      OutputJson({.classes = {"x"}}, {{"bad\xff\"name", Rank({1.0f}, {"x"})}}, {}, "");
  EXPECT_TRUE(nlohmann::json::accept(text));
}

}  // namespace
}  // namespace bluestem::task
