#include "bluestem/fpga/windows.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/fpga/windows_check.h"

namespace bluestem::fpga {
namespace {

TEST(EncodeWindows, EqualsItsDefinitionForRandomConvolutions) {
  EXPECT_EQ(CheckWindows(), "");
}

TEST(DigitBytes, TransposesFourCodes) {
  const uint8_t codes[4] = {0b11100100, 0b00011011, 0b01010101, 0b10101010};
  uint32_t four = 0;
  std::memcpy(&four, codes, sizeof(four));
  four = DigitBytes(four);
  for (uint32_t digit = 0; digit < 4; ++digit) {
    for (uint32_t i = 0; i < 4; ++i) {
      EXPECT_EQ(four >> (8 * digit + 2 * i) & 3,
                static_cast<uint32_t>(codes[i] >> (2 * digit) & 3));
    }
  }
}

}  // namespace
}  // namespace bluestem::fpga
