// What a run tells of itself: its network's cost, where its time went, events for TensorBoard, and
// the rate it takes from its batch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "bluestem/train/internal/checkpoint.h"
#include "bluestem/train/internal/run_folder.h"
#include "bluestem/train/networks/cost.h"
#include "bluestem/train/train.h"
#include "tests/train/small_run.h"

namespace bluestem::train {
namespace {

using testing::HasSubstr;

class RunFigures : public SmallRun {
 protected:
  RunPaths Paths(const std::string& run) const { return {folder_ / run}; }

  // The run's file for TensorBoard, of which there is one.
  std::string Events(const std::string& run) {
    std::string text;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / run)) {
      if (entry.path().filename().string().rfind("events.out.tfevents.", 0) != 0) continue;
      EXPECT_EQ(text, "");
      text = ReadTextFile(entry.path()).value();
    }
    return text;
  }
};

TEST_F(RunFigures, TellCostTimeAndLoading) {
  const Status status = Train("run", false);
  ASSERT_TRUE(status.ok()) << status.message();
  const RunState state = ReadRunState(Paths("run")).value();
  const Network network = MakeNetwork(experiment_, 2).value();
  const task::Macs macs = MacsByBits(CostTable(network, Shapes(network).value()));
  EXPECT_EQ(state.macs, macs);
  EXPECT_EQ(macs[0].first, "w1a2");
  EXPECT_GT(state.loading_share, 0);
  EXPECT_LT(state.loading_share, 1);
  EXPECT_GT(state.cpu_seconds, 0);
  EXPECT_LT(state.cpu_seconds,
            state.train_seconds * (std::thread::hardware_concurrency() + 1) + 0.1);
  const Summary summary = Summarize(folder_ / "run").value();
  EXPECT_EQ(summary.total, 8);
  EXPECT_EQ(summary.macs, macs);
  EXPECT_EQ(summary.cpu_seconds, state.cpu_seconds);
  EXPECT_EQ(summary.loading_share, state.loading_share);
  const std::string report = ReadTextFile(Paths("run").Report()).value();
  EXPECT_THAT(report, HasSubstr(task::MacsText(macs)));
  EXPECT_THAT(report, HasSubstr(fmt::format("{:.1f} CPU s", state.cpu_seconds)));
}

// A resumed run goes on counting: what a checkpoint says of loading is in the figure at the end.
TEST_F(RunFigures, LoadingIsOfTheStepsBeforeAResumeToo) {
  EXPECT_EQ(TrainUntil("run", 2).code(), Code::kInterrupted);
  Checkpoint checkpoint = ReadCheckpoint(Paths("run").Last()).value();
  auto info = nlohmann::json::parse(checkpoint.info);
  EXPECT_GT(info.at("loading_seconds"), 0);
  EXPECT_GT(info.at("step_seconds"), info.at("loading_seconds"));
  info["loading_seconds"] = 9e5;
  info["step_seconds"] = 1e6;
  checkpoint.info = info.dump();
  ASSERT_TRUE(WriteCheckpoint(Paths("run").Last(), checkpoint).ok());
  ASSERT_TRUE(Train("run", true).ok());
  EXPECT_NEAR(ReadRunState(Paths("run")).value().loading_share, 0.9, 1e-3);
}

TEST_F(RunFigures, ASummaryNeedsAnEvaluation) {
  ASSERT_TRUE(Train("run", false).ok());
  ASSERT_TRUE(WriteFile(Paths("run").Evaluation(), std::string("{}")).ok());
  const Result<Summary> summary = Summarize(folder_ / "run");
  EXPECT_EQ(summary.status().code(), Code::kInvalidData);
  EXPECT_THAT(summary.status().message(), HasSubstr("evaluation.json: no counts in it"));
}

TEST_F(RunFigures, ARunLeavesEventsForTensorBoard) {
  ASSERT_TRUE(Train("run", false).ok());
  const std::string events = Events("run");
  for (const char* tag : {"loss/train", "accuracy/validation", "learning_rate", "codes/"})
    EXPECT_THAT(events, HasSubstr(tag));
  EXPECT_THAT(events, testing::Not(HasSubstr("\x3a\x02\x08\x01")));  // a session's start
}

TEST_F(RunFigures, TensorBoardForgetsTheStepsThatAreTakenAgain) {
  EXPECT_EQ(TrainUntil("run", 2).code(), Code::kInterrupted);
  const Checkpoint checkpoint = ReadCheckpoint(Paths("run").Last()).value();
  const int64_t step = nlohmann::json::parse(checkpoint.info).at("step");
  ASSERT_TRUE(Train("run", true).ok());
  const auto next = static_cast<char>(step + 1);
  EXPECT_THAT(Events("run"), HasSubstr(std::string("\x10") + next + "\x3a\x02\x08\x01"));
}

TEST_F(RunFigures, TheRateIsInProportionToTheBatch) {
  const auto weights = [&](const std::string& run, int64_t rate_batch, double rate) {
    experiment_.train.batch = 16;
    experiment_.train.rate_batch = rate_batch;
    experiment_.train.learning_rate = rate;
    EXPECT_TRUE(Train(run, false).ok());
    return ReadCheckpoint(Paths(run).Last()).value().arrays;
  };
  const auto doubled = weights("doubled", 0, 0.1);
  EXPECT_EQ(weights("of-8", 8, 0.05), doubled);
  EXPECT_NE(weights("plain", 0, 0.05), doubled);
}

}  // namespace
}  // namespace bluestem::train
