// A whole run on two threads: the same bits again, and after a resume.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/train/small_run.h"

namespace bluestem::train {
namespace {

class TwoThreads : public SmallRun, public testing::WithParamInterface<const char*> {};

TEST_P(TwoThreads, GiveARunTheSameBitsAgainAndAfterAResume) {
  experiment_.train.threads = 2;
  experiment_.train.arithmetic = GetParam();
  experiment_.train.optimizer = "nesterov";
  experiment_.train.float_weights = 0;
  experiment_.train.batch = 32;  // four chunks of rows in the first maps (internal/norm_act.cc)
  experiment_.train.epochs = 2;  // of one step
  ASSERT_TRUE(Train("whole", false).ok());
  ASSERT_TRUE(Train("again", false).ok());
  EXPECT_EQ(Weights("again"), Weights("whole"));
  EXPECT_EQ(TrainUntil("parts", 1).code(), Code::kInterrupted);
  ASSERT_TRUE(Train("parts", true).ok());
  EXPECT_EQ(Weights("parts"), Weights("whole"));
  for (const char* run : {"again", "parts"}) {
    EXPECT_EQ(ReadFile(RunPaths{folder_ / run}.Model()).value(),
              ReadFile(RunPaths{folder_ / "whole"}.Model()).value())
        << run;
  }
}

INSTANTIATE_TEST_SUITE_P(Arithmetic, TwoThreads, testing::Values("integer", "float"));

}  // namespace
}  // namespace bluestem::train
