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

// Codes of 2 bits, one after the other.
class CodeStream {
 public:
  explicit CodeStream(size_t codes) : words_((2 * codes + 63) / 64 + 1) {}

  void Set(size_t at, uint64_t code) { words_[at / kLanes] |= code << (2 * (at % kLanes)); }
  // Returns `count` codes, at most a word, from `at`.
  uint64_t Get(size_t at, size_t count) const {
    const size_t shift = 2 * (at % kLanes), word = at / kLanes;
    uint64_t codes = words_[word] >> shift;
    if (shift != 0) codes |= words_[word + 1] << (64 - shift);
    return count == kLanes ? codes : codes & ((uint64_t{1} << (2 * count)) - 1);
  }

 private:
  std::vector<uint64_t> words_;
};

// The words of a pixel, a block apart.
class WordWriter {
 public:
  WordWriter(uint8_t* to, size_t step) : to_(to), step_(step) {}

  void Append(const CodeStream& from, size_t at, size_t count) {
    while (count > 0) {
      const size_t now = std::min(count, kLanes - used_);
      word_ |= from.Get(at, now) << (2 * used_);
      used_ += now;
      at += now;
      count -= now;
      if (used_ == kLanes) Finish();
    }
  }
  void Finish() {
    if (used_ == 0) return;
    std::memcpy(to_, &word_, kWordBytes);
    to_ += step_;
    word_ = 0;
    used_ = 0;
  }

 private:
  uint8_t* to_;
  size_t step_;
  uint64_t word_ = 0;
  size_t used_ = 0;  // codes
};

// One digit of all rows of a map as streams, with what pads it left and right, and a row of padding
// at the end. A window's codes of neighbouring taps are neighbours here.
std::vector<CodeStream> RowsOf(const kernels::QConvParams& p, const uint8_t* bytes, int shift) {
  const auto ci = static_cast<size_t>(p.ci), w = static_cast<size_t>(p.w);
  const auto left = static_cast<size_t>(p.pad_left);
  const int32_t reach = (p.wo - 1) * p.stride_w + (p.kernel_w - 1) * p.dilation_w + 1;
  const auto width = static_cast<size_t>(std::max(reach, p.pad_left + p.w));
  std::vector<CodeStream> rows(static_cast<size_t>(p.h) + 1, CodeStream(width * ci));
  const uint64_t pad = p.pad_value >> shift & 3;
  for (size_t y = 0; y < rows.size(); ++y) {
    const bool inside = y + 1 < rows.size();
    for (size_t at = 0; pad != 0 && at < width * ci; ++at) {
      const bool pads = !inside || at < left * ci || at >= (left + w) * ci;
      if (pads) rows[y].Set(at, pad);
    }
    const uint8_t* codes = bytes + y * w * ci;
    for (size_t at = 0; inside && at < w * ci; ++at) {
      rows[y].Set(left * ci + at, static_cast<uint64_t>(codes[at] >> shift & 3));
    }
  }
  return rows;
}

// As EncodeMap, of the windows that a convolution sees: [digit][block][y][x], a window's codes in
// the order of taps.
void EncodeWindows(const MapPort& port, const uint8_t* bytes, std::vector<uint8_t>& buffer) {
  const kernels::QConvParams& p = *port.windows;
  const auto ci = static_cast<size_t>(p.ci), dilation = static_cast<size_t>(p.dilation_w);
  const auto blocks = static_cast<size_t>((p.ci * p.kernel_h * p.kernel_w + kLanes - 1) / kLanes);
  const auto map = static_cast<size_t>(p.ho) * static_cast<size_t>(p.wo) * kWordBytes;
  // Codes that lie together: a row of the window, or a tap where it is dilated.
  const size_t taps = dilation == 1 ? static_cast<size_t>(p.kernel_w) : 1;
  const size_t runs = static_cast<size_t>(p.kernel_w) / taps;
  std::vector<const CodeStream*> window_rows(static_cast<size_t>(p.kernel_h));
  uint8_t* to = buffer.data() + port.address;
  for (int32_t digit = 0; digit < port.bits / 2; ++digit, to += (blocks - 1) * map) {
    const std::vector<CodeStream> rows = RowsOf(p, bytes, 2 * (port.bits / 2 - 1 - digit));
    for (int32_t oy = 0; oy < p.ho; ++oy) {
      for (size_t kh = 0; kh < window_rows.size(); ++kh) {
        const int32_t y = oy * p.stride_h - p.pad_top + static_cast<int32_t>(kh) * p.dilation_h;
        window_rows[kh] = y >= 0 && y < p.h ? &rows[static_cast<size_t>(y)] : &rows.back();
      }
      for (int32_t ox = 0; ox < p.wo; ++ox, to += kWordBytes) {
        WordWriter word(to, map);
        const auto x = static_cast<size_t>(ox * p.stride_w);
        for (const CodeStream* row : window_rows) {
          for (size_t run = 0; run < runs; ++run) {
            word.Append(*row, (x + run * dilation) * ci, taps * ci);
          }
        }
        word.Finish();
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
