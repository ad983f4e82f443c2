// Pictures with any number of classes: a CSV file of labels through the commands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "bluestem/config/experiment.h"
#include "bluestem/image/draw.h"
#include "bluestem/task/meta.h"
#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::HasSubstr;

struct Shape {
  const char* name;
  image::Colour colour;
};
constexpr Shape kShapes[] = {
    {"red", {230, 40, 40}}, {"green", {40, 200, 60}}, {"blue", {50, 70, 240}}};

// Writes labels.csv and pictures of 16 x 16: noisy grey with a square of each colour, each there in
// two of five, at a random place. Picture 0 has none, picture 1 all.
Path WriteShapes(const Path& folder, int count) {
  std::mt19937 random(5);
  const auto below = [&](uint32_t n) { return static_cast<int32_t>(random() % n); };
  std::string table = "image,labels\n";
  EXPECT_TRUE(MakeFolder(folder / "pictures").ok());
  for (int i = 0; i < count; ++i) {
    image::Image picture{16, 16, 3, std::vector<uint8_t>(16 * 16 * 3)};
    for (uint8_t& pixel : picture.pixels) pixel = static_cast<uint8_t>(60 + below(60));
    std::string labels;
    for (const Shape& shape : kShapes) {
      const bool there = below(5) < 2;
      if (i == 0 || (i != 1 && !there)) continue;
      labels += (labels.empty() ? "" : "|") + std::string(shape.name);
      image::FillBox(picture, {below(11), below(11), 6, 6}, shape.colour);
    }
    const std::string name = fmt::format("{:03}.png", i);
    EXPECT_TRUE(WriteFile(folder / "pictures" / name, image::EncodePng(picture).value()).ok());
    table += name + "," + (labels.empty() ? "No Finding" : labels) + "\n";
  }
  EXPECT_TRUE(WriteFile(folder / "labels.csv", table).ok());
  return folder;
}

TEST(MultiLabel, DataCheckCountsClassesPairsAndPicturesWithout) {
  const Path data = WriteShapes(Scratch() / "data", 40);
  const ToolResult json = Tool({"data", "check", data.string(), "--json"});
  ASSERT_EQ(json.exit_code, 0) << json.err;
  const auto split = json.Json()["splits"][0];
  int64_t labels = 0, pairs = 0;
  for (const auto& row : split["classes"]) labels += row["count"].get<int64_t>();
  for (const auto& row : split["together"]) pairs += row["count"].get<int64_t>();
  const std::string table = ReadTextFile(data / "labels.csv").value();
  int64_t bars = 0, none = 0;
  for (size_t at = 0; (at = table.find("No Finding", at)) != table.npos; ++at) ++none;
  for (const char c : table) bars += c == '|' ? 1 : 0;
  EXPECT_EQ(split["without_label"], none);
  EXPECT_EQ(labels, 40 - none + bars);
  EXPECT_GE(pairs, bars);
  EXPECT_EQ(split["together"].size(), 3U);
  const ToolResult text = Tool({"data", "check", data.string()});
  EXPECT_THAT(text.out, HasSubstr(fmt::format("{} without a label", none)));
  EXPECT_THAT(text.out, HasSubstr("  3 pairs of classes share pictures:\n"));
}

