#include "bluestem/fpga/windows.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace bluestem::fpga {
namespace {

using kernels::QConvParams;

// Code `index` of the window at (oy, ox), in the order of taps; 0 beyond the last.
int32_t CodeOf(const QConvParams& p, const std::vector<uint8_t>& map, int32_t oy, int32_t ox,
               int32_t index) {
  const int32_t tap = index / p.ci, c = index % p.ci;
  if (tap >= p.kernel_h * p.kernel_w) return 0;
  const int32_t y = oy * p.stride_h - p.pad_top + tap / p.kernel_w * p.dilation_h;
  const int32_t x = ox * p.stride_w - p.pad_left + tap % p.kernel_w * p.dilation_w;
  if (y < 0 || y >= p.h || x < 0 || x >= p.w) return p.pad_value;
  return map[static_cast<size_t>((y * p.w + x) * p.ci + c)];
}

TEST(EncodeWindows, EqualsItsDefinitionForRandomConvolutions) {
  std::mt19937 random(5);
  const auto pick = [&](int32_t low, int32_t high) {
    return low + static_cast<int32_t>(random() % static_cast<uint32_t>(high - low + 1));
  };
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(round);
    QConvParams p{};
    p.ci = pick(1, 5);
    p.kernel_h = pick(1, 5);
    p.kernel_w = pick(1, 5);
    p.stride_h = pick(1, 3);
    p.stride_w = pick(1, 3);
    p.dilation_h = pick(1, 2);
    p.dilation_w = pick(1, 2);
    p.pad_top = pick(0, 2);
    p.pad_left = pick(0, 2);
    p.pad_value = pick(0, 1) * pick(0, 255);
    p.h = pick(1, 9);
    p.w = pick(1, 9);
    p.ho = pick(1, 7);
    p.wo = pick(1, 7);
    std::vector<uint8_t> map(static_cast<size_t>(p.h * p.w * p.ci));
    for (uint8_t& code : map) code = static_cast<uint8_t>(random());
    const int32_t digits = pick(2, 4);
    const int32_t blocks = (p.ci * p.kernel_h * p.kernel_w + 31) / 32;
    std::vector<uint8_t> words(static_cast<size_t>(digits * blocks * p.ho * p.wo) * 8 + 8, 0xee);
    EncodeWindows(p, digits, map.data(), words.data());
    size_t at = 0;
    for (int32_t digit = 0; digit < digits; ++digit) {
      for (int32_t block = 0; block < blocks; ++block) {
        for (int32_t pixel = 0; pixel < p.ho * p.wo; ++pixel, at += 8) {
          uint64_t word = 0, expected = 0;
          std::memcpy(&word, words.data() + at, sizeof(word));
          for (int32_t i = 0; i < 32; ++i) {
            const int32_t code = CodeOf(p, map, pixel / p.wo, pixel % p.wo, 32 * block + i);
            expected |= static_cast<uint64_t>(code >> (2 * (digits - 1 - digit)) & 3) << (2 * i);
          }
          ASSERT_EQ(word, expected) << "digit " << digit << " block " << block;
        }
      }
    }
    for (size_t i = at; i < words.size(); ++i) ASSERT_EQ(words[i], 0xee);  // nothing beyond
  }
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
