// A run whose weights or loss leave the numbers: what it says, what it leaves and how it goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "bluestem/base/rng.h"
#include "bluestem/image/image.h"
#include "bluestem/train/internal/checkpoint.h"
#include "bluestem/train/internal/run_folder.h"
#include "bluestem/train/train.h"

namespace bluestem::train {
namespace {

using testing::HasSubstr;

class Divergence : public testing::Test {
 protected:
  // Two class folders of noise, and a rate that no weights bear.
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / fmt::format("bluestem-divergence-{}", ::getpid());
    std::filesystem::remove_all(folder_);
    Rng rng(4);
    for (const char* label : {"dark", "light"}) {
      const Path of = folder_ / "images" / label;
      std::filesystem::create_directories(of);
      for (int i = 0; i < 20; ++i) {
        image::Image picture{.height = 16, .width = 16, .channels = 3, .pixels = {}};
        for (int k = 0; k < 16 * 16 * 3; ++k)
          picture.pixels.push_back(
              static_cast<uint8_t>(rng.Below(160) + (label[0] == 'l' ? 90 : 0)));
        ASSERT_TRUE(
            WriteFile(of / fmt::format("{:02}.png", i), image::EncodePng(picture).value()).ok());
      }
    }
    experiment_.data = {.format = "folder",
                        .path = (folder_ / "images").string(),
                        .validation = "",
                        .validation_fraction = 0.2,
                        .height = 16,
                        .width = 16};
    experiment_.network.name = "bluestem_s";
    experiment_.network.width = 16;
    experiment_.train = {.batch = 8,
                         .epochs = 40,
                         .threads = 1,
                         .optimizer = "sgd",
                         .learning_rate = 100,
                         .weight_decay = 1,  // factor -99 a step
                         .schedule = "constant",
                         .arithmetic = "float",
                         .checkpoint_steps = 1,
                         .keep_checkpoints = 100};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Status Train(bool resume) {
    return Fit(experiment_, {.run_folder = folder_ / "run", .resume = resume});
  }

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

  Path folder_;
  config::Experiment experiment_;
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
