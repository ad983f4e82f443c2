// train with several ranks: the launcher, ranks started from outside, going on with another number,
// and a rank that is killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "bluestem/config/experiment.h"
#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

class TrainRanks : public testing::Test {
 protected:
  void SetUp() override {
    if (!TrainerIsBuilt()) GTEST_SKIP() << "the trainer is not built";
    config::Experiment experiment;
    experiment.data = {
        .path = WriteSmallDataset(Scratch() / "data", 8).string(), .height = 8, .width = 8};
    experiment.network.name = "bluestem_s";
    experiment.network.width = 16;
    experiment.train = {.batch = 4, .epochs = 12, .checkpoint_steps = 3};
    ASSERT_TRUE(WriteFile(Scratch() / "config.yaml", config::ToYaml(experiment)).ok());
  }

  static Path Run(const char* name) { return Scratch() / name; }
  static std::vector<std::string> Words(const char* run, const std::vector<std::string>& more) {
    std::vector<std::string> words = {"train", "-c", (Scratch() / "config.yaml").string(), "-o",
                                      Run(run).string()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  static nlohmann::json State(const char* run) {
    return nlohmann::json::parse(ReadTextFile(Run(run) / "run.json").value());
  }
  // Kills the launcher's child number `rank` once there is a checkpoint.
  static ToolOptions Killing(const char* run, int rank) {
    return {.environment = {}, .while_running = [=](int pid) {
              WaitForCheckpoint(run);
              std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", pid));
              int child = 0;
              for (int i = 0; i <= rank; ++i) children >> child;
              ASSERT_GT(child, 0);
              ::kill(child, SIGKILL);
            }};
  }
  static void WaitForCheckpoint(const char* run) {
    const Path file = Run(run) / "checkpoints/last.ckpt";
    for (int i = 0; i < 60000 && !fs::exists(file); ++i) ::usleep(1000);
    ASSERT_TRUE(fs::exists(file));
  }
};

TEST_F(TrainRanks, InterruptedTheyStopTogetherAndGoOnBitForBit) {
  ASSERT_EQ(Tool(Words("whole", {"--nproc", "2", "--quiet"})).exit_code, 0);
  EXPECT_EQ(State("whole")["ranks"], 2);
  const ToolResult first = Tool(Words("broken", {"--nproc", "2", "--quiet"}),
                                {.environment = {}, .while_running = [](int pid) {
                                   WaitForCheckpoint("broken");
                                   ::kill(pid, SIGINT);
                                 }});
  EXPECT_EQ(first.exit_code, 130);
  EXPECT_THAT(first.err, HasSubstr("interrupted at step"));
  EXPECT_EQ(first.err.find("rank"), std::string::npos) << first.err;
  ASSERT_EQ(Tool(Words("broken", {"--nproc", "2", "--resume", "--quiet"})).exit_code, 0);
  EXPECT_EQ(ReadFile(Run("broken") / "model.onnx").value(),
            ReadFile(Run("whole") / "model.onnx").value());
}

TEST_F(TrainRanks, AKilledOneEndsTheJobWhichGoesOnWithAnotherNumber) {
  const ToolResult killed = Tool(Words("run", {"--nproc", "2", "--quiet"}), Killing("run", 1));
  EXPECT_EQ(killed.exit_code, 5);
  EXPECT_THAT(killed.err, HasSubstr("rank 1 of 2 was ended by signal 9"));
  EXPECT_THAT(killed.err, HasSubstr("rank 1 of 2 is lost"));
  EXPECT_THAT(killed.err, HasSubstr("last.ckpt: go on, with any number of ranks"));
  const int64_t step = State("run")["step"];
  const ToolResult alone = Tool({"train", "-o", Run("run").string(), "--resume", "--quiet"},
                                {.environment = {}, .while_running = [&](int pid) {
                                   for (int i = 0; i < 60000 && State("run")["step"] <= step; ++i)
                                     ::usleep(1000);
                                   ::kill(pid, SIGINT);
                                 }});
  EXPECT_THAT(alone.exit_code, AnyOf(130, 0)) << alone.err;
  EXPECT_EQ(State("run")["ranks"], 1);
  const ToolResult last =
      Tool({"train", "-o", Run("run").string(), "--resume", "--nproc", "4", "--quiet"});
  EXPECT_EQ(last.exit_code, 0) << last.err;
  EXPECT_EQ(State("run")["status"], "finished");
}

// Rank 0 keeps the store where the roll is called: without it the others know who is lost. They say
// so before the launcher's patience (15 s) ends them.
TEST_F(TrainRanks, RankZeroKilledIsNamedByTheOtherWhichKnowsTheCheckpoint) {
  const ToolResult killed = Tool(Words("run", {"--nproc", "2", "--quiet"}), Killing("run", 0));
  EXPECT_EQ(killed.exit_code, 5);
  EXPECT_THAT(killed.err, HasSubstr("rank 0 of 2 was ended by signal 9"));
  EXPECT_THAT(killed.err, HasSubstr("rank 0 of 2 is lost"));
  EXPECT_THAT(killed.err, HasSubstr("last.ckpt: go on, with any number of ranks"));
  EXPECT_NE(State("run")["status"], "finished");
}

// Two starters, each with a folder of its own, stand for two machines.
TEST_F(TrainRanks, RankZeroKilledOnAnotherMachineIsNamedByTheOtherWhichHasNoCheckpoint) {
  const int port = 20000 + ::getpid() % 20000;
  const std::string log = (Scratch() / "other.log").string();
  int status = -1;
  std::thread other([&] {
    status =
        std::system(fmt::format("OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 "
                                "MASTER_PORT={} timeout 60 {}/bin/bluestem train -c {} -o {} "
                                "--quiet --set train.threads=1 2>{}",
                                port, BLUESTEM_BINARY_DIR, (Scratch() / "config.yaml").string(),
                                Run("other").string(), log)
                        .c_str());
  });
  const ToolResult first = Tool(Words("run", {"--quiet", "--set", "train.threads=1"}),
                                {.environment = {"OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=2",
                                                 fmt::format("MASTER_PORT={}", port)},
                                 .while_running = [](int pid) {
                                   WaitForCheckpoint("run");
                                   ::kill(pid, SIGKILL);
                                 }});
  other.join();
  EXPECT_EQ(first.exit_code, 128 + SIGKILL);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 5);  // timeout would end it with 124
  const std::string err = ReadTextFile(log).value();
  EXPECT_THAT(err, HasSubstr("other: rank 0 of 2 is lost"));
  EXPECT_THAT(err, HasSubstr("there is no checkpoint on this machine (rank 0 has the run folder): "
                             "start again"));
  EXPECT_FALSE(fs::exists(Run("other")));
}

TEST_F(TrainRanks, StartedFromOutsideMakeTheSameRun) {
  ASSERT_EQ(
      Tool(Words("launched", {"--nproc", "2", "--quiet", "--set", "train.epochs=2"})).exit_code, 0);
  std::vector<std::thread> starters;
  for (const char* rank : {"0", "1"}) {
    starters.emplace_back([rank] {
      const std::string command = fmt::format(
          "OMPI_COMM_WORLD_RANK={} OMPI_COMM_WORLD_SIZE=2 MASTER_PORT={} {}/bin/bluestem train -c "
          "{} -o {} --quiet --set train.epochs=2 --set train.threads=1",
          rank, 20000 + ::getpid() % 20000, BLUESTEM_BINARY_DIR,
          (Scratch() / "config.yaml").string(), Run("started").string());
      EXPECT_EQ(std::system(command.c_str()), 0);
    });
  }
  for (std::thread& starter : starters) starter.join();
  EXPECT_EQ(ReadFile(Run("started") / "model.onnx").value(),
            ReadFile(Run("launched") / "model.onnx").value());
}

// Which of them can be read is each rank's own finding; what they make of it is one.
TEST_F(TrainRanks, WhatCannotBeReadIsLeftOutByTheRankWhoseItIs) {
  const std::vector<std::string> broken = {"a/1.png", "b/5.png", "b/6.png"};
  for (const std::string& name : broken)
    ASSERT_TRUE(WriteFile(Scratch() / "data" / name, std::string("no picture")).ok());
  const std::vector<std::string> two = {"--nproc", "2", "--set", "train.epochs=2"};
  const ToolResult refused = Tool(Words("refused", two));
  EXPECT_EQ(refused.exit_code, 3) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("go on without: data.unreadable: skip"));
  std::vector<std::string> skipping = two;
  skipping.insert(skipping.end(), {"--set", "data.unreadable=skip", "--set", "train.threads=1"});
  const ToolResult skipped = Tool(Words("skipped", skipping));
  ASSERT_EQ(skipped.exit_code, 0) << skipped.err;
  EXPECT_THAT(skipped.err, HasSubstr("3 training pictures cannot be read, at most"));
  for (const std::string& name : broken) EXPECT_THAT(skipped.err, HasSubstr(name));
  EXPECT_THAT(skipped.err,
              AnyOf(HasSubstr("of rank 0 are left out"), HasSubstr("of rank 1 are left out")));
  ASSERT_EQ(Tool(Words("again", skipping)).exit_code, 0);
  EXPECT_EQ(ReadFile(Run("again") / "model.onnx").value(),
            ReadFile(Run("skipped") / "model.onnx").value());
}

TEST_F(TrainRanks, WhatCannotBeIsRefusedByName) {
  const ToolResult batch = Tool(Words("run", {"--nproc", "3"}));
  EXPECT_EQ(batch.exit_code, 2);
  EXPECT_THAT(batch.err, HasSubstr("train.batch: got 4; expected a multiple of 3"));
  const ToolResult half =
      Tool(Words("run", {}), {.environment = {"WORLD_SIZE=2"}, .while_running = {}});
  EXPECT_EQ(half.exit_code, 2);
  EXPECT_THAT(half.err, HasSubstr("RANK: missing; WORLD_SIZE is set"));
  const ToolResult both = Tool(
      Words("run", {"--nproc", "2"}),
      {.environment = {"RANK=0", "WORLD_SIZE=2", "MASTER_ADDR=127.0.0.1"}, .while_running = {}});
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_THAT(both.err, HasSubstr("leave --nproc out"));
  EXPECT_FALSE(fs::exists(Run("run")));
}

}  // namespace
}  // namespace bluestem::cli
