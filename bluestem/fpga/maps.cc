// Maps between bytes and the engine's words.
#include <algorithm>
#include <cstring>

#include "bluestem/fpga/call_kind.h"
#include "bluestem/fpga/region.h"
#include "bluestem/fpga/windows.h"

namespace bluestem::fpga {
namespace {

// The extents that a port's words are walked in: [digit][plane][block][y][x].
struct Walk {
  int32_t digits, planes, blocks, h, w;
};

Walk WalkOf(const MapPort& port) {
  const int32_t shrink = port.planes ? 2 : 1;
  return {.digits = std::max(port.bits / 2, 1),
          .planes = port.planes ? 4 : 1,
          .blocks = (port.c + kLanes - 1) / kLanes,
          .h = (port.h + shrink - 1) / shrink,
          .w = (port.w + shrink - 1) / shrink};
}

// Calls visit(word, digit, pixel, first channel) for each word that has a pixel.
template <typename Visit>
void ForWords(const MapPort& port, Visit visit) {
  const Walk walk = WalkOf(port);
  const int32_t shrink = port.planes ? 2 : 1;
  size_t word = 0;
  for (int32_t digit = 0; digit < walk.digits; ++digit) {
    for (int32_t plane = 0; plane < walk.planes; ++plane) {
      for (int32_t block = 0; block < walk.blocks; ++block) {
        for (int32_t y = 0; y < walk.h; ++y) {
          for (int32_t x = 0; x < walk.w; ++x, ++word) {
            const int32_t row = y * shrink + plane / 2, column = x * shrink + plane % 2;
            if (row >= port.h || column >= port.w) continue;
            visit(word, digit, (int64_t{row} * port.w + column) * port.c, block * kLanes);
          }
        }
      }
    }
  }
}

// Codes of four bytes, or the digit of them that `shift` brings down, as a byte; and back.
uint32_t PackFour(uint32_t codes, int shift) {
  codes = codes >> shift & 0x03030303;
  return (codes | codes >> 6 | codes >> 12 | codes >> 18) & 0xff;
}
uint32_t SpreadFour(uint32_t byte) {
  byte = (byte | byte << 12) & 0x000f000f;
  return (byte | byte << 6) & 0x03030303;
}

// Words are [block][part][y][x]: outputs 4 part to 4 part + 3 of the block's 32.
void DecodeRaw(const MapPort& port, const uint8_t* words, uint8_t* bytes) {
  const RawFinish& finish = *port.raw;
  const int64_t pixels = int64_t{port.h} * port.w;
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (int32_t c = 0; c < port.c; ++c) {
      const int64_t word = c / kRawLanes * pixels + pixel;
      int16_t acc = 0;
      std::memcpy(&acc, words + word * kWordBytes + c % kRawLanes * 2, 2);
      const int64_t at = (pixel * port.c + c) * 4;
      if (finish.epilogue == kernels::QConvEpilogue::kRaw) {
        const int32_t value = acc;
        std::memcpy(bytes + at, &value, 4);
        continue;
      }
      const auto index = static_cast<size_t>(c);
      const float value = static_cast<float>(acc) * finish.a[index] + finish.b[index];
      const float kept = finish.relu && value < 0 ? 0.0F : value;
      std::memcpy(bytes + at, &kept, 4);
    }
  }
}

}  // namespace

int64_t WordsOf(const MapPort& port) {
  const int64_t digits = std::max(port.bits / 2, 1);
  if (port.windows) {
    const kernels::QConvParams& p = *port.windows;
    return digits * CeilDiv(p.ci * p.kernel_h * p.kernel_w, kLanes) * p.ho * p.wo;
  }
  if (port.raw) return int64_t{CeilDiv(port.c, kRawLanes)} * port.h * port.w;
  const int32_t planes = port.planes ? 4 : 1, shrink = port.planes ? 2 : 1;
  return digits * planes * CeilDiv(port.c, kLanes) * CeilDiv(port.h, shrink) *
         CeilDiv(port.w, shrink);
}

void EncodeMap(const MapPort& port, const uint8_t* bytes, std::vector<uint8_t>& buffer,
               size_t picture) {
  uint8_t* words = buffer.data() + port.AddressOf(picture);
  if (port.windows) return EncodeWindows(*port.windows, port.bits / 2, bytes, words);
  const Walk walk = WalkOf(port);
  ForWords(port, [&](size_t index, int32_t digit, int64_t pixel, int32_t first) {
    const int shift = 2 * (walk.digits - 1 - digit);  // the greatest digit first
    const int32_t count = std::min(kLanes, port.c - first);
    uint8_t word[kWordBytes] = {};
    for (int32_t i = 0; i < count; i += 4) {
      uint32_t four = 0;
      std::memcpy(&four, bytes + pixel + first + i, static_cast<size_t>(std::min(4, count - i)));
      word[i / 4] = static_cast<uint8_t>(PackFour(four, shift));
    }
    std::memcpy(words + index * kWordBytes, word, kWordBytes);
  });
}

void DecodeMap(const MapPort& port, const std::vector<uint8_t>& buffer, uint8_t* bytes,
               size_t picture) {
  const uint8_t* words = buffer.data() + port.AddressOf(picture);
  if (port.raw) return DecodeRaw(port, words, bytes);
  ForWords(port, [&](size_t index, int32_t, int64_t pixel, int32_t first) {
    const uint8_t* word = words + index * kWordBytes;
    const int32_t count = std::min(kLanes, port.c - first);
    for (int32_t i = 0; i < count; i += 4) {
      const uint32_t four = SpreadFour(word[i / 4]);
      std::memcpy(bytes + pixel + first + i, &four, static_cast<size_t>(std::min(4, count - i)));
    }
  });
}

}  // namespace bluestem::fpga
