#include "bluestem/codegen/compile.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

namespace bluestem::codegen {
namespace {

namespace fs = std::filesystem;

TEST(ObjectCache, KeepsWhatWasUsedLast) {
  const Path folder = fs::temp_directory_path() / "bluestem_object_cache_test";
  fs::remove_all(folder);
  ASSERT_TRUE(MakeFolder(folder).ok());
  const auto now = fs::file_time_type::clock::now();
  int age = 0;
  for (const char* name : {"new.o", "middle.o", "old.o", "foreign.txt"}) {
    ASSERT_TRUE(WriteFile(folder / name, Bytes(10)).ok());
    fs::last_write_time(folder / name, now - std::chrono::hours(age++));
  }
  KeepNewest(folder, 20);
  EXPECT_TRUE(fs::exists(folder / "new.o"));
  EXPECT_TRUE(fs::exists(folder / "middle.o"));
  EXPECT_FALSE(fs::exists(folder / "old.o"));
  EXPECT_TRUE(fs::exists(folder / "foreign.txt"));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace bluestem::codegen
