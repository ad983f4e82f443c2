// train and export as far as they go without the trainer: what is checked before LibTorch starts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <sstream>

#include "bluestem/config/experiment.h"
#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

namespace fs = std::filesystem;

Path WriteConfig(const Path& data) {
  config::Experiment experiment;
  experiment.data.path = data.string();
  const Path path = Scratch() / "config.yaml";
  EXPECT_TRUE(WriteFile(path, config::ToYaml(experiment)).ok());
  return path;
}

TEST(Train, NamesKeyAndLineOfAWrongConfiguration) {
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 2));
  const std::string text = ReadTextFile(config).value();
  ASSERT_TRUE(WriteFile(config, text + "\nepoch: 3\n").ok());
  const ToolResult result = Tool({"train", "-c", config.string()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("config.yaml:"));
  EXPECT_THAT(result.err, HasSubstr("epoch"));
}

TEST(Train, NamesTheKeyOfAWrongSetting) {
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 2));
  EXPECT_EQ(Tool({"train", "-c", config.string(), "--set", "train.batch=0"}).exit_code, 2);
  const ToolResult result = Tool({"train", "-c", config.string(), "--set", "train.batch"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("KEY=VALUE"));
}

TEST(Train, NamesTheDataThatIsMissing) {
  const ToolResult result = Tool({"train", "-c", WriteConfig("/nowhere/images").string()});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_EQ(result.err,
            "bluestem: error: data.path: /nowhere/images: no such file or folder; expected a data "
            "set\n");
}

TEST(Train, NeedsARunToResume) {
  const ToolResult result = Tool({"train", "-o", (Scratch() / "run").string(), "--resume"});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr("no run to resume: config.yaml is missing; with -c CONFIG it "
                                    "begins one"));
}

// One command line for a job that is started again and again (torchrun, a spot instance).
TEST(Train, ResumeWithAConfigurationBeginsARunOrGoesOn) {
  if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 8));
  const std::vector<std::string> words = {"train",
                                          "-c",
                                          config.string(),
                                          "-o",
                                          (Scratch() / "run").string(),
                                          "--resume",
                                          "--set",
                                          "network.name=bluestem_s",
                                          "--set",
                                          "network.width=8",
                                          "--set",
                                          "data.image_size=8x8",
                                          "--set",
                                          "train.batch=4",
                                          "--set",
                                          "train.epochs=1"};
  const ToolResult first = Tool(words), second = Tool(words);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("run: no run there yet; it begins"));
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_THAT(second.out, Not(HasSubstr("it begins")));
}

TEST(Train, RefusesASettingThatOnlyARuleRefuses) {
  if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
  const Path config = WriteConfig("/nowhere/images");
  const Path run = Scratch() / "run";
  const ToolResult rule = Tool(
      {"train", "-c", config.string(), "-o", run.string(), "--set", "train.float_weights=-0.5"});
  EXPECT_EQ(rule.exit_code, 2);
  EXPECT_THAT(rule.err, HasSubstr("train.float_weights: got -0.5"));
  EXPECT_FALSE(std::filesystem::exists(run));
}

TEST(Train, CtrlCAndResumeGiveTheModelOfAnUninterruptedRun) {
  if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 8));
  std::vector<std::string> words = {"train", "-c", config.string(), "--quiet"};
  for (const char* setting :
       {"network.name=bluestem_s", "network.width=8", "data.image_size=8x8", "train.batch=4",
        "train.epochs=60", "train.threads=1", "train.checkpoint_steps=3"}) {
    words.insert(words.end(), {"--set", setting});
  }
  const auto into = [&](const char* run) {
    std::vector<std::string> all = words;
    all.insert(all.end(), {"-o", (Scratch() / run).string()});
    return all;
  };
  const Path whole = Scratch() / "whole";
  const Path broken = Scratch() / "broken";
  ASSERT_EQ(Tool(into("whole")).exit_code, 0);
  const ToolResult first =
      Tool(into("broken"), {.environment = {}, .while_running = [&](int pid) {
                              while (!fs::exists(broken / "checkpoints/last.ckpt")) ::usleep(1000);
                              ::kill(pid, SIGINT);
                            }});
  EXPECT_EQ(first.exit_code, 130);
  EXPECT_THAT(first.err, HasSubstr("--resume"));
  EXPECT_FALSE(fs::exists(broken / "model.onnx"));
  ASSERT_EQ(Tool({"train", "-o", broken.string(), "--resume", "--quiet"}).exit_code, 0);
  EXPECT_EQ(ReadFile(broken / "model.onnx").value(), ReadFile(whole / "model.onnx").value());
}

