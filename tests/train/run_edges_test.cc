// A run's edges: before its first step, at the end of an epoch, and with files that are missing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/train/small_run.h"

namespace bluestem::train {
namespace {

using testing::HasSubstr;

// 32 training pictures of the 40, in batches of 8: 4 steps an epoch.
class RunEdges : public SmallRun {
 protected:
  void SetUp() override {
    SmallRun::SetUp();
    paths_.folder = folder_ / "run";
  }
  RunPaths paths_;
};

TEST_F(RunEdges, APictureOfEachClassIsTheLeastToValidateWith) {
  experiment_.data.validation_fraction = 0.01;  // less than half a picture
  ASSERT_TRUE(Train("run", false).ok());
  EXPECT_THAT(ReadTextFile(paths_.Evaluation()).value(), HasSubstr("\"total\": 2,"));
  for (const char* label : {"dark", "light"}) {
    for (int i = 1; i < 20; ++i)
      std::filesystem::remove(folder_ / "images" / label / fmt::format("{:02}.png", i));
  }
  const Status status = Train("other", false);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "data.path: got 2 pictures in 2 classes, one of each, so that none can be held out; "
            "expected two of a class, or other pictures in data.validation");
}

TEST_F(RunEdges, ABatchBeyondTheDataTakesAllOfItAndSaysSo) {
  experiment_.train.batch = 500;
  experiment_.train.rate_batch = 32;  // linear scaling goes by the pictures of a step
  experiment_.train.schedule = "constant";
  std::vector<std::string> notes;
  FitOptions options{.run_folder = paths_.folder};
  options.note = [&](const std::string& note) { notes.push_back(note); };
  ASSERT_TRUE(Fit(experiment_, options).ok());
  EXPECT_EQ(notes, std::vector<std::string>{"train.batch: got 500, but there are 32 training "
                                            "pictures: each step takes them all"});
  EXPECT_EQ(ReadRunState(paths_)->notes, notes);
  EXPECT_EQ(ReadMetrics(paths_)->at(0).learning_rate, experiment_.train.learning_rate);
}

// The steps that are timed first are none of the run.
TEST_F(RunEdges, InterruptedBeforeItsFirstStepARunHasChosenNothing) {
  experiment_.train.epochs = 100000;
  experiment_.train.max_minutes = 0.005;
  const std::atomic<bool> interrupted{true};
  const Status status =
      Fit(experiment_, {.run_folder = paths_.folder, .interrupted = &interrupted});
  EXPECT_EQ(status.code(), Code::kInterrupted);
  EXPECT_THAT(status.message(), HasSubstr("interrupted before the first step: begin it with "));
  EXPECT_FALSE(std::filesystem::exists(paths_.Last()));
  ASSERT_TRUE(Train("run", true).ok());
  EXPECT_GT(ReadRunState(paths_)->steps, 1);
}

TEST_F(RunEdges, TooFewEpochsForASchedulesRateAreNoted) {
  experiment_.train.epochs = 4;
  experiment_.train.schedule = "3-step-with-warmup";
  experiment_.train.max_minutes = 1e-4;
  ASSERT_TRUE(Train("run", false).ok());
  const std::vector<std::string> notes = ReadRunState(paths_)->notes;
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_THAT(notes[0], HasSubstr("3-step-with-warmup comes to its full rate with more than 4"));
}

TEST_F(RunEdges, WithoutItsLastCheckpointARunIsNotGoneOnWith) {
  experiment_.train.checkpoint_steps = 3;
  EXPECT_EQ(TrainUntil("run", 4).code(), Code::kInterrupted);
  std::filesystem::remove(paths_.Last());
  const Status status = Train("run", true);
  EXPECT_EQ(status.code(), Code::kInvalidData);
  EXPECT_THAT(status.message(), HasSubstr("last.ckpt: missing, though the run came to step 4; copy "
                                          "an older "));
  std::filesystem::copy_file(paths_.Checkpoints() / "step-00000003.ckpt", paths_.Last());
  EXPECT_TRUE(Train("run", true).ok());
}

// An epoch whose next step leaves the numbers is none to go back to.
TEST_F(RunEdges, TheBestCheckpointWaitsForTheLastOne) {
  FitOptions options{.run_folder = paths_.folder};
  int epochs = 0, after = 0;
  options.progress = [&](const Progress& progress) {
    if (progress.validation_accuracy >= 0 && progress.step == 4) {
      ++epochs;
      EXPECT_FALSE(std::filesystem::exists(paths_.Best()));
    }
    if (progress.step == 5) {
      ++after;
      EXPECT_TRUE(std::filesystem::exists(paths_.Best()));
      EXPECT_TRUE(std::filesystem::exists(paths_.Checkpoints() / "step-00000004.ckpt"));
    }
  };
  ASSERT_TRUE(Fit(experiment_, options).ok());
  EXPECT_EQ(epochs, 1);
  EXPECT_EQ(after, 1);
}

TEST_F(RunEdges, ABrokenBestCheckpointMayBeTheLastOne) {
  ASSERT_TRUE(Train("run", false).ok());
  ASSERT_TRUE(WriteFile(paths_.Best(), std::string("nothing")).ok());
  EXPECT_THAT(Export(paths_.folder, folder_ / "model.onnx").message(),
              HasSubstr("last.ckpt over it for the newest weights instead"));
  std::filesystem::copy_file(paths_.Last(), paths_.Best(),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(Export(paths_.folder, folder_ / "model.onnx").ok());
}

TEST_F(RunEdges, WithOtherPicturesEpochsEndElsewhereAndItIsSaid) {
  EXPECT_EQ(TrainUntil("run", 5).code(), Code::kInterrupted);
  for (const char* label : {"dark", "light"}) {
    for (int i = 0; i < 10; ++i)
      std::filesystem::remove(folder_ / "images" / label / fmt::format("{:02}.png", i));
  }
  ASSERT_TRUE(Train("run", true).ok());
  const std::vector<std::string> notes = ReadRunState(paths_)->notes;
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_THAT(notes[0], HasSubstr("last.ckpt: an epoch had 4 steps and has 2 now"));
}

TEST_F(RunEdges, EvaluatingARunWithoutACheckpointSaysWhatToDo) {
  EXPECT_EQ(TrainUntil("run", 1).code(), Code::kInterrupted);
  const Status status = Export(paths_.folder, folder_ / "x.onnx");
  EXPECT_EQ(status.code(), Code::kIo);
  EXPECT_THAT(status.message(), HasSubstr("no best checkpoint yet"));
}

}  // namespace
}  // namespace bluestem::train
