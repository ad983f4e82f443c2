// The epilogue of kernels whose vectors run over pixels (plut): sums of one output and many
// pixels become codes, and rows of codes of outputs become pixels of codes. Included by ISA files:
// every function has internal linkage.
//
// Template over V:
//   EmitCodes(PixelCodes)              the codes of a row of pixels, all outputs; clears the sums
//   Transpose(from, row, to, step)     8 rows of 16 bytes to 16 of 8
#pragma once

#include <cstring>

#include "bluestem/kernels/qconv/band.h"

namespace bluestem::kernels {

// acc = ends - 2 * sums modulo 2^16, of `pixels` (a multiple of 16) pixels and `outputs` outputs.
struct PixelCodes {
  uint16_t* sums;
  int64_t lane_sums;  // from output to output
  const uint16_t* ends;
  const int16_t* thresholds;  // PixelThresholds
  int32_t levels;
  int32_t outputs, pixels;
  uint8_t* codes;  // [outputs][pixels]
};

// Thresholds in the form of V::EmitCodes, which counts n = -#{k : acc >= t[k]}:
//   rising   acc >= t:  code = -n = (n ^ -1) + 1
//   falling  acc <= t:  not acc >= t + 1, so code = (levels - 1) + n = (n ^ 0) + levels - 1
// -1 or 0, and the number added, in both bytes, stand before the thresholds.
// |acc| < 32767, so that thresholds outside of 16 bits may be moved to its ends.
static inline void PixelThresholds(const QConvParams& p, const QConvArgs& args, int16_t* to) {
  const int32_t levels = p.levels;
  for (int32_t co = 0; co < p.co; ++co) {
    const bool rising = args.directions[co] > 0;
    *to++ = rising ? -1 : 0;
    *to++ = static_cast<int16_t>((rising ? 1 : levels - 1) * 0x0101);
    const int32_t* t = args.thresholds + int64_t{co} * (levels - 1);
    const int32_t most = INT16_MAX - (rising ? 0 : 1);
    for (int32_t k = 0; k < levels - 1; ++k) {
      const int32_t clamped = t[k] < INT16_MIN ? INT16_MIN : t[k] > most ? most : t[k];
      *to++ = static_cast<int16_t>(clamped + (rising ? 0 : 1));
    }
  }
}

// Writes the codes [co rounded up to 8][row] of one output row to y [wo, co].
template <class V>
static void PixelRow(const QConvParams& p, const uint8_t* codes, int64_t row, uint8_t* y) {
  for (int32_t co = 0; co < p.co; co += 8) {
    const int32_t outputs = p.co - co < 8 ? p.co - co : 8;
    for (int32_t ox = 0; ox < p.wo; ox += 16) {
      const int32_t pixels = p.wo - ox < 16 ? p.wo - ox : 16;
      uint8_t* to = y + int64_t{ox} * p.co + co;
      const uint8_t* from = codes + int64_t{co} * row + ox;
      if (outputs == 8 && pixels == 16) {
        V::Transpose(from, row, to, p.co);
        continue;
      }
      uint8_t block[16 * 8];
      V::Transpose(from, row, block, 8);
      for (int32_t i = 0; i < pixels; ++i) {
        std::memcpy(to + int64_t{i} * p.co, block + i * 8, static_cast<size_t>(outputs));
      }
    }
  }
}

}  // namespace bluestem::kernels
