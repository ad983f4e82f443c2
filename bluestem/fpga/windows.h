// Windows of a map of codes of 4 to 8 bits, as words for the engine. The board's processor makes
// them for every picture, so that it is 32-bit arithmetic on four codes at a time.
//
// Threads: free functions without state.
#pragma once

#include <cstdint>

#include "bluestem/kernels/qconv/qconv.h"

namespace bluestem::fpga {

// Returns four codes, one a byte, digit by digit: byte k holds bits 2k and 2k + 1 of each, the
// first code's lowest. (Two swaps of a transposition of 4 x 4 cells of 2 bits; Warren, Hacker's
// Delight.)
constexpr uint32_t DigitBytes(uint32_t codes) {
  uint32_t swap = (codes ^ (codes >> 6)) & 0x00cc00cc;
  codes ^= swap ^ (swap << 6);
  swap = (codes ^ (codes >> 12)) & 0x0000f0f0;
  return codes ^ swap ^ (swap << 12);
}

// Writes, for each output of `params`, the codes that it sees, in the order of taps, to words of
// 32: [digit, the greatest first][block][y][x]. `map` is [h, w, ci], a byte a code.
void EncodeWindows(const kernels::QConvParams& params, int32_t digits, const uint8_t* map,
                   uint8_t* words);

}  // namespace bluestem::fpga
