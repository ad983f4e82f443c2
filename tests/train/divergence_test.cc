// A run whose weights or loss leave the numbers: what it says, what it leaves and how it goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "bluestem/train/internal/checkpoint.h"
#include "bluestem/train/internal/run_folder.h"
#include "bluestem/train/train.h"
#include "tests/train/small_run.h"

namespace bluestem::train {
namespace {

using testing::HasSubstr;

class Divergence : public SmallRun {
 protected:
  // A rate that no weights bear.
  void SetUp() override {
    SmallRun::SetUp();
    experiment_.train.epochs = 40;
    experiment_.train.learning_rate = 100;
    experiment_.train.weight_decay = 1;  // factor -99 a step
    experiment_.train.schedule = "constant";
    experiment_.train.checkpoint_steps = 1;
    experiment_.train.keep_checkpoints = 100;
  }

  Status Train(bool resume) { return SmallRun::Train("run", resume); }

  // Checks that a checkpoint has numbers alone.
  void ExpectNumbers(const Path& file) {
    const Result<Checkpoint> checkpoint = ReadCheckpoint(file);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    for (const auto& [name, values] : checkpoint->arrays) {
      EXPECT_TRUE(std::all_of(values.begin(), values.end(),
                              [](float value) { return std::isfinite(value); }))
          << file << " " << name;
    }
  }
};

TEST_F(Divergence, KeepsTheLastGoodCheckpointAndGoesOnWithALowerRate) {
  const Status status = Train(false);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  const RunPaths paths{folder_ / "run"};
  const RunState failed = ReadRunState(paths).value();
  EXPECT_EQ(failed.status, "failed");
  ASSERT_GT(failed.step, 1);
  EXPECT_THAT(status.message(), HasSubstr("train.learning_rate: "));
  EXPECT_THAT(status.message(), HasSubstr("with rate 100"));
  EXPECT_THAT(status.message(),
              HasSubstr(fmt::format("last.ckpt is as of step {}, the last good one", failed.step)));
  EXPECT_THAT(status.message(), HasSubstr("--resume --set train.learning_rate=10`"));
  int checkpoints = 0;
  for (const auto& entry : std::filesystem::directory_iterator(paths.Checkpoints())) {
    ExpectNumbers(entry.path());
    ++checkpoints;
  }
  EXPECT_GE(checkpoints, failed.step + 1);  // one a step and last.ckpt
  const Path good = paths.Checkpoints() / fmt::format("step-{:08}.ckpt", failed.step);
  EXPECT_EQ(ReadFile(paths.Last()).value(), ReadFile(good).value());

  EXPECT_THAT(Train(true).message(), HasSubstr("with rate 100"));  // nothing has changed
  experiment_.train.momentum = 0.5;
  EXPECT_THAT(Train(true).message(), HasSubstr("another configuration"));  // the rate alone may
  experiment_.train.momentum = config::TrainConfig{}.momentum;
  std::filesystem::copy_file(paths.Checkpoints() / "step-00000001.ckpt", paths.Last(),
                             std::filesystem::copy_options::overwrite_existing);
  experiment_.train.learning_rate = 0.01;
  const Status resumed = Train(true);
  ASSERT_TRUE(resumed.ok()) << resumed.message();
  const RunState state = ReadRunState(paths).value();
  EXPECT_EQ(state.status, "finished");
  ASSERT_EQ(state.rates.size(), 2U);
  EXPECT_EQ(state.rates[0].learning_rate, 100);
  EXPECT_EQ(state.rates[1].learning_rate, 0.01);
  ExpectNumbers(paths.Best());
}

TEST_F(Divergence, BeforeTheFirstCheckpointStartsAgain) {
  experiment_.train.batch = 1;  // 32 steps an epoch
  experiment_.train.checkpoint_steps = 1000;
  EXPECT_THAT(Train(false).message(), HasSubstr("there is no checkpoint yet: start it again"));
  EXPECT_FALSE(std::filesystem::exists(RunPaths{folder_ / "run"}.Last()));
  EXPECT_FALSE(std::filesystem::exists(RunPaths{folder_ / "run"}.Best()));
  experiment_.train.learning_rate = 0.01;
  const Status resumed = Train(true);  // from the start
  EXPECT_TRUE(resumed.ok()) << resumed.message();
}

}  // namespace
}  // namespace bluestem::train