TEST(MultiLabel, DataCheckCountsUncertainMarks) {
  const Path data = WriteShapes(Scratch() / "data", 6);
  const auto write = [&](const char* name, const std::string& rows) {
    ASSERT_TRUE(WriteFile(data / name, "image,red,green\n" + rows).ok());
  };
  write("train.csv", "000.png,1,\n001.png,-1,-1\n002.png,0,1\n003.png,,-1.0\n");
  write("valid.csv", "004.png,1,0\n005.png,0,1\n");
  const ToolResult plain = Tool({"data", "check", data.string()});
  ASSERT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_THAT(plain.out, HasSubstr("  3 uncertain marks (-1):\n    red: 1\n    green: 2\n"));
  EXPECT_THAT(plain.err, HasSubstr("uncertain marks (-1) count as 0 here; training asks for "
                                   "data.uncertain\n"));
  config::Experiment experiment;
  experiment.task = "multi_label_classification";
  experiment.data = {.format = "csv", .path = data.string()};
  const Path config = Scratch() / "config.yaml";
  const auto check = [&](const char* uncertain) {
    experiment.data.uncertain = uncertain;
    EXPECT_TRUE(WriteFile(config, config::ToYaml(experiment)).ok());
    return Tool({"data", "check", "-c", config.string(), "--json"});
  };
  const ToolResult refused = check("refuse");
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, HasSubstr("train.csv:3: column \"red\": got \"-1\", an uncertain"));
  for (const auto& [uncertain, red, green] : {std::tuple("zero", 1, 1), std::tuple("one", 2, 3)}) {
    const ToolResult counted = check(uncertain);
    ASSERT_EQ(counted.exit_code, 0) << counted.err;
    const auto splits = counted.Json()["splits"];
    EXPECT_EQ(splits[0]["classes"][0]["count"], red);
    EXPECT_EQ(splits[0]["classes"][1]["count"], green);
    EXPECT_EQ(splits[0]["uncertain"], nlohmann::json::parse(R"([{"name": "red", "count": 1},
                                        {"name": "green", "count": 2}])"));
    EXPECT_TRUE(splits[1]["uncertain"].empty());
    EXPECT_THAT(counted.err, ::testing::Not(HasSubstr("warning")));
  }
}