TEST(Train, EndsWithCostBesideAccuracyAndEvaluateRepeatsIt) {
  if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
  const Path data = WriteSmallDataset(Scratch() / "data", 8);
  const Path config = WriteConfig(data);
  const std::string run = (Scratch() / "run").string();
  const ToolResult trained =
      Tool({"train", "-c", config.string(), "-o", run, "--set", "network.name=bluestem_s", "--set",
            "network.width=8", "--set", "data.image_size=8x8", "--set", "train.batch=4", "--set",
            "train.epochs=1"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_THAT(trained.out, testing::ContainsRegex("[0-9]+ of [0-9]+ right; [0-9.]+ MMAC w1a2, "));
  EXPECT_THAT(trained.out, testing::ContainsRegex("loading [0-9.]+ % of a step, [0-9.]+ s, "
                                                  "[0-9.]+ CPU s"));
  const ToolResult evaluated = Tool({"evaluate", run, "--data", data.string(), "--json"});
  ASSERT_EQ(evaluated.exit_code, 0) << evaluated.err;
  const nlohmann::json state = nlohmann::json::parse(ReadTextFile(Path(run) / "run.json").value());
  EXPECT_GT(state.at("macs").at("w1a2"), 0);
  EXPECT_EQ(evaluated.Json().at("macs"), state.at("macs"));
  const ToolResult compared = Tool({"report", run, "--compare", run, "--json"});
  ASSERT_EQ(compared.exit_code, 0) << compared.err;
  EXPECT_THAT(ReadTextFile(compared.Json().at("report").get<std::string>()).value(),
              HasSubstr("stroke-dasharray"));
  EXPECT_THAT(Tool({"report", run, "--compare", "nowhere"}).err,
              HasSubstr("nowhere: no report.html; write it with `bluestem report nowhere`"));
  const ToolResult written = Tool({"report", run, "--json"});
  ASSERT_EQ(written.exit_code, 0) << written.err;
  EXPECT_THAT(ReadTextFile(written.Json().at("report").get<std::string>()).value(),
              ::testing::Not(HasSubstr("stroke-dasharray")));
  const ToolResult nowhere = Tool({"report", "nowhere"});
  EXPECT_EQ(nowhere.exit_code, 5);
  EXPECT_THAT(nowhere.err, HasSubstr("nowhere: no run.json; expected a run folder"));
  EXPECT_THAT(Tool({"evaluate", run, "--data", data.string()}).out,
              testing::ContainsRegex("[0-9.]+ MMAC w1a2, .* a picture"));
}

// The documents of `text`, each of which must be one line.
std::vector<nlohmann::json> JsonLines(const std::string& text) {
  std::vector<nlohmann::json> documents;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    documents.push_back(nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false));
    EXPECT_TRUE(documents.back().is_object()) << line;
  }
  return documents;
}

TEST(Train, PrintsJsonLinesAnEpochAndTheResultLast) {
  if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 8));
  const ToolResult result =
      Tool({"train", "-c", config.string(), "-o", (Scratch() / "run").string(), "--set",
            "train.epochs=2", "--json", "--set", "network.name=bluestem_s", "--set",
            "network.width=8", "--set", "data.image_size=8x8", "--set", "train.batch=4"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::vector<nlohmann::json> lines = JsonLines(result.out);
  const auto is_epoch = [](const nlohmann::json& line) {
    return line.contains("validation_accuracy");
  };
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(), is_epoch), 2);
  EXPECT_EQ(lines.back()["status"], "finished");
}

TEST(Train, AnErrorIsAJsonLineToo) {
  const ToolResult missing = Tool({"train", "--json", "-c", (Scratch() / "none.yaml").string()});
  EXPECT_EQ(missing.exit_code, 5);
  ASSERT_EQ(JsonLines(missing.out).size(), 1u);
  EXPECT_EQ(JsonLines(missing.out)[0]["error"]["code"], "io");
  const ToolResult unknown = Tool({"train", "--jsno", "--json"});
  ASSERT_EQ(JsonLines(unknown.out).size(), 1u);
  EXPECT_EQ(JsonLines(unknown.out)[0]["error"]["code"], "invalid_argument");
}

TEST(Train, TellsAProgramInJsonWhatWentWrong) {
  if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
  const Path run = Scratch() / "run";
  ASSERT_TRUE(MakeFolder(run).ok());
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 8));
  ASSERT_TRUE(WriteFile(run / "config.yaml", ReadTextFile(config).value()).ok());
  const ToolResult result = Tool({"train", "-o", run.string(), "--resume", "--json"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.Json()["error"]["code"], "invalid_argument");
  EXPECT_THAT(result.Json()["error"]["message"].get<std::string>(),
              HasSubstr("another configuration"));
  EXPECT_THAT(result.err, StartsWith("bluestem: error: " + run.string()));
}

TEST(Train, SaysHowToBuildTheTrainerWhereItIsMissing) {
  if (TrainerIsBuilt()) GTEST_SKIP() << "the trainer is built here";
  const Path config = WriteConfig(WriteSmallDataset(Scratch() / "data", 2));
  const ToolResult result = Tool({"train", "-c", config.string()},
                                 {.environment = {"PATH=/nowhere"}, .while_running = {}});
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_THAT(result.err, HasSubstr("libtorch-dev"));
}

TEST(Export, NeedsARun) {
  const ToolResult result = Tool({"export", Scratch().string(), "-o", "model.onnx"});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr("no run folder"));
}

}  // namespace
}  // namespace bluestem::cli
