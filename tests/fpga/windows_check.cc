#include "tests/fpga/windows_check.h"

#include <cstring>
#include <random>
#include <vector>

#include "bluestem/fpga/windows.h"

namespace bluestem::fpga {
namespace {

using kernels::QConvParams;

class Random {
 public:
  int32_t Pick(int32_t low, int32_t high) {
    return low + static_cast<int32_t>(random_() % static_cast<uint32_t>(high - low + 1));
  }
  uint8_t Byte() { return static_cast<uint8_t>(random_()); }

 private:
  std::mt19937 random_{5};
};

QConvParams RandomConvolution(Random& random) {
  QConvParams p{};
  p.ci = random.Pick(1, 5);
  p.kernel_h = random.Pick(1, 5);
  p.kernel_w = random.Pick(1, 5);
  p.stride_h = random.Pick(1, 3);
  p.stride_w = random.Pick(1, 3);
  p.dilation_h = random.Pick(1, 2);
  p.dilation_w = random.Pick(1, 2);
  p.pad_top = random.Pick(0, 2);
  p.pad_left = random.Pick(0, 2);
  p.pad_value = random.Pick(0, 1) * random.Pick(0, 255);
  p.h = random.Pick(1, 9);
  p.w = random.Pick(1, 36);  // rows of over 64 codes: wide loops and what they leave
  p.ho = random.Pick(1, 7);
  p.wo = random.Pick(1, 19);
  return p;
}

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

uint64_t WordOf(const QConvParams& p, const std::vector<uint8_t>& map, int32_t pixel, int32_t block,
                int32_t shift) {
  uint64_t word = 0;
  for (int32_t i = 0; i < 32; ++i) {
    const int32_t code = CodeOf(p, map, pixel / p.wo, pixel % p.wo, 32 * block + i);
    word |= static_cast<uint64_t>(code >> shift & 3) << (2 * i);
  }
  return word;
}

}  // namespace

std::string CheckWindows() {
  constexpr uint8_t kGuard = 0xee;
  Random random;
  for (int round = 0; round < 400; ++round) {
    const QConvParams p = RandomConvolution(random);
    std::vector<uint8_t> map(static_cast<size_t>(p.h * p.w * p.ci));
    for (uint8_t& code : map) code = random.Byte();
    const int32_t digits = random.Pick(2, 4);
    const int32_t blocks = (p.ci * p.kernel_h * p.kernel_w + 31) / 32;
    std::vector<uint8_t> words(static_cast<size_t>(digits * blocks * p.ho * p.wo) * 8 + 8, kGuard);
    EncodeWindows(p, digits, map.data(), words.data());
    const std::string where = "convolution " + std::to_string(round);
    const uint8_t* at = words.data();
    for (int32_t digit = 0; digit < digits; ++digit) {
      for (int32_t block = 0; block < blocks; ++block) {
        for (int32_t pixel = 0; pixel < p.ho * p.wo; ++pixel, at += 8) {
          uint64_t word = 0;
          std::memcpy(&word, at, sizeof(word));
          if (word != WordOf(p, map, pixel, block, 2 * (digits - 1 - digit))) {
            return where + ": digit " + std::to_string(digit) + " of pixel " +
                   std::to_string(pixel) + ", block " + std::to_string(block);
          }
        }
      }
    }
    for (int i = 0; i < 8; ++i) {
      if (at[i] != kGuard) return where + ": writes beyond its last word";
    }
  }
  return "";
}

}  // namespace bluestem::fpga
