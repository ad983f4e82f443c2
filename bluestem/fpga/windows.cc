#include "bluestem/fpga/windows.h"

#if defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#include <algorithm>
#include <cstring>
#include <vector>

#include "bluestem/fpga/engine/command.h"

namespace bluestem::fpga {
namespace {

using kernels::QConvParams;

template <typename T>
T Load(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

#if defined(__ARM_NEON)

// PutDigits of 64 codes at a time, the last with some of those before. Returns how many fours it
// has put.
size_t PutDigitVectors(const uint8_t* codes, size_t fours, int32_t digits, uint8_t* to,
                       size_t step) {
  if (fours < 16) return 0;
  for (size_t next = 0; next < fours; next += 16) {
    const size_t i = std::min(next, fours - 16);
    const uint8x16x4_t c = vld4q_u8(codes + 4 * i);  // the first of each four, the second, ...
    for (int32_t k = 0; k < digits; ++k) {
      const int8x16_t down = vdupq_n_s8(static_cast<int8_t>(-2 * k));
      uint8x16_t bytes = vshlq_u8(c.val[0], down);
      bytes = vsliq_n_u8(bytes, vshlq_u8(c.val[1], down), 2);
      bytes = vsliq_n_u8(bytes, vshlq_u8(c.val[2], down), 4);
      bytes = vsliq_n_u8(bytes, vshlq_u8(c.val[3], down), 6);
      vst1q_u8(to + static_cast<size_t>(k) * step + i, bytes);
    }
  }
  return fours;
}

// CutFields of 4 windows at a time: they begin 8 * step bits, so `step` bytes, after the last four.
// Returns how many fields it has cut.
size_t CutFieldVectors(const uint8_t* row, size_t count, size_t step, uint32_t bits,
                       uint32_t* fields) {
  if (6 * step + bits > 64) return 0;  // not all four lie in 8 bytes
  const auto shift = 2 * static_cast<int64_t>(step);
  const int64x2_t first = vcombine_s64(vcreate_s64(0), vdup_n_s64(-shift));
  const int64x2_t second = vaddq_s64(first, vdupq_n_s64(-2 * shift));
  const uint32x4_t mask = vdupq_n_u32((uint32_t{1} << bits) - 1);
  size_t i = 0;
  for (; i + 4 <= count; i += 4, row += step) {
    const uint64x1_t bytes = vreinterpret_u64_u8(vld1_u8(row));
    const uint64x2_t codes = vcombine_u64(bytes, bytes);
    const uint32x4_t four =
        vcombine_u32(vmovn_u64(vshlq_u64(codes, first)), vmovn_u64(vshlq_u64(codes, second)));
    vst1q_u32(fields + i, vandq_u32(four, mask));
  }
  return i;
}

// Combine of 4 windows at a time. Returns how many words it has written.
template <int kRows, int kSplit>
size_t CombineVectors(const uint32_t* const* fields, size_t count, uint32_t bits, uint8_t* to) {
  const auto by = [bits](int fields_below, int bits_below) {
    return vdupq_n_s32(fields_below * static_cast<int32_t>(bits) - bits_below);
  };
  const uint32_t* row[kRows];  // not read again after each store
  std::copy_n(fields, kRows, row);
  size_t i = 0;
  for (; i + 4 <= count; i += 4, to += 4 * kWordBytes) {
    uint32x4_t low = vld1q_u32(row[0] + i), high = vdupq_n_u32(0);
    for (int r = 1; r < kRows; ++r) {
      const uint32x4_t field = vld1q_u32(row[r] + i);
      if (r <= kSplit) low = vorrq_u32(low, vshlq_u32(field, by(r, 0)));
      if (r >= kSplit) high = vorrq_u32(high, vshlq_u32(field, by(r, 32)));
    }
    const uint32x4x2_t words = vzipq_u32(low, high);
    vst1q_u8(to, vreinterpretq_u8_u32(words.val[0]));
    vst1q_u8(to + 2 * kWordBytes, vreinterpretq_u8_u32(words.val[1]));
  }
  return i;
}

#else

size_t PutDigitVectors(const uint8_t*, size_t, int32_t, uint8_t*, size_t) {
  return 0;
}
size_t CutFieldVectors(const uint8_t*, size_t, size_t, uint32_t, uint32_t*) {
  return 0;
}
template <int kRows, int kSplit>
size_t CombineVectors(const uint32_t* const*, size_t, uint32_t, uint8_t*) {
  return 0;
}

#endif

// Writes `fours` times four codes digit by digit, the lowest first, `step` bytes apart.
void PutDigits(const uint8_t* codes, size_t fours, int32_t digits, uint8_t* to, size_t step) {
  for (size_t i = PutDigitVectors(codes, fours, digits, to, step); i < fours; ++i) {
    uint32_t four = DigitBytes(Load<uint32_t>(codes + 4 * i));
    uint8_t* byte = to + i;
    for (int32_t k = 0; k < digits; ++k, four >>= 8, byte += step) {
      *byte = static_cast<uint8_t>(four);
    }
  }
}

// The rows of a map, each digit of them as 2-bit codes one after the other, with what pads them
// left and right, and a row of padding at the end. What neighbouring taps see are neighbours here.
class DigitRows {
 public:
  DigitRows(const QConvParams& p, int32_t digits, const uint8_t* map)
      : rows_(static_cast<size_t>(p.h) + 1) {
    const auto ci = static_cast<size_t>(p.ci), codes = static_cast<size_t>(p.w) * ci;
    const int32_t reach = (p.wo - 1) * p.stride_w + (p.kernel_w - 1) * p.dilation_w + 1;
    const size_t width = static_cast<size_t>(std::max(reach, p.pad_left + p.w)) * ci;
    const size_t fours = (width + 3) / 4;
    step_ = fours + sizeof(uint64_t);  // a word may be read from every byte
    bytes_.resize(static_cast<size_t>(digits) * rows_ * step_);
    std::vector<uint8_t> row(fours * 4, static_cast<uint8_t>(p.pad_value));
    const auto left = static_cast<size_t>(p.pad_left) * ci;
    for (size_t y = 0; y < rows_; ++y) {
      if (y + 1 < rows_) {
        std::memcpy(row.data() + left, map + y * codes, codes);
      } else {
        std::fill(row.begin(), row.end(), static_cast<uint8_t>(p.pad_value));
      }
      PutDigits(row.data(), fours, digits, bytes_.data() + Offset(0, y), rows_ * step_);
    }
  }

  // Digit k, counted from the lowest; any y outside the map is the row of padding.
  const uint8_t* Row(int32_t k, int64_t y) const {
    const auto last = static_cast<int64_t>(rows_) - 1;
    return bytes_.data() + Offset(k, static_cast<size_t>(y >= 0 && y < last ? y : last));
  }

 private:
  size_t Offset(int32_t k, size_t y) const { return (static_cast<size_t>(k) * rows_ + y) * step_; }

  size_t rows_, step_ = 0;
  std::vector<uint8_t> bytes_;
};

// A window's codes are runs of neighbours: a row of it, or a tap where it is dilated.
struct Runs {
  size_t codes = 0;  // of a run
  size_t count = 0;  // of a row of the window
  size_t step = 0;   // codes from one run to the next

  explicit Runs(const QConvParams& p) {
    const auto ci = static_cast<size_t>(p.ci), taps = static_cast<size_t>(p.kernel_w);
    const bool together = p.dilation_w == 1;
    codes = together ? taps * ci : ci;
    count = together ? 1 : taps;
    step = static_cast<size_t>(p.dilation_w) * ci;
  }
};

// Writes what a row of `count` windows, `step` codes apart, has of one row of the map: `bits` each.
void CutFields(const uint8_t* row, size_t count, size_t step, uint32_t bits, uint32_t* fields) {
  const uint32_t mask = (uint32_t{1} << bits) - 1;
  for (size_t i = CutFieldVectors(row, count, step, bits, fields); i < count; ++i) {
    const size_t at = i * step;
    fields[i] = Load<uint32_t>(row + at / 4) >> (2 * (at % 4)) & mask;
  }
}

// Puts kRows fields of `bits` together to a word; that of row kSplit ends above bit 32, or at it.
template <int kRows, int kSplit>
void Combine(const uint32_t* const* fields, size_t count, uint32_t bits, uint8_t* to) {
  size_t i = CombineVectors<kRows, kSplit>(fields, count, bits, to);
  to += i * kWordBytes;
  for (; i < count; ++i, to += kWordBytes) {
    uint32_t low = 0, high = 0;
    for (int r = 0; r < std::min(kRows, kSplit); ++r) low |= fields[r][i] << (r * bits);
    if constexpr (kSplit < kRows) {
      low |= fields[kSplit][i] << (kSplit * bits);
      high |= fields[kSplit][i] >> (32 - kSplit * bits);
    }
    for (int r = kSplit + 1; r < kRows; ++r) high |= fields[r][i] << (r * bits - 32);
    std::memcpy(to, &low, sizeof(low));
    std::memcpy(to + sizeof(low), &high, sizeof(high));
  }
}

using CombineFn = void (*)(const uint32_t* const*, size_t, uint32_t, uint8_t*);
constexpr size_t kMostRows = 5;

// Returns the one for `rows` fields of `bits`, 2 to 26.
template <int kRows>
CombineFn CombinerOf(uint32_t bits) {
  constexpr CombineFn kBySplit[] = {Combine<kRows, 1>, Combine<kRows, 2>, Combine<kRows, 3>,
                                    Combine<kRows, 4>, Combine<kRows, 5>};
  const uint32_t split = 32 / bits - (32 % bits == 0 ? 1 : 0);
  return kBySplit[std::min<uint32_t>(split, 5) - 1];
}
CombineFn CombinerOf(size_t rows, uint32_t bits) {
  constexpr CombineFn (*kByRows[])(uint32_t) = {CombinerOf<1>, CombinerOf<2>, CombinerOf<3>,
                                                CombinerOf<4>, CombinerOf<5>};
  return kByRows[rows - 1](bits);
}

// The windows of one digit, a word each.
void OneWordEach(const DigitRows& rows, int32_t k, const QConvParams& p, uint32_t bits,
                 uint8_t* words) {
  const CombineFn combine = CombinerOf(static_cast<size_t>(p.kernel_h), bits);
  const auto width = static_cast<size_t>(p.wo), step = static_cast<size_t>(p.stride_w * p.ci);
  std::vector<uint32_t> fields((static_cast<size_t>(p.h) + 1) * width);  // the row of padding last
  for (int32_t y = 0; y <= p.h; ++y) {
    CutFields(rows.Row(k, y), width, step, bits, &fields[static_cast<size_t>(y) * width]);
  }
  for (int32_t oy = 0; oy < p.ho; ++oy) {
    const uint32_t* seen[kMostRows] = {};
    for (int32_t kh = 0; kh < p.kernel_h; ++kh) {
      const int32_t y = oy * p.stride_h - p.pad_top + kh * p.dilation_h;
      seen[kh] = &fields[static_cast<size_t>(y >= 0 && y < p.h ? y : p.h) * width];
    }
    combine(seen, width, bits, words);
    words += width * kWordBytes;
  }
}

// Words of any window, `words` bytes apart.
void AnyWords(const std::vector<const uint8_t*>& rows, size_t at, const Runs& runs, size_t words,
              uint8_t* to) {
  constexpr size_t kMost = 29;  // codes of 64 bits wherever they begin
  uint64_t word = 0;
  size_t used = 0;
  const auto write = [&] {
    std::memcpy(to, &word, sizeof(word));
    to += words;
    word = 0;
    used = 0;
  };
  for (const uint8_t* row : rows) {
    for (size_t run = 0; run < runs.count; ++run) {
      size_t from = at + run * runs.step;
      for (size_t left = runs.codes; left > 0;) {
        const size_t count = std::min({left, kLanes - used, kMost});
        const uint64_t codes = Load<uint64_t>(row + from / 4) >> (2 * (from % 4));
        word |= (codes & ((uint64_t{1} << (2 * count)) - 1)) << (2 * used);
        used += count;
        from += count;
        left -= count;
        if (used == kLanes) write();
      }
    }
  }
  if (used > 0) write();
}

}  // namespace

void EncodeWindows(const QConvParams& p, int32_t digits, const uint8_t* map, uint8_t* words) {
  const DigitRows digit_rows(p, digits, map);
  const Runs runs(p);
  const auto blocks = static_cast<size_t>((p.ci * p.kernel_h * p.kernel_w + kLanes - 1) / kLanes);
  const size_t step = static_cast<size_t>(p.ho) * static_cast<size_t>(p.wo) * kWordBytes;
  std::vector<const uint8_t*> rows(static_cast<size_t>(p.kernel_h));
  const bool one_word =
      blocks == 1 && runs.count == 1 && 2 * runs.codes + 6 <= 32 && rows.size() <= kMostRows;
  for (int32_t k = digits - 1; k >= 0; --k, words += blocks * step) {
    if (one_word) {
      OneWordEach(digit_rows, k, p, static_cast<uint32_t>(2 * runs.codes), words);
      continue;
    }
    uint8_t* word = words;
    for (int32_t oy = 0; oy < p.ho; ++oy) {
      for (size_t kh = 0; kh < rows.size(); ++kh) {
        rows[kh] = digit_rows.Row(
            k, oy * p.stride_h - p.pad_top + static_cast<int64_t>(kh) * p.dilation_h);
      }
      for (int32_t ox = 0; ox < p.wo; ++ox, word += kWordBytes) {
        AnyWords(rows, static_cast<size_t>(ox * p.stride_w * p.ci), runs, step, word);
      }
    }
  }
}

}  // namespace bluestem::fpga
