// Maps between bytes and the engine's words.
#include <algorithm>
#include <cstring>

#include "bluestem/fpga/region.h"

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

// As EncodeMap, of the windows that a convolution sees. Each code of a pixel goes to all digits.
void EncodeWindows(const MapPort& port, const uint8_t* bytes, std::vector<uint8_t>& buffer) {
  const kernels::QConvParams& p = *port.windows;
  const int32_t digits = port.bits / 2;
  const int32_t blocks = (p.ci * p.kernel_h * p.kernel_w + kLanes - 1) / kLanes;
  const int64_t pixels = int64_t{p.ho} * p.wo;
  std::vector<uint8_t> window(static_cast<size_t>(blocks) * kLanes);  // padded with 0
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    size_t at = 0;
    for (int32_t kh = 0; kh < p.kernel_h; ++kh) {
      const int64_t y = pixel / p.wo * p.stride_h - p.pad_top + int64_t{kh} * p.dilation_h;
      for (int32_t kw = 0; kw < p.kernel_w; ++kw, at += static_cast<size_t>(p.ci)) {
        const int64_t x = pixel % p.wo * p.stride_w - p.pad_left + int64_t{kw} * p.dilation_w;
        const bool inside = y >= 0 && y < p.h && x >= 0 && x < p.w;
        for (int32_t c = 0; c < p.ci; ++c) {
          window[at + static_cast<size_t>(c)] =
              inside ? bytes[(y * p.w + x) * p.ci + c] : static_cast<uint8_t>(p.pad_value);
        }
      }
    }
    for (int32_t digit = 0; digit < digits; ++digit) {
      const int shift = 2 * (digits - 1 - digit);
      for (int32_t block = 0; block < blocks; ++block) {
        const uint8_t* codes = window.data() + static_cast<size_t>(block) * kLanes;
        uint64_t word = 0;
        for (int i = 0; i < kLanes; ++i) {
          word |= static_cast<uint64_t>(codes[i] >> shift & 3) << (2 * i);
        }
        const int64_t index = (int64_t{digit} * blocks + block) * pixels + pixel;
        std::memcpy(buffer.data() + port.address + index * kWordBytes, &word, kWordBytes);
      }
    }
  }
}

// Words are [block][part][y][x]: outputs 4 part to 4 part + 3 of the block's 32.
void DecodeRaw(const MapPort& port, const std::vector<uint8_t>& buffer, uint8_t* bytes) {
  const RawFinish& finish = *port.raw;
  const int64_t pixels = int64_t{port.h} * port.w;
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (int32_t c = 0; c < port.c; ++c) {
      const int64_t word = c / kRawLanes * pixels + pixel;
      int16_t acc = 0;
      std::memcpy(&acc, buffer.data() + port.address + word * kWordBytes + c % kRawLanes * 2, 2);
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

void EncodeMap(const MapPort& port, const uint8_t* bytes, std::vector<uint8_t>& buffer) {
  if (port.windows) return EncodeWindows(port, bytes, buffer);
  const Walk walk = WalkOf(port);
  ForWords(port, [&](size_t index, int32_t digit, int64_t pixel, int32_t first) {
    const int shift = 2 * (walk.digits - 1 - digit);  // the greatest digit first
    const int32_t count = std::min(kLanes, port.c - first);
    uint64_t word = 0;
    for (int32_t i = 0; i < count; ++i) {
      word |= static_cast<uint64_t>(bytes[pixel + first + i] >> shift & 3) << (2 * i);
    }
    std::memcpy(buffer.data() + port.address + index * kWordBytes, &word, kWordBytes);
  });
}

void DecodeMap(const MapPort& port, const std::vector<uint8_t>& buffer, uint8_t* bytes) {
  if (port.raw) return DecodeRaw(port, buffer, bytes);
  ForWords(port, [&](size_t index, int32_t, int64_t pixel, int32_t first) {
    uint64_t word = 0;
    std::memcpy(&word, buffer.data() + port.address + index * kWordBytes, kWordBytes);
    const int32_t count = std::min(kLanes, port.c - first);
    for (int32_t i = 0; i < count; ++i) {
      bytes[pixel + first + i] = static_cast<uint8_t>(word >> (2 * i) & 3);
    }
  });
}

}  // namespace bluestem::fpga
