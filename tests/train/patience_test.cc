// When a run ends early (train.patience).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/train/small_run.h"

namespace bluestem::train {
namespace {

class Patience : public SmallRun {
 protected:
  // So that nothing changes: equal is not better.
  void StandStill() {
    experiment_.train.learning_rate = 1e-8;
    experiment_.train.beta_rate = 0;
    experiment_.train.epochs = 40;
  }
  // The score of each epoch of a run that says that it is finished.
  std::vector<double> Scores(const std::string& run) {
    const RunPaths paths{folder_ / run};
    const RunState state = ReadRunState(paths).value();
    EXPECT_EQ(state.status, "finished");
    EXPECT_EQ(state.step, state.steps);
    const std::vector<EpochMetrics> rows = ReadMetrics(paths).value();
    std::vector<double> scores;
    for (const EpochMetrics& row : rows) scores.push_back(row.Score());
    EXPECT_EQ(state.step, static_cast<int64_t>(scores.size()) * state.steps_per_epoch);
    return scores;
  }
};

TEST_F(Patience, EndsTheRunSoManyEpochsAfterTheFirstOfEqualOnes) {
  StandStill();
  for (const int64_t patience : {1, 2, 5}) {
    experiment_.train.patience = patience;
    const std::string run = fmt::format("run-{}", patience);
    ASSERT_TRUE(Train(run, false).ok());
    const std::vector<double> scores = Scores(run);
    EXPECT_EQ(scores, std::vector<double>(static_cast<size_t>(1 + patience), scores[0]));
  }
}

TEST_F(Patience, CountsAnewWithEachBetterEpoch) {
  constexpr size_t kPatience = 3;
  experiment_.train.patience = kPatience;
  experiment_.train.epochs = 30;
  experiment_.train.learning_rate = 0.002;
  experiment_.train.schedule = "constant";
  ASSERT_TRUE(Train("run", false).ok());
  const std::vector<double> scores = Scores("run");
  size_t best = 0;
  for (size_t epoch = 0; epoch < scores.size(); ++epoch) {
    if (scores[epoch] > scores[best]) best = epoch;
    EXPECT_EQ(epoch - best == kPatience, epoch + 1 == scores.size()) << epoch;
  }
  EXPECT_GT(best, 0U);  // or nothing was counted anew
}

TEST_F(Patience, GoesOnAcrossAResume) {
  StandStill();
  experiment_.train.patience = 4;
  EXPECT_EQ(TrainUntil("run", 10).code(), Code::kInterrupted);  // in the third epoch
  ASSERT_TRUE(Train("run", true).ok());
  EXPECT_EQ(Scores("run").size(), 5U);
}

}  // namespace
}  // namespace bluestem::train
