// train and export as far as they go without the trainer: what is checked before LibTorch starts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bluestem/config/experiment.h"
#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::HasSubstr;

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
  EXPECT_THAT(result.err, HasSubstr("/nowhere/images"));
}

TEST(Train, NeedsARunToResume) {
  const ToolResult result = Tool({"train", "-o", (Scratch() / "run").string(), "--resume"});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr("no run to resume"));
}

TEST(Train, SaysHowToBuildTheTrainerWhereItIsMissing) {
  if (fs::exists(Path(BLUESTEM_BINARY_DIR) / "bin/bluestem-train")) {
    GTEST_SKIP() << "the trainer is built here";
  }
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
