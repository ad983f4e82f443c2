// Checkpoints: round trip, and every kind of damage is seen and named.
#include "bluestem/train/internal/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bluestem::train {
namespace {

using testing::HasSubstr;

class CheckpointFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("bluestem-ckpt-{}", ::getpid());
    std::filesystem::create_directories(folder_);
    path_ = folder_ / "last.ckpt";
    checkpoint_.info = R"({"step": 7})";
    checkpoint_.arrays = {{"a/weight", {1.0F, -0.0F, 3.5F}}, {"empty", {}}};
    ASSERT_TRUE(WriteCheckpoint(path_, checkpoint_).ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Message(const Bytes& bytes) {
    EXPECT_TRUE(WriteFile(path_, bytes).ok());
    const Result<Checkpoint> read = ReadCheckpoint(path_);
    EXPECT_FALSE(read.ok());
    EXPECT_EQ(read.status().code(), Code::kInvalidData);
    return read.status().message();
  }

  Path folder_, path_;
  Checkpoint checkpoint_;
};

TEST_F(CheckpointFile, ReadsBackWhatWasWritten) {
  const Checkpoint read = ReadCheckpoint(path_).value();
  EXPECT_EQ(read.info, checkpoint_.info);
  EXPECT_EQ(read.arrays, checkpoint_.arrays);
}

TEST_F(CheckpointFile, EveryTruncationIsSeen) {
  const Bytes whole = ReadFile(path_).value();
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    EXPECT_THAT(Message(Bytes(whole.begin(), whole.begin() + static_cast<int64_t>(bytes))),
                HasSubstr("corrupt checkpoint"))
        << bytes;
  }
}

TEST_F(CheckpointFile, EveryChangedByteIsSeenAndTheFileNamed) {
  const Bytes whole = ReadFile(path_).value();
  for (size_t i = 0; i < whole.size(); ++i) {
    Bytes changed = whole;
    changed[i] ^= 0x10;
    EXPECT_THAT(Message(changed), HasSubstr("last.ckpt")) << i;
  }
}

TEST_F(CheckpointFile, AnotherVersionSaysSo) {
  Bytes newer = ReadFile(path_).value();
  newer[14] = '2';
  EXPECT_THAT(Message(newer), HasSubstr("another version"));
}

TEST_F(CheckpointFile, ArraysOfAnotherNetworkAreRefusedByName) {
  std::vector<float> value(4);
  const std::vector<ParameterView> views = {{.name = "a/weight",
                                             .role = Role::kWeight,
                                             .block = 0,
                                             .count = 4,
                                             .value = value.data(),
                                             .gradient = nullptr}};
  const Status status = Restore(checkpoint_, views, "last.ckpt");
  EXPECT_EQ(status.code(), Code::kInvalidData);
  EXPECT_THAT(
      status.message(),
      HasSubstr(
          "not a checkpoint of this network: a/weight has 3 values in it; the network's has 4"));
}

}  // namespace
}  // namespace bluestem::train
