#include "bluestem/base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace bluestem {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("bluestem_file_test_{}", ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  int64_t EntryCount() const { return std::distance(fs::directory_iterator(folder_), {}); }

  Path folder_;
};

TEST_F(FileTest, AWrittenFileReadsBackAndLeavesNothingBeside) {
  const Bytes bytes = {0, 1, 2, 255};
  ASSERT_TRUE(WriteFile(folder_ / "x.bin", bytes).ok());
  EXPECT_EQ(*ReadFile(folder_ / "x.bin"), bytes);
  EXPECT_EQ(EntryCount(), 1);
}

TEST_F(FileTest, AMissingFileIsNamedWithTheReason) {
  const auto result = ReadFile(folder_ / "absent");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), Code::kIo);
  EXPECT_NE(result.status().message().find("absent: cannot open: No such file"), std::string::npos);
}

TEST_F(FileTest, AFolderIsNotReadAsAFile) {
  EXPECT_EQ(ReadFile(folder_).status().code(), Code::kIo);
}

TEST_F(FileTest, AFileAboveTheLimitIsRefusedBeforeItIsRead) {
  ASSERT_TRUE(WriteFile(folder_ / "big", std::string(100, 'x')).ok());
  EXPECT_EQ(ReadFile(folder_ / "big", 99).status().code(), Code::kInvalidData);
  EXPECT_TRUE(ReadFile(folder_ / "big", 100).ok());
}

TEST_F(FileTest, AnUnflushedWriteIsCompleteAndLeavesNothingBeside) {
  ASSERT_TRUE(WriteFileUnflushed(folder_ / "x", "old").ok());
  ASSERT_TRUE(WriteFileUnflushed(folder_ / "x", Bytes{'n', 'e', 'w'}).ok());
  EXPECT_EQ(*ReadTextFile(folder_ / "x"), "new");
  EXPECT_EQ(EntryCount(), 1);
  const Status status = WriteFileUnflushed(folder_ / "absent" / "x", "new");
  EXPECT_NE(status.message().find("cannot write: No such file"), std::string::npos);
}

TEST_F(FileTest, AFailedWriteKeepsTheOldContent) {
  ASSERT_TRUE(WriteFile(folder_ / "x", "old").ok());
  const auto missing = WriteFile(folder_ / "no_such_folder" / "x", "new");
  EXPECT_EQ(missing.code(), Code::kIo);
  EXPECT_EQ(*ReadTextFile(folder_ / "x"), "old");
}

TEST_F(FileTest, AFullDiskIsAnErrorAndNotAShortFile) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  fs::create_symlink("/dev/full", folder_ / "full");
  std::ofstream probe(folder_ / "full");
  probe << std::string(1 << 16, 'x') << std::flush;
  EXPECT_FALSE(probe.good());
}

TEST_F(FileTest, AFileWithoutSizeIsReadToItsEnd) {
  const auto status = ReadTextFile("/proc/self/status");
  ASSERT_TRUE(status.ok());
  EXPECT_NE(status->find("VmRSS"), std::string::npos);
}

TEST_F(FileTest, AStagedFolderAppearsOnlyOnCommit) {
  {
    auto staged = StagedFolder::Create(folder_ / "out");
    ASSERT_TRUE(staged.ok());
    ASSERT_TRUE(WriteFile(staged->path() / "a", "1").ok());
    EXPECT_FALSE(fs::exists(folder_ / "out"));
  }
  EXPECT_EQ(EntryCount(), 0);
  auto staged = StagedFolder::Create(folder_ / "out");
  ASSERT_TRUE(WriteFile(staged->path() / "a", "2").ok());
  ASSERT_TRUE(staged->Commit().ok());
  EXPECT_EQ(*ReadTextFile(folder_ / "out" / "a"), "2");
  EXPECT_EQ(EntryCount(), 1);
}

TEST_F(FileTest, ACommitReplacesAnOlderFolder) {
  fs::create_directories(folder_ / "out");
  ASSERT_TRUE(WriteFile(folder_ / "out" / "old", "x").ok());
  auto staged = StagedFolder::Create(folder_ / "out");
  ASSERT_TRUE(WriteFile(staged->path() / "new", "y").ok());
  ASSERT_TRUE(staged->Commit().ok());
  EXPECT_FALSE(fs::exists(folder_ / "out" / "old"));
  EXPECT_TRUE(fs::exists(folder_ / "out" / "new"));
  EXPECT_EQ(EntryCount(), 1);
}

TEST(Status, AtPutsThePlaceFirst) {
  EXPECT_EQ(Error(Code::kIo, "got {}", 3).At("a.yaml:1:2").message(), "a.yaml:1:2: got 3");
  EXPECT_TRUE(OkStatus().At("x").ok());
}

TEST(StatusDeathTest, TakingTheValueOfAFailureStopsWithItsMessage) {
  const Result<int> failure = Error(Code::kIo, "no such thing");
  EXPECT_DEATH((void)failure.value(), "no such thing");
}

}  // namespace
}  // namespace bluestem
