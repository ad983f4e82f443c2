// tune: what is refused before it starts, and where the trainer is built, whole searches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "bluestem/config/experiment.h"
#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

constexpr char kSpace[] =
    "train.learning_rate: {log_uniform: [0.001, 0.5]}\n"
    "train.label_smoothing: {uniform: [0, 0.2]}\n"
    "train.optimizer: [nesterov, adamw]\n";

Path WriteConfig(const Path& data, int64_t epochs) {
  config::Experiment experiment;
  experiment.data.path = data.string();
  experiment.data.height = experiment.data.width = 8;
  experiment.network.name = "bluestem_s";
  experiment.network.width = 8;
  experiment.train.batch = 4;
  experiment.train.epochs = epochs;
  experiment.train.threads = 1;
  const Path path = Scratch() / "config.yaml";
  EXPECT_TRUE(WriteFile(path, config::ToYaml(experiment)).ok());
  return path;
}

Path WriteSpace(const std::string& yaml) {
  const Path path = Scratch() / "space.yaml";
  EXPECT_TRUE(WriteFile(path, yaml).ok());
  return path;
}

// The command line of a search into `folder` of the scratch folder.
std::vector<std::string> Words(const Path& config, const std::string& space, const char* folder,
                               const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {"tune",
                                    "-c",
                                    config.string(),
                                    "--space",
                                    WriteSpace(space).string(),
                                    "-o",
                                    (Scratch() / folder).string()};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// tune.json without times.
nlohmann::json Found(const Path& folder) {
  nlohmann::json json = nlohmann::json::parse(ReadTextFile(folder / "tune.json").value());
  for (auto& trial : json["ranking"]) {
    for (auto& rung : trial["rungs"]) rung.erase("seconds");
  }
  return json;
}

TEST(Tune, NamesTheLineOfAWrongSpace) {
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 2), 9);
  const ToolResult result =
      Tool(Words(config, "train.batch: [2, 4]\ntrain.momentun: [0.8, 0.9]\n", "search"));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("space.yaml:2:1: unknown key \"train.momentun\"; did you mean "
                                    "\"train.momentum\"?"));
  EXPECT_FALSE(fs::exists(Scratch() / "search"));
}

TEST(Tune, SaysWhatIsMissing) {
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 2), 9);
  const std::string folder = (Scratch() / "search").string();
  EXPECT_THAT(Tool({"tune", "-o", folder}).err, HasSubstr("-c: name the configuration"));
  EXPECT_THAT(Tool({"tune", "-o", folder, "-c", config.string()}).err, HasSubstr("--space: name"));
  const ToolResult resumed = Tool({"tune", "-o", folder, "--resume"});
  EXPECT_EQ(resumed.exit_code, 5);
  EXPECT_THAT(resumed.err, HasSubstr("no search to resume"));
}

TEST(Tune, RefusesASearchThatCannotCompare) {
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 2), 9);
  const ToolResult rungs = Tool(Words(config, kSpace, "search", {"--set", "train.epochs=2"}));
  EXPECT_EQ(rungs.exit_code, 2);
  EXPECT_THAT(rungs.err, HasSubstr("train.epochs: got 2; expected at least 3"));
  const ToolResult points =
      Tool(Words(config, "train.batch: [2, 4]\naugmentation.flip: [true, false]\n", "search"));
  EXPECT_EQ(points.exit_code, 2);
  EXPECT_THAT(points.err, HasSubstr("--trials: 9 are too many: the space has 4 points"));
  const ToolResult rule =
      Tool(Words(config, "augmentation.pad_crop: {integer: [8, 64]}\n", "search"));
  EXPECT_EQ(rule.exit_code, 2);
  EXPECT_THAT(rule.err, HasSubstr("no trial of the space can be trained: augmentation.pad_crop"));
  EXPECT_FALSE(fs::exists(Scratch() / "search"));
}

