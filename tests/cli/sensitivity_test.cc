// bluestem sensitivity end to end on tiny runs: what it measures, chooses, prints and refuses.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "bluestem/config/experiment.h"
#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// A tiny trained run; float is an fp32 one.
class Sensitivity : public testing::Test {
 protected:
  void SetUp() override {
    if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
    experiment_.data.path = WriteSmallDataset(Scratch() / "data", 10).string();
    experiment_.data.validation_fraction = 0.3;
    experiment_.data.height = experiment_.data.width = 8;
    experiment_.network.name = "bluestem_s";
    experiment_.network.width = 16;
    experiment_.train.epochs = 2;
    experiment_.train.batch = 7;
    experiment_.train.threads = 1;
    experiment_.train.learning_rate = 0.05;
    experiment_.train.fp32_baseline = false;
  }
  std::string Train(const std::string& quantizer, const std::string& activation,
                    const std::vector<std::string>& layer_bits = {}) {
    const std::string run = (Scratch() / ("run-" + quantizer)).string();
    experiment_.network.weight_quantizer = quantizer;
    experiment_.network.activation_quantizer = activation;
    experiment_.network.layer_bits = layer_bits;
    const std::string config = (Scratch() / "config.yaml").string();
    EXPECT_TRUE(WriteFile(config, config::ToYaml(experiment_)).ok());
    const ToolResult result = Tool({"train", "-c", config, "-o", run, "--quiet"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return run;
  }
  config::Experiment experiment_;
};

TEST_F(Sensitivity, ProposesBitsForAFloatRunThatTheTrainerTakes) {
  const std::string run = Train("none", "none");
  const std::string page = (Scratch() / "bits.html").string();
  const ToolResult result =
      Tool({"sensitivity", run, "--max-kilobytes", "8", "--json", "-o", page});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = result.Json();
  EXPECT_EQ(json["images"], 9);
  ASSERT_EQ(json["layers"].size(), 7U);
  double coarse = 0, fine = 0;
  std::vector<std::string> layer_bits;
  for (const auto& layer : json["layers"]) {
    const bool head = layer["layer"] == "head";
    EXPECT_EQ(layer["trained"], head ? "w32" : "w32a32");
    ASSERT_EQ(layer["options"].size(), 4U);
    EXPECT_EQ(layer["options"][2]["bits"], head ? "w4" : "w4a4");
    coarse += std::abs(layer["options"][0]["rise"].get<double>());
    fine += std::abs(layer["options"][3]["rise"].get<double>());
    layer_bits.push_back(layer["layer"].get<std::string>() + "=" +
                         layer["chosen"].get<std::string>());
  }
  EXPECT_LT(fine * 5, coarse);  // 8 bits are almost float
  const auto& choice = json["choice"];
  EXPECT_LE(choice["kilobytes"].get<double>(), 8);
  EXPECT_GT(choice["kilobytes"].get<double>(), 4);
  EXPECT_THAT(choice["config"],
              ElementsAre("weight_quantizer: binary_mean_scaling",
                          "activation_quantizer: linear_mid_tread_half",
                          fmt::format("layer_bits: [{}]", fmt::join(layer_bits, ", "))));
  const std::string html = ReadTextFile(page).value();
  for (const char* part : {"Rise of the loss", "Choice", "<svg", "layer_bits: [stem="})
    EXPECT_THAT(html, HasSubstr(part));
  EXPECT_THAT(html, Not(HasSubstr("http")));
  experiment_.train.epochs = 1;
  Train("binary_mean_scaling", "linear_mid_tread_half", layer_bits);
}

TEST_F(Sensitivity, OfWhatALayerWasTrainedWithIsZeroAndTheSmallestChoiceIsSaid) {
  const std::string run = Train("binary_mean_scaling", "linear_mid_tread_half");
  const auto within = [&](const std::string& mmac) {
    return Tool({"sensitivity", run, "--max-mmac", mmac, "--images", "3"});
  };
  const ToolResult refusal = within("0.00001");
  EXPECT_EQ(refusal.exit_code, 2);
  EXPECT_THAT(refusal.out, HasSubstr("MMAC to "));  // what was measured is not lost
  const std::string before = "--max-mmac: got 1e-05; the smallest choice of bits takes ";
  const size_t at = refusal.err.find(before);
  ASSERT_NE(at, std::string::npos) << refusal.err;
  const size_t number = at + before.size();
  const ToolResult smallest =  // what it says is enough
      within(refusal.err.substr(number, refusal.err.find(';', number) - number));
  EXPECT_EQ(smallest.exit_code, 0) << smallest.err;
  EXPECT_THAT(smallest.err, HasSubstr("deep1, deep2, deep3 were trained with fewer than 8 bits"));
  EXPECT_THAT(smallest.out, HasSubstr("on 3 held-out pictures as trained"));
  // Trained w1a2: as w1a2 the loss rises by nothing, as w2a2 it does not stay.
  EXPECT_THAT(smallest.out, ContainsRegex("deep1 .* w1a2 +0\\.0000 +-?[0-9.]*[1-9]"));
  EXPECT_THAT(smallest.out, HasSubstr("  layer_bits: [stem=w1a2, enter=w1a2"));
}

TEST(SensitivityRefuses, WhatIsNoRun) {
  const std::string folder = Scratch().string();
  const ToolResult result = Tool({"sensitivity", folder});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr(folder + ": no run folder (config.yaml is expected)"));
  EXPECT_EQ(Tool({"sensitivity", folder, "--max-kilobytes", "3", "--max-mmac", "2"}).exit_code, 2);
}

TEST(SensitivityRefuses, ARunWithoutACheckpoint) {
  if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
  config::Experiment experiment;
  experiment.data.path = WriteSmallDataset(Scratch() / "data", 2).string();
  experiment.network.name = "bluestem_s";
  ASSERT_TRUE(WriteFile(Scratch() / "config.yaml", config::ToYaml(experiment)).ok());
  WriteSmallMeta(Scratch());
  const ToolResult result = Tool({"sensitivity", Scratch().string()});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr("no best checkpoint yet"));
}

}  // namespace
}  // namespace bluestem::cli