TEST(MultiLabel, DataShowNamesAllClassesOfAPicture) {
  const Path data = WriteShapes(Scratch() / "data", 12);
  const Path each = Scratch() / "each";
  const ToolResult result = Tool({"data", "show", data.string(), "-o",
                                  (Scratch() / "sheet.png").string(), "--each", each.string()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::vector<std::string> names = Listing(each);
  EXPECT_EQ(names.size(), 12U);
  EXPECT_THAT(names, ::testing::Contains(HasSubstr("_blue, green, red.png")));
  EXPECT_THAT(names, ::testing::Contains(HasSubstr("_-.png")));
}

// The small model answers three scores in 0..1, whatever they mean.
Path WriteModelOfAnyLabels(const Path& folder) {
  const Path model = WriteSmallModel(folder);
  task::Meta meta{
      .task = task::kMultiLabel, .classes = {"red", "green", "blue"}, .threshold = 0.33};
  meta.preprocess = {.height = 8, .width = 8, .channels = 3};
  EXPECT_TRUE(WriteFile(folder / "meta.yaml", task::MetaToYaml(meta)).ok());
  return model;
}

TEST(MultiLabel, EvaluateAndRunTellEachClass) {
  const Path data = WriteShapes(Scratch() / "data", 20);
  const Path model = WriteModelOfAnyLabels(Scratch());
  const Path artefact = Scratch() / "artefact";
  ASSERT_EQ(Tool({"convert", model.string(), "-o", artefact.string(), "--quiet"}).exit_code, 0);
  const ToolResult scored = Tool({"evaluate", artefact.string(), "--data", data.string(),
                                  "--compare", model.string(), "--json"});
  ASSERT_EQ(scored.exit_code, 0) << scored.err;
  EXPECT_EQ(scored.Json()["total"], 20);
  EXPECT_EQ(scored.Json()["threshold"], 0.33);
  EXPECT_EQ(scored.Json()["classes"].size(), 3U);
  EXPECT_EQ(scored.Json()["mean_auroc"], scored.Json()["compare"]["mean_auroc"]);

  const Path out = Scratch() / "output";
  const ToolResult run = Tool({"run", "-i", (data / "pictures/001.png").string(), "-m",
                               artefact.string(), "-o", out.string(), "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto document = run.Json();
  EXPECT_EQ(document["task"], task::kMultiLabel);
  for (const auto& entry : document["results"][0]["prediction"])
    EXPECT_EQ(entry["answered"], entry["probability"] >= 0.33) << entry;
}

TEST(MultiLabel, EvaluateReadsTheColumnsOfAConfiguration) {
  const Path data = WriteShapes(Scratch() / "data", 20);
  const Path model = WriteModelOfAnyLabels(Scratch());
  std::string table = ReadTextFile(data / "labels.csv").value();
  for (size_t at = 0; (at = table.find("No Finding", at)) != table.npos;)
    table.replace(at, 10, "healthy");
  ASSERT_TRUE(WriteFile(data / "labels.csv", table).ok());
  const std::vector<std::string> words = {"evaluate", model.string(), "--data", data.string()};
  const ToolResult unread = Tool(words);
  EXPECT_EQ(unread.exit_code, 3);
  EXPECT_THAT(unread.err, HasSubstr("class \"healthy\" is not among the 3 expected ones"));
  config::Experiment experiment;
  experiment.data.path = data.string();
  experiment.data.no_label = "healthy";
  const Path config = Scratch() / "config.yaml";
  ASSERT_TRUE(WriteFile(config, config::ToYaml(experiment)).ok());
  std::vector<std::string> with = words;
  with.insert(with.end(), {"--config", config.string()});
  const ToolResult read = Tool(with);
  EXPECT_EQ(read.exit_code, 0) << read.err;
  EXPECT_THAT(read.out, HasSubstr("mean AUROC "));
}

TEST(MultiLabel, TrainsAndTheCompiledArtefactGivesTheSameScores) {
  if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
  const Path data = WriteShapes(Scratch() / "data", 240);
  const Path config = Scratch() / "config.yaml";
  std::vector<std::string> init = {"init", "--yes", "-o", config.string()};
  for (const std::string& setting :
       {"data.path=" + data.string(), std::string("network.name=bluestem_s"),
        std::string("network.width=16"), std::string("train.batch=20"),
        std::string("train.epochs=6"), std::string("train.learning_rate=0.05"),
        std::string("train.threads=1"), std::string("train.class_weights=balanced"),
        std::string("train.label_smoothing=0.05"), std::string("augmentation.cutmix=0.3"),
        std::string("data.validation_fraction=0.25")}) {
    init.insert(init.end(), {"--set", setting});
  }
  const ToolResult found = Tool(init);
  ASSERT_EQ(found.exit_code, 0) << found.err;
  EXPECT_THAT(found.out, HasSubstr("csv, 3 classes (blue, green, red), any number a picture, 240"));
  const Path run = Scratch() / "run";
  const ToolResult trained = Tool({"train", "-c", config.string(), "-o", run.string(), "--quiet"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;

  const auto evaluation = nlohmann::json::parse(ReadTextFile(run / "evaluation.json").value());
  EXPECT_GT(evaluation["mean_auroc"], 0.95);
  double best = 0;
  std::istringstream rows(ReadTextFile(run / "metrics.jsonl").value());
  for (std::string row; std::getline(rows, row);)
    best = std::max(best, nlohmann::json::parse(row)["validation_auroc"].get<double>());
  const auto state = nlohmann::json::parse(ReadTextFile(run / "run.json").value());
  EXPECT_EQ(state["best_validation_auroc"], best);
  EXPECT_NEAR(evaluation["mean_auroc"].get<double>(), best, 0.01);
  const std::string report = ReadTextFile(run / "report.html").value();
  EXPECT_NE(report.find("<th>AUROC</th>"), report.npos);
  EXPECT_EQ(report.find("Confusion matrix"), report.npos);
  EXPECT_THAT(report, HasSubstr("180 scores, all classes together. Expected calibration error"));
  for (const Shape& shape : kShapes) {
    EXPECT_THAT(report, HasSubstr(fmt::format("<h3>{}</h3>", shape.name)));
    EXPECT_THAT(report,
                ::testing::ContainsRegex(fmt::format("alt=\"{}: [0-9.]+ %, has ", shape.name)));
  }
  EXPECT_THAT(report, HasSubstr("least scores of pictures with it"));

  const Path artefact = Scratch() / "artefact";
  ASSERT_EQ(Tool({"convert", run.string(), "-o", artefact.string(), "--quiet"}).exit_code, 0);
  const ToolResult compared = Tool({"evaluate", artefact.string(), "--data", data.string(),
                                    "--compare", run.string(), "--json"});
  ASSERT_EQ(compared.exit_code, 0) << compared.err;
  EXPECT_TRUE(compared.Json()["differences"].empty());
  EXPECT_EQ(compared.Json()["mean_auroc"], compared.Json()["compare"]["mean_auroc"]);
  EXPECT_GT(compared.Json()["mean_auroc"], 0.95);
}

TEST(MultiLabel, ASearchComparesMeanAurocAndSaysSo) {
  if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
  const Path config = Scratch() / "config.yaml", space = Scratch() / "space.yaml";
  config::Experiment experiment;
  experiment.task = "multi_label_classification";
  experiment.data = {.format = "csv", .path = WriteShapes(Scratch() / "data", 60).string()};
  experiment.data.height = experiment.data.width = 16;
  experiment.network.name = "bluestem_s";
  experiment.network.width = 16;
  experiment.train = {.batch = 10, .epochs = 2, .threads = 1};
  ASSERT_TRUE(WriteFile(config, config::ToYaml(experiment)).ok());
  ASSERT_TRUE(WriteFile(space, "train.learning_rate: [0.01, 0.05]\n").ok());
  const Path search = Scratch() / "search";
  const ToolResult result = Tool({"tune", "-c", config.string(), "--space", space.string(), "-o",
                                  search.string(), "--eta", "2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("mean AUROC after 2 epochs"));
  EXPECT_THAT(result.out, ::testing::Not(HasSubstr("%")));
  const std::string best = ReadTextFile(search / "best.yaml").value();
  EXPECT_THAT(best, ::testing::ContainsRegex("^# The best of 2 trials: 00[01]. Mean AUROC "
                                             "[01]\\.[0-9]+ on [0-9]+ validation images after 2 "
                                             "epochs.\n"));
  const auto found = nlohmann::json::parse(ReadTextFile(search / "tune.json").value());
  EXPECT_EQ(found["measure"], "mean_auroc");
  const Path run = search / found["ranking"][0]["rungs"][1]["run"].get<std::string>();
  const auto evaluation = nlohmann::json::parse(ReadTextFile(run / "evaluation.json").value());
  EXPECT_EQ(found["ranking"][0]["rungs"][1]["accuracy"], evaluation["mean_auroc"]);
  const std::string page = ReadTextFile(search / "report.html").value();
  EXPECT_THAT(page, HasSubstr("Mean AUROC by rung"));
  EXPECT_THAT(page, ::testing::Not(HasSubstr("standard error")));
}

TEST(MultiLabel, TrainingNamesClassesThatCannotBeRanked) {
  if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
  const Path data = WriteShapes(Scratch() / "data", 20);
  ASSERT_TRUE(MakeFolder(Scratch() / "none").ok());
  std::filesystem::copy(data / "pictures", Scratch() / "none");
  const Path none = Scratch() / "none/labels.csv";
  config::Experiment experiment;
  experiment.task = "multi_label_classification";
  experiment.data = {.format = "csv", .path = data.string(), .validation = none.string()};
  experiment.network.name = "bluestem_s";
  experiment.network.width = 16;
  experiment.data.height = experiment.data.width = 16;
  experiment.train = {.epochs = 1, .threads = 1};
  const Path config = Scratch() / "config.yaml";
  ASSERT_TRUE(WriteFile(config, config::ToYaml(experiment)).ok());
  const auto train = [&](const std::string& table) {
    EXPECT_TRUE(WriteFile(none, table).ok());
    return Tool({"train", "-c", config.string(), "-o", (Scratch() / "run").string()});
  };
  const ToolResult refused = train("image,labels\n002.png,\n003.png,\n");
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, HasSubstr("data.validation: 2 pictures, of which all or none have each "
                                     "class; expected a class that some have"));
  const ToolResult noted = train("image,labels\n002.png,red\n003.png,green|red\n");
  EXPECT_EQ(noted.exit_code, 0) << noted.err;
  EXPECT_THAT(noted.err, HasSubstr("left out of the mean AUROC, because all 2 validation pictures "
                                   "have them or none: blue, red"));
}

}  // namespace
}  // namespace bluestem::cli