TEST(Tune, RefusesTheKeysThatItsDocumentationNames) {
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 2), 9);
  for (const std::string line :
       {"threshold: {uniform: [0.1, 0.9]}", "data.no_label: [none, healthy]",
        "train.rank_timeout: [30, 60]", "train.backend: [gloo, nccl]", "data.image_column: [a, b]",
        "data.label_columns: [[a, b], [a, c]]", "train.select: [best, last]",
        "train.patience: [0, 3]", "train.device: [cpu, cuda]"}) {
    const ToolResult result = Tool(Words(config, line + "\n", "search"));
    EXPECT_EQ(result.exit_code, 2) << line;
    EXPECT_THAT(result.err, HasSubstr("space.yaml:1:1: " + line.substr(0, line.find(':')) +
                                      ": a search cannot vary it: "));
  }
  EXPECT_FALSE(fs::exists(Scratch() / "search"));
}

TEST(Tune, WritesATableAPageAndAConfigurationThatTrains) {
  if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 8), 2);
  const ToolResult result =
      Tool(Words(config, kSpace, "search", {"--eta", "2", "--json", "--seed", "3"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json document = result.Json();
  EXPECT_EQ(document["status"], "finished");
  EXPECT_EQ(document["measure"], "accuracy");
  ASSERT_EQ(document["ranking"].size(), 2u);
  EXPECT_EQ(document["ranking"][0]["status"], "best");
  EXPECT_EQ(document["ranking"][0]["rungs"].size(), 2u);
  EXPECT_EQ(document["ranking"][1]["rungs"].size(), 1u);
  const Path search = Scratch() / "search";
  const std::string run = document["ranking"][0]["rungs"][1]["run"];
  const std::string page = ReadTextFile(search / "report.html").value();
  EXPECT_THAT(page, HasSubstr("train.learning_rate"));
  EXPECT_THAT(page, HasSubstr("<svg"));
  EXPECT_THAT(page, Not(HasSubstr("http")));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  EXPECT_THAT(page, HasSubstr("standard error"));
  EXPECT_THAT(ReadTextFile(search / "best.yaml").value(),
              ::testing::ContainsRegex("^# The best of 2 trials: 00[01]. Accuracy [0-9.]+ % on "
                                       "[0-9]+ validation images after 2 epochs.\n"));
  ASSERT_EQ(Tool({"train", "-c", (search / "best.yaml").string(), "-o",
                  (Scratch() / "best").string(), "--quiet"})
                .exit_code,
            0);
  EXPECT_EQ(ReadFile(Scratch() / "best/model.onnx").value(),
            ReadFile(search / run / "model.onnx").value());
}

TEST(Tune, ATeacherOfTheSpaceIsFoundFromTheFolderOfItsFile) {
  if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 8), 2);
  for (const char* teacher : {"first", "second"}) {
    const ToolResult trained =
        Tool({"train", "-c", config.string(), "-o", (Scratch() / "teachers" / teacher).string(),
              "--set", "train.epochs=1", "--quiet"});
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
  }
  const std::string space = "distillation.teacher: [teachers/first, teachers/second]\n";
  const ToolResult result =
      Tool(Words(config, space, "found/search", {"--eta", "2", "--trials", "2", "--quiet"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Path search = Scratch() / "found/search";
  for (const Path& written : {search / "best.yaml", search / "trials/000/rung-0.yaml"}) {
    const auto experiment = config::Load(written);
    ASSERT_TRUE(experiment.ok()) << experiment.status().message();
    EXPECT_EQ(Path(experiment->distillation.teacher).parent_path(), Scratch() / "teachers");
  }
  // The folder's own copy says the same from another place.
  EXPECT_EQ(Tool({"tune", "-o", search.string(), "--resume", "--quiet"}).exit_code, 0);
}

TEST(Tune, CtrlCAndResumeFindWhatAnUninterruptedSearchFinds) {
  if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 8), 60);
  const std::vector<std::string> numbers = {"--trials", "2", "--min-epochs", "20", "--quiet"};
  ASSERT_EQ(Tool(Words(config, kSpace, "whole", numbers)).exit_code, 0);
  const Path broken = Scratch() / "broken";
  std::vector<std::string> words = Words(config, kSpace, "broken", numbers);
  for (const char* rung : {"rung-0", "rung-1"}) {
    const auto begun = [&] {
      return fs::exists(broken / "trials/000" / rung / "run.json") ||
             fs::exists(broken / "trials/001" / rung / "run.json");
    };
    const ToolResult cut = Tool(words, {.environment = {}, .while_running = [&](int pid) {
                                          while (!begun()) ::usleep(1000);
                                          ::kill(pid, SIGINT);
                                        }});
    EXPECT_EQ(cut.exit_code, 130) << cut.err;
    EXPECT_THAT(cut.err, HasSubstr("--resume"));
    EXPECT_FALSE(fs::exists(broken / "best.yaml"));
    words = {"tune", "-o", broken.string(), "--resume", "--quiet"};
  }
  ASSERT_EQ(Tool(words).exit_code, 0);
  EXPECT_EQ(Found(broken), Found(Scratch() / "whole"));
  EXPECT_EQ(ReadFile(broken / "best.yaml").value(),
            ReadFile(Scratch() / "whole/best.yaml").value());
}

TEST(Tune, ResumeRefusesAnotherSearchByName) {
  if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 8), 2);
  ASSERT_EQ(Tool(Words(config, kSpace, "search", {"--eta", "2", "--quiet"})).exit_code, 0);
  const std::string folder = (Scratch() / "search").string();
  const auto refusal = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"tune", "-o", folder, "--resume"};
    words.insert(words.end(), more.begin(), more.end());
    const ToolResult result = Tool(words);
    EXPECT_EQ(result.exit_code, 2);
    return result.err;
  };
  EXPECT_THAT(refusal({"--eta", "3"}), HasSubstr("--eta: got 3; the search in"));
  EXPECT_THAT(refusal({"--set", "train.batch=5"}),
              HasSubstr("was started with train.batch 4, got 5"));
  EXPECT_THAT(refusal({"--space", WriteSpace("train.batch: [2, 4]\n").string()}),
              HasSubstr("started with another space"));
  const ToolResult again = Tool(Words(config, kSpace, "search"));
  EXPECT_EQ(again.exit_code, 5);
  EXPECT_THAT(again.err, HasSubstr("a search is there already"));
}

