// train.backend: which one is chosen, what is refused and with which words.
#include "bluestem/train/internal/backend.h"

#include <gmock/gmock.h>

#include "tests/train/small_run.h"

namespace bluestem::train {
namespace {

using testing::HasSubstr;

constexpr Backends kGloo{}, kAll{.nccl = true, .mpi = true};

TEST(Backend, AutoIsNcclOnCudaWhereItIsBuiltElseGloo) {
  EXPECT_EQ(*ChooseBackend("auto", "cuda", kAll), "nccl");
  EXPECT_EQ(*ChooseBackend("auto", "cpu", kAll), "gloo");
  EXPECT_EQ(*ChooseBackend("auto", "cuda", kGloo), "gloo");
  EXPECT_EQ(*ChooseBackend("gloo", "cuda", kAll), "gloo");
  EXPECT_EQ(*ChooseBackend("nccl", "cuda", kAll), "nccl");
  EXPECT_EQ(*ChooseBackend("mpi", "cpu", kAll), "mpi");
}

TEST(Backend, OneThatIsNotBuiltIsRefusedNamingThoseThatAre) {
  const Status nccl = ChooseBackend("nccl", "cuda", kGloo).status();
  EXPECT_EQ(nccl.code(), Code::kUnsupported);
  EXPECT_EQ(nccl.message(),
            "train.backend: got nccl, but this LibTorch has gloo alone; use auto or gloo, or build "
            "Bluestem with a LibTorch that has nccl (docs/distributed.md)");
  EXPECT_THAT(ChooseBackend("mpi", "cpu", {.nccl = true}).status().message(),
              HasSubstr("got mpi, but this LibTorch has gloo, nccl alone; use auto or gloo"));
  const Status cpu = ChooseBackend("nccl", "cpu", kAll).status();
  EXPECT_EQ(cpu.code(), Code::kInvalidArgument);
  EXPECT_THAT(cpu.message(), HasSubstr("got nccl with steps on the CPU; expected auto or gloo"));
}

class BackendRun : public SmallRun {};

TEST_F(BackendRun, SaysSoBeforeItBegins) {
  if (BuiltBackends().mpi) GTEST_SKIP() << "this LibTorch has MPI";
  experiment_.train.backend = "mpi";
  const Status status = Train("run", false);
  EXPECT_EQ(status.code(), Code::kUnsupported);
  EXPECT_THAT(status.message(), HasSubstr("train.backend: got mpi, but this LibTorch has gloo"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run"));
}

// A run of one rank goes on with another backend: it is each start's own.
TEST_F(BackendRun, ResumesWithAnother) {
  EXPECT_EQ(TrainUntil("run", 2).code(), Code::kInterrupted);
  experiment_.train.backend = "gloo";
  EXPECT_TRUE(Train("run", true).ok());
}

}  // namespace
}  // namespace bluestem::train
