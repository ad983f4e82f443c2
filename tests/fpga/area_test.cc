#include "bluestem/fpga/area.h"

#include <gtest/gtest.h>

namespace bluestem::fpga {
namespace {

TEST(FindPart, KnowsAPartByNameAndByOrderingCode) {
  EXPECT_STREQ(FindPart("5CSEMA5")->board, "DE1-SoC");
  EXPECT_STREQ(FindPart("5CSEBA6U23I7")->board, "DE10-Nano");
}

TEST(FindPart, AnUnknownPartIsNamedWithThoseThereAre) {
  for (const char* name : {"XC7Z020", "", "5CSE"}) {
    const auto part = FindPart(name);
    ASSERT_FALSE(part.ok()) << name;
    EXPECT_EQ(part.status().code(), Code::kInvalidArgument);
    EXPECT_EQ(part.status().message(),
              "there is no part '" + std::string(name) +
                  "'; expected one of 5CSEBA6 (DE10-Nano), 5CSEMA5 (DE1-SoC), 5CSXFC6 "
                  "(KEIm-CVSoC), 5CSEMA4 (DE0-Nano-SoC), 5CSEBA2 (smallest Cyclone V SoC), "
                  "10AX115 (PAC with Arria 10)");
  }
}

TEST(Part, TheEngineFitsWhereEveryResourceSuffices) {
  const Part part = {"P", "B", 100, 10, "M10K", 5};
  EXPECT_TRUE(part.Fits({.alms = 100, .m10k = 10, .dsp = 5}));
  EXPECT_FALSE(part.Fits({.alms = 101, .m10k = 10, .dsp = 5}));
  EXPECT_FALSE(part.Fits({.alms = 100, .m10k = 11, .dsp = 5}));
  EXPECT_FALSE(part.Fits({.alms = 100, .m10k = 10, .dsp = 6}));
}

}  // namespace
}  // namespace bluestem::fpga
