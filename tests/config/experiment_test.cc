#include "bluestem/config/experiment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "bluestem/base/rng.h"
#include "bluestem/config/fields.h"

namespace bluestem::config {
namespace {

using ::testing::HasSubstr;

template <typename... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overload(Cases...) -> Overload<Cases...>;

std::string Refusal(const std::string& yaml) {
  const Result<Experiment> parsed = Parse(yaml, "config.yaml");
  EXPECT_FALSE(parsed.ok()) << yaml;
  if (parsed.ok()) return "";
  EXPECT_EQ(parsed.status().code(), Code::kInvalidArgument);
  return parsed.status().message();
}

std::vector<std::string> Choices(const Field& field) {
  std::vector<std::string> words = {""};
  for (const char c : std::string(field.choices)) {
    if (c == ' ') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

// Any values that the table allows; rules that join keys may be broken.
Experiment Random(Rng& rng) {
  Experiment experiment;
  const auto text = [&] {
    static const std::string kCharacters = "abcXYZ019 _-./:#'\"\\{}[]&*!|>%@,?~\t\n\xc3\xa4";
    std::string value = "n";
    for (uint64_t i = rng.Below(12); i > 0; --i)
      value += kCharacters.substr(rng.Below(kCharacters.size() - 2), 1);
    return value + (rng.Below(4) == 0 ? "\xc3\xa4" : "");
  };
  for (const Field& field : Fields()) {
    const auto integer = [&] {
      const auto span = static_cast<uint64_t>(field.max - field.min);
      return static_cast<int64_t>(field.min) + static_cast<int64_t>(rng.Below(span + 1));
    };
    std::visit(Overload{[&](int64_t* value) { *value = integer(); },
                        [&](double* value) { *value = rng.Uniform(field.min, field.max); },
                        [&](bool* value) { *value = rng.Below(2) == 0; },
                        [&](std::string* value) {
                          const std::vector<std::string> words = Choices(field);
                          *value = *field.choices == '\0' ? text() : words[rng.Below(words.size())];
                        },
                        [&](std::vector<std::string>* value) {
                          for (uint64_t i = rng.Below(5); i > 0; --i)
                            value->push_back(text() + std::to_string(i));
                        },
                        [&](SizeRef size) {
                          *size.height = integer();
                          *size.width = integer();
                        }},
               field.ref(experiment));
  }
  return experiment;
}

// Makes the rules that join keys hold.
void Repair(Experiment& e, Rng& rng) {
  e.name = "name " + std::to_string(rng.Below(1000));
  if (e.classes.size() == 1) e.classes.clear();
  e.data.channels = e.data.channels == 2 ? 3 : e.data.channels;
  e.data.height = 32 * static_cast<int64_t>(1 + rng.Below(32));
  e.data.width = 32 * static_cast<int64_t>(1 + rng.Below(32));
  e.augmentation.pad_crop %= 32;
  e.augmentation.cutout %= 32;
  if (e.data.channels == 1) e.augmentation.hue = e.augmentation.saturation = 0;
  if (e.network.name != "bluestem_s") e.network.width = 0, e.network.shortcut = "stream";
  if (e.network.weight_quantizer.rfind("binary_", 0) != 0) e.network.weight_ste = "identity";
  if (e.network.activation_quantizer != "linear_mid_tread_half")
    e.network.activation_ste = "clipped";
  e.network.layer_bits.assign(rng.Below(2), "deep1=w4a4");
  for (double* own : {&e.train.float_weights, &e.train.beta_rate, &e.train.lookahead})
    *own = *own < 0 ? -1 : *own;
  if (e.task != "classification") e.data.format = "csv";
  if (e.train.select != "best") e.train.patience = 0;
  if (e.train.arithmetic == "integer") e.train.device = "auto";
  if (e.task != "classification") e.distillation.teacher = "";
  e.train.epochs += 3;
  e.train.epochs = std::min<int64_t>(e.train.epochs, 100000);
}

TEST(Experiment, ParseOfToYamlIsTheSameExperiment) {
  Rng rng(7);
  for (int i = 0; i < 300; ++i) {
    Experiment experiment = Random(rng);
    Repair(experiment, rng);
    const Result<Experiment> again = Parse(ToYaml(experiment), "config.yaml");
    ASSERT_TRUE(again.ok()) << again.status().message() << "\n" << ToYaml(experiment);
    ASSERT_TRUE(*again == experiment) << ToYaml(experiment);
    ASSERT_TRUE(Check(experiment).ok());
  }
}

TEST(Experiment, EveryKeyCanBeSetFromItsOwnText) {
  Rng rng(8);
  for (int i = 0; i < 50; ++i) {
    const Experiment experiment = Random(rng);
    Experiment copy;
    for (const Field& field : Fields()) {
      Experiment source = experiment;
      const Ref ref = field.ref(source);
      const bool is_text = std::holds_alternative<std::string*>(ref);
      const std::string value =
          is_text ? *std::get<std::string*>(ref) : ValueText(field, experiment);
      const Status status = Set(copy, field.key, value);
      ASSERT_TRUE(status.ok()) << status.message();
    }
    EXPECT_TRUE(copy == experiment);
  }
}

TEST(Experiment, DefaultsObeyTheirOwnTable) {
  Experiment experiment;
  experiment.data.path = "images";
  EXPECT_TRUE(Check(experiment).ok()) << Check(experiment).message();
  EXPECT_TRUE(*Parse("data:\n  path: images\n", "config.yaml") == experiment);
}

TEST(Experiment, AnUnknownKeyNamesItsPlaceAndTheNearestKey) {
  EXPECT_EQ(Refusal("data:\n  path: x\nnetwrok:\n  name: lmnet_v1\n"),
            "config.yaml:3:1: unknown key \"netwrok\"; did you mean \"network\"?");
  EXPECT_EQ(Refusal("data:\n  path: x\ntrain:\n  bacth: 3\n"),
            "config.yaml:4:3: unknown key \"train.bacth\"; did you mean \"train.batch\"?");
  EXPECT_EQ(Refusal("batch: 3\n"),
            "config.yaml:1:1: unknown key \"batch\"; did you mean \"train.batch\"?");
  EXPECT_THAT(Refusal("train:\n  zzzzzzzzzzzz: 3\n"), HasSubstr("expected batch, epochs"));
}

TEST(Experiment, AValueOutOfRangeNamesPlaceValueAndRange) {
  EXPECT_EQ(Refusal("data:\n  path: x\nnetwork:\n  activation_bits: 9\n"),
            "config.yaml:4:20: network.activation_bits: got 9; expected 1..8");
  EXPECT_EQ(Refusal("train:\n  learning_rate: -1\n"),
            "config.yaml:2:18: train.learning_rate: got -1; expected 1e-08..100");
  EXPECT_EQ(Refusal("network:\n  name: lmnet_v2\n"),
            "config.yaml:2:9: network.name: got \"lmnet_v2\"; expected lmnet_v0, lmnet_v1, "
            "bluestem_s, bluestem_m, bluestem_l, bluestem_xl, resnet20 or resnet18; did you mean "
            "\"lmnet_v0\"?");
}

TEST(Experiment, RefusesWrongKindsAndOddNumbers) {
  EXPECT_THAT(Refusal("train:\n  batch: many\n"), HasSubstr("got \"many\"; expected 1..65536"));
  EXPECT_THAT(Refusal("train:\n  batch: 6.5\n"), HasSubstr("got 6.5"));
  EXPECT_THAT(Refusal("train:\n  batch: \"64\"\n"), HasSubstr("got \"64\""));
  EXPECT_THAT(Refusal("train:\n  batch: [64]\n"), HasSubstr("got a list of 1"));
  EXPECT_THAT(Refusal("train:\n  batch: 99999999999999999999\n"), HasSubstr("expected 1..65536"));
  EXPECT_THAT(Refusal("train: 3\n"),
              HasSubstr("config.yaml:1:8: train: expected a mapping with batch"));
  EXPECT_THAT(Refusal("augmentation:\n  flip: maybe\n"), HasSubstr("expected true or false"));
  EXPECT_THAT(Refusal("data:\n  image_size: 32\n"),
              HasSubstr("expected [height, width], each 4..1024"));
  EXPECT_THAT(Refusal("data: {path: x, image_size: [32, 32, 3]}\n"), HasSubstr("got a list of 3"));
  EXPECT_THAT(Refusal("classes: [cat, cat]\n"), HasSubstr("got \"cat\" twice"));
  EXPECT_THAT(Refusal("data.path: x\n"), HasSubstr("unknown key"));
  EXPECT_THAT(Refusal("- a\n"), HasSubstr("expected a mapping of keys"));
  EXPECT_THAT(Refusal(""), HasSubstr("expected a mapping of keys"));
  for (const char* number : {".nan", "nan", ".inf", "inf", "-inf", "1e999"}) {
    EXPECT_THAT(Refusal(std::string("train:\n  weight_decay: ") + number + "\n"),
                HasSubstr("expected 0..1"))
        << number;
  }
}

TEST(Experiment, APictureSizeMustFitTheNetwork) {
  EXPECT_EQ(Refusal("data:\n  path: x\n  image_size: [28, 28]\n"),
            "config.yaml:3:15: data.image_size: got [28, 28]; expected multiples of 8 for "
            "lmnet_v1: it halves the "
            "picture three times by space-to-depth");
  EXPECT_THAT(Refusal("data:\n  path: x\n  image_size: [40, 64]\nnetwork:\n  name: lmnet_v0\n"),
              HasSubstr("expected multiples of 32 for lmnet_v0"));
  EXPECT_TRUE(
      Parse("data:\n  path: x\n  image_size: [28, 28]\nnetwork: {name: bluestem_s}\n", "c").ok());
}

TEST(Experiment, RulesThatJoinKeysNameTheKey) {
  const std::string data = "data:\n  path: x\n";
  EXPECT_THAT(Refusal("name: x\n"), HasSubstr("config.yaml:1:1: data.path: missing"));
  EXPECT_THAT(Refusal(data + "classes: [one]\n"),
              HasSubstr("config.yaml:3:10: classes: got 1 class"));
  EXPECT_THAT(Refusal(data + "  channels: 2\n"),
              HasSubstr("data.channels: got 2; expected 1 or 3"));
  EXPECT_THAT(Refusal(data + "augmentation: {pad_crop: 32}\n"), HasSubstr("shorter side, 32"));
  EXPECT_THAT(Refusal(data + "augmentation: {cutout: 33}\n"), HasSubstr("shorter side, 32"));
  EXPECT_THAT(Refusal(data + "  channels: 1\naugmentation: {hue: 0.1}\n"), HasSubstr("no colour"));
  EXPECT_THAT(Refusal(data + "network: {width: 32}\n"),
              HasSubstr("the widths of lmnet_v1 are fixed"));
  EXPECT_THAT(
      Refusal(data + "network: {shortcut: codes}\n"),
      HasSubstr("network.shortcut: got codes; expected stream, the default: lmnet_v1 has no "
                "shortcuts; bluestem_s to bluestem_xl have this key"));
  EXPECT_THAT(Refusal(data + "network: {name: resnet20, shortcut: codes}\n"),
              HasSubstr("the shortcuts of resnet20 are always of codes"));
  EXPECT_THAT(Refusal(data + "  image_size: [28, 28]\nnetwork: {name: resnet18}\n"),
              HasSubstr("expected multiples of 8 for resnet18: it halves the picture three times"));
  EXPECT_THAT(Refusal(data + "train: {epochs: 3, schedule: 3-step-with-warmup}\n"),
              HasSubstr("at least 4"));
  EXPECT_THAT(Refusal(data + "name: a/b\n"), HasSubstr("it names folders"));
  EXPECT_THAT(Refusal(data + "train: {float_weights: -0.5}\n"),
              HasSubstr("train.float_weights: got -0.5; expected -1, the network's own, or 0"));
  for (const char* layer : {"deep1", "=w4", "deep1=", "deep1=w9", "deep1=a4w4", "deep1=w4x4"}) {
    EXPECT_THAT(Refusal(data + fmt::format("network: {{layer_bits: [{}]}}\n", layer)),
                HasSubstr("expected NAME=w4a4, NAME=w4 or NAME=a4 with 1 to 8 bits"))
        << layer;
  }
  EXPECT_THAT(Refusal(data + "train: {select: last, patience: 5}\n"),
              HasSubstr("train.patience: got 5 with train.select last; expected 0"));
  EXPECT_THAT(Refusal(data + "network: {weight_quantizer: lsq_2bit, weight_ste: ede}\n"),
              HasSubstr("network.weight_ste: got ede with network.weight_quantizer lsq_2bit; "
                        "expected identity, or binary_mean_scaling"));
  EXPECT_THAT(Refusal(data + "network: {activation_quantizer: lsq, activation_ste: identity}\n"),
              HasSubstr("network.activation_ste: got identity with network.activation_quantizer "
                        "lsq; expected clipped, or linear_mid_tread_half"));
  EXPECT_THAT(Refusal(data + "train: {arithmetic: integer, device: cuda}\n"),
              HasSubstr("train.arithmetic: got integer with train.device cuda; expected auto"));
  EXPECT_THAT(Refusal("data: {path: x, format: csv}\ntask: multi_label_classification\n"
                      "distillation: {teacher: t}\n"),
              HasSubstr("distillation.teacher: got t with task multi_label_classification"));
}

TEST(Experiment, SetNamesTheNearestKeyAndTheRange) {
  Experiment experiment;
  EXPECT_EQ(Set(experiment, "train.bach", "3").message(),
            "unknown key \"train.bach\"; did you mean \"train.batch\"?");
  EXPECT_EQ(Set(experiment, "trian.batch", "3").message(),
            "unknown key \"trian.batch\"; did you mean \"train.batch\"?");
  EXPECT_EQ(Set(experiment, "train.batch", "0").message(), "train.batch: got 0; expected 1..65536");
  EXPECT_TRUE(Set(experiment, "data.image_size", "28x24").ok());
  EXPECT_EQ(experiment.data.height, 28);
  EXPECT_EQ(experiment.data.width, 24);
  EXPECT_TRUE(Set(experiment, "classes", "cat,dog").ok());
  EXPECT_EQ(experiment.classes, (std::vector<std::string>{"cat", "dog"}));
}

TEST(Experiment, LoadResolvesPathsAgainstTheFile) {
  const Path folder = std::filesystem::temp_directory_path() / "bluestem_config_load_test";
  ASSERT_TRUE(MakeFolder(folder).ok());
  ASSERT_TRUE(WriteFile(folder / "config.yaml",
                        std::string_view("data: {path: ../images, validation: /abs}\n"))
                  .ok());
  const Result<Experiment> loaded = Load(folder / "config.yaml");
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(loaded->data.path, (folder.parent_path() / "images").string());
  EXPECT_EQ(loaded->data.validation, "/abs");
  EXPECT_EQ(Load(folder / "none.yaml").status().code(), Code::kIo);
  std::filesystem::remove_all(folder);
}

TEST(Experiment, AnyNumberOfLabelsNeedsATable) {
  Experiment experiment;
  experiment.data.path = "images";
  experiment.task = "multi_label_classification";
  EXPECT_THAT(Check(experiment).message(),
              HasSubstr("data.format: got folder; expected csv for multi_label_classification"));
  for (const char* format : {"auto", "csv"}) {
    experiment.data.format = format;
    EXPECT_TRUE(Check(experiment).ok()) << Check(experiment).message();
  }
}

TEST(Examples, SayEveryKeyInItsOrder) {
  int examples = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(Path(BLUESTEM_SOURCE_ROOT) / "examples" / "configs")) {
    ++examples;
    const Result<Experiment> loaded = Load(entry.path());
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    const std::string text = ReadTextFile(entry.path()).value();
    size_t place = 0;
    for (const Field& field : Fields()) {
      const std::string key = field.key;
      const std::string line = "\n" + std::string(key.find('.') == key.npos ? "" : "  ") +
                               key.substr(key.find('.') + 1) + ":";
      EXPECT_NE(place = text.find(line, place), text.npos) << entry.path() << ": " << key;
    }
  }
  EXPECT_GE(examples, 2);
}

TEST(Reference, EveryKeyStandsInAllForms) {
  const std::string yaml = ToYaml(Experiment{});
  const std::string markdown = KeysMarkdown();
  const auto json = nlohmann::json::parse(KeysJson());
  ASSERT_EQ(json.size(), Fields().size());
  for (size_t i = 0; i < Fields().size(); ++i) {
    const Field& field = Fields()[i];
    EXPECT_THAT(yaml, HasSubstr(field.help));
    EXPECT_THAT(markdown, HasSubstr(std::string("`") + field.key + "`"));
    EXPECT_EQ(json[i]["key"], field.key);
    EXPECT_STRNE(field.help, "");
    EXPECT_EQ(FindField(field.key), &field);
  }
}

}  // namespace
}  // namespace bluestem::config
