#include "bluestem/base/byte_stream.h"

#include <gtest/gtest.h>

#include <string>

namespace bluestem {
namespace {

std::string_view View(const std::vector<uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(ByteStream, WhatIsWrittenIsRead) {
  ByteWriter out;
  out.Plain(uint32_t{7});
  out.Array(std::string("abc"));
  out.Array(std::vector<float>{});
  out.Array(std::vector<int16_t>{-1, 2});
  const std::vector<uint8_t> bytes = out.Take();
  ByteReader in(View(bytes));
  EXPECT_EQ(in.Plain<uint32_t>(), 7U);
  EXPECT_EQ(in.Array<std::string>(), "abc");
  EXPECT_TRUE(in.Array<std::vector<float>>().empty());
  EXPECT_EQ(in.Array<std::vector<int16_t>>(), (std::vector<int16_t>{-1, 2}));
  EXPECT_TRUE(in.AtEnd());
}

TEST(ByteStream, PastTheEndAllIsZero) {
  ByteWriter out;
  out.Array(std::vector<int32_t>{1, 2, 3});
  const std::vector<uint8_t> bytes = out.Take();
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    ByteReader in(View(bytes).substr(0, cut));
    EXPECT_TRUE(in.Array<std::vector<int32_t>>().empty()) << cut;
    EXPECT_FALSE(in.ok());
    EXPECT_EQ(in.Plain<uint8_t>(), 0);
    EXPECT_FALSE(in.AtEnd());
  }
}

TEST(ByteStream, ACountBeyondTheBytesIsRefusedBeforeMemoryIsTaken) {
  ByteWriter out;
  out.Plain(uint64_t{1} << 60);
  const std::vector<uint8_t> bytes = out.Take();
  ByteReader in(View(bytes));
  EXPECT_EQ(in.Count<uint64_t>(1), 0U);
  EXPECT_FALSE(in.ok());
}

}  // namespace
}  // namespace bluestem
