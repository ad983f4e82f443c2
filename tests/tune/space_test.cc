#include "bluestem/tune/space.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace bluestem::tune {
namespace {

using ::testing::HasSubstr;

Space Parsed(const std::string& yaml) {
  Result<Space> space = ParseSpace(yaml, "space.yaml");
  EXPECT_TRUE(space.ok()) << space.status().message();
  return space.ok() ? *space : Space{};
}

std::string Refusal(const std::string& yaml) {
  const Result<Space> space = ParseSpace(yaml, "space.yaml");
  EXPECT_FALSE(space.ok()) << yaml;
  if (space.ok()) return "";
  EXPECT_EQ(space.status().code(), Code::kInvalidArgument);
  return space.status().message();
}

config::Experiment Draw(const Space& space, uint64_t seed, int64_t trial) {
  return DrawTrial(space, seed, trial, {});
}

constexpr char kAll[] =
    "train.learning_rate: {log_uniform: [0.01, 0.5]}\n"
    "train.label_smoothing: {uniform: [0, 0.2]}\n"
    "augmentation.pad_crop: {integer: [0, 4]}\n"
    "train.optimizer: [nesterov, adamw]\n"
    "augmentation.flip: [true, false]\n"
    "data.image_size: {choice: [[16, 16], [32, 32]]}\n";

TEST(Space, DrawsStayWithinTheirBoundsAndReachAllChoices) {
  const Space space = Parsed(kAll);
  std::vector<int> crops(5), below(2), adamw(2);
  for (int64_t trial = 0; trial < 2000; ++trial) {
    const config::Experiment e = Draw(space, 1, trial);
    EXPECT_GE(e.train.learning_rate, 0.01);
    EXPECT_LE(e.train.learning_rate, 0.5);
    EXPECT_GE(e.train.label_smoothing, 0);
    EXPECT_LE(e.train.label_smoothing, 0.2);
    ++crops.at(static_cast<size_t>(e.augmentation.pad_crop));
    ++below[e.train.learning_rate < std::sqrt(0.01 * 0.5) ? 1 : 0];
    ++adamw[e.train.optimizer == "adamw" ? 1 : 0];
  }
  for (const int count : crops) EXPECT_GT(count, 300);
  for (const int count : below) EXPECT_NEAR(count, 1000, 120);  // the median of log_uniform
  for (const int count : adamw) EXPECT_NEAR(count, 1000, 120);
}

TEST(Space, ATrialDependsOnSeedAndNumberAlone) {
  const Space space = Parsed(kAll);
  EXPECT_EQ(Draw(space, 7, 3), Draw(space, 7, 3));
  EXPECT_FALSE(Draw(space, 7, 3) == Draw(space, 7, 4));
  EXPECT_FALSE(Draw(space, 7, 3) == Draw(space, 8, 3));
}

TEST(Space, ADrawIsWhatItsTextSays) {
  const Space space = Parsed(kAll);
  for (int64_t trial = 0; trial < 100; ++trial) {
    config::Experiment copy;
    for (const Dimension& dimension : space.dimensions) {
      const std::string text = config::ValueText(*dimension.field, Draw(space, 1, trial));
      EXPECT_LE(text.size(), 10u) << text;
      ASSERT_TRUE(config::Set(copy, dimension.field->key, text).ok());
    }
    EXPECT_EQ(copy, Draw(space, 1, trial));
  }
}

TEST(Space, WritingAndReadingGiveTheSameSpace) {
  const std::string yaml = SpaceToYaml(Parsed(kAll));
  EXPECT_EQ(SpaceToYaml(Parsed(yaml)), yaml);
  EXPECT_EQ(Draw(Parsed(yaml), 1, 5), Draw(Parsed(kAll), 1, 5));
}

TEST(Space, TheExampleIsASpace) {
  const Path path = Path(BLUESTEM_SOURCE_ROOT) / "examples/space.yaml";
  EXPECT_GE(Parsed(ReadTextFile(path).value()).dimensions.size(), 4u);
}

TEST(Space, CountsItsPointsWhereTheyCanBeCounted) {
  EXPECT_EQ(Points(Parsed("train.batch: [32, 64]\naugmentation.pad_crop: {integer: [0, 4]}\n")),
            10u);
  EXPECT_EQ(Points(Parsed(kAll)), 0u);
}

TEST(Space, AnUnknownKeyNamesTheNearest) {
  EXPECT_THAT(Refusal("train.batch: [1, 2]\ntrain.learning_rat: [0.1, 0.2]\n"),
              HasSubstr("space.yaml:2:1: unknown key \"train.learning_rat\"; did you mean "
                        "\"train.learning_rate\"?"));
  EXPECT_THAT(Refusal("train: {batch: [1, 2]}\n"),
              HasSubstr("space.yaml:1:1: train: a section; expected whole keys, as train."));
}

TEST(Space, BoundsAndChoicesAreCheckedByTheFieldItself) {
  EXPECT_THAT(Refusal("train.label_smoothing: {uniform: [0, 0.9]}\n"),
              HasSubstr("space.yaml:1:38: train.label_smoothing: got 0.9; expected 0..0.5"));
  EXPECT_THAT(Refusal("train.optimizer: [adamw, adan]\n"),
              HasSubstr("space.yaml:1:26: train.optimizer: got \"adan\"; expected"));
  EXPECT_THAT(Refusal("train.batch: {integer: [8.5, 9]}\n"), HasSubstr("got 8.5"));
}

TEST(Space, RefusesRangesThatHaveNoDraw) {
  EXPECT_THAT(Refusal("train.dropout: []\n"), HasSubstr("unknown key"));
  EXPECT_THAT(Refusal("train.batch: []\n"), HasSubstr("at least two values"));
  EXPECT_THAT(Refusal("train.batch: [32]\n"), HasSubstr("at least two values"));
  EXPECT_THAT(Refusal("train.batch: [32, 32]\n"), HasSubstr("got 32 twice"));
  EXPECT_THAT(Refusal("train.batch: {integer: [64, 32]}\n"),
              HasSubstr("got [64, 32]; expected a lower bound first"));
  EXPECT_THAT(Refusal("train.batch: {integer: [64]}\n"), HasSubstr("expected two bounds"));
  EXPECT_THAT(Refusal("train.weight_decay: {log_uniform: [0, 0.1]}\n"), HasSubstr("logarithm"));
  EXPECT_THAT(Refusal("train.batch: 32\n"), HasSubstr("expected a list of values"));
  EXPECT_THAT(Refusal(""), HasSubstr("expected a line a key"));
}

TEST(Space, AKindThatDoesNotFitTheKeySaysWhichDo) {
  EXPECT_THAT(Refusal("train.batch: {uniform: [8, 16]}\n"), HasSubstr("use integer or choice"));
  EXPECT_THAT(Refusal("train.momentum: {integer: [0, 1]}\n"),
              HasSubstr("use uniform, log_uniform or choice"));
  EXPECT_THAT(Refusal("train.optimizer: {uniform: [0, 1]}\n"), HasSubstr("use choice"));
  EXPECT_THAT(Refusal("train.batch: {unifrom: [8, 16]}\n"),
              HasSubstr("got \"unifrom\"; expected uniform, log_uniform, integer, choice"));
}

TEST(Space, WhatMustBeTheSameInAllTrialsIsRefusedWithTheReason) {
  EXPECT_THAT(Refusal("train.seed: [1, 2]\n"), HasSubstr("the same validation images"));
  EXPECT_THAT(Refusal("train.epochs: [1, 2]\n"), HasSubstr("the rungs"));
  EXPECT_THAT(Refusal("train.batch: [8, 9]\ndata.label_columns: [[a, b], [a, c]]\n"),
              HasSubstr("space.yaml:2:1: data.label_columns: a search cannot vary it: all trials "
                        "are compared on the same labels"));
  EXPECT_THAT(Refusal("threshold: {uniform: [0.2, 0.8]}\n"),
              HasSubstr("threshold: a search cannot vary it: it does not change what is learned"));
}

TEST(Space, EveryKeyHasARuleOfWhetherItMayVary) {
  const std::span<const KeyRule> rules = KeyRules();
  ASSERT_EQ(rules.size(), config::Fields().size())
      << "a new key needs its row in bluestem/tune/keys.cc";
  for (size_t i = 0; i < rules.size(); ++i) EXPECT_STREQ(rules[i].key, config::Fields()[i].key);
}

// Two values of any key, as a space writes them.
std::string TwoValues(const config::Field& field) {
  const std::string type = config::TypeName(field), words = field.choices;
  if (type == "integer" || type == "number")
    return fmt::format("[{}, {}]", field.min, field.max == field.min ? field.min + 1 : field.max);
  if (type == "true or false") return "[true, false]";
  if (type == "list of text") return "[[a, b], [b, c]]";
  if (type == "[height, width]") return "[[8, 8], [16, 16]]";
  const size_t first = words.find(' '), second = words.find(' ', first + 1);
  if (words.empty()) return "[a, b]";
  return fmt::format("[{}, {}]", words.substr(0, first),
                     words.substr(first + 1, second - first - 1));
}

TEST(Space, TakesEveryKeyThatMayVaryAndNoOther) {
  int varied = 0;
  for (const KeyRule& rule : KeyRules()) {
    const config::Field& field = *config::FindField(rule.key);
    const std::string yaml = fmt::format("{}: {}\n", rule.key, TwoValues(field));
    if (*rule.shared == '\0') {
      EXPECT_EQ(Parsed(yaml).dimensions.size(), 1u) << yaml;
      ++varied;
    } else {
      EXPECT_THAT(Refusal(yaml),
                  HasSubstr(fmt::format("{}: a search cannot vary it: {}", rule.key, rule.shared)));
    }
  }
  EXPECT_GT(varied, 30);
}

TEST(Space, PathsCountFromTheFolderOfItsFile) {
  const Path folder = std::filesystem::temp_directory_path() / "bluestem_space_paths";
  ASSERT_TRUE(MakeFolder(folder).ok());
  const Path file = folder / "space.yaml";
  const auto load = [&](const std::string& yaml) {
    EXPECT_TRUE(WriteFile(file, yaml).ok());
    return LoadSpace(file);
  };
  const Result<Space> space =
      load("distillation.teacher: [\"\", runs/a, ../b, /c/d]\ntrain.batch: [8, 16]\n");
  ASSERT_TRUE(space.ok()) << space.status().message();
  EXPECT_EQ(SpaceToYaml(*space),
            fmt::format("distillation.teacher: {{choice: [\"\", {}, {}, /c/d]}}\n"
                        "train.batch: {{choice: [8, 16]}}\n",
                        (folder / "runs/a").string(), (folder.parent_path() / "b").string()));
  EXPECT_THAT(load("distillation.teacher: [a, ./a]\n").status().message(),
              HasSubstr(file.string() + ":1:27: distillation.teacher: got "));
  EXPECT_EQ(LoadSpace(folder / "none.yaml").status().code(), Code::kIo);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace bluestem::tune