TEST(Tune, ALostTrialIsNamedAndTheOthersGoOn) {
  if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 8), 2);
  // A border of 8 or more does not fit a picture of 8 x 8; one of 1 does.
  const std::string space = "augmentation.pad_crop: [1, 8]\ntrain.momentum: {uniform: [0, 0.9]}\n";
  const ToolResult result = Tool(Words(config, space, "search", {"--eta", "2", "--trials", "3"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("lost: augmentation.pad_crop: got 8"));
  const nlohmann::json ranking = Found(Scratch() / "search")["ranking"];
  EXPECT_EQ(ranking[0]["settings"]["augmentation.pad_crop"], "1");
  EXPECT_EQ(ranking[2]["status"], "lost");
  EXPECT_THAT(ReadTextFile(Scratch() / "search/report.html").value(),
              HasSubstr("lost: augmentation.pad_crop"));
}

TEST(Tune, AllLostIsAFailureThatNamesTheFirst) {
  if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 8), 2);
  // Weights beyond any float after a step or two.
  const ToolResult result =
      Tool(Words(config, "train.weight_decay: {uniform: [0.9, 1]}\n", "search",
                 {"--eta", "2", "--trials", "2", "--set", "train.learning_rate=100", "--set",
                  "train.optimizer=sgd", "--set", "train.arithmetic=float", "--set",
                  "train.schedule=constant", "--set", "train.batch=1"}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("all 2 trials were lost; the first: train.learning_rate: the "
                                    "loss is no longer a number"));
  EXPECT_FALSE(fs::exists(Scratch() / "search/best.yaml"));
}

}  // namespace
}  // namespace bluestem::cli
