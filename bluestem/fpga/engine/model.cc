#include "bluestem/fpga/engine/model.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace bluestem::fpga {
namespace {

template <typename T>
T ReadAs(const std::vector<uint8_t>& buffer, size_t at) {
  T value;
  std::memcpy(&value, buffer.data() + at, sizeof(T));
  return value;
}

// Splits a word's 32 codes into the low and the high bits of each.
struct Codes {
  uint32_t low = 0, high = 0;
};
Codes Split(uint64_t word) {
  Codes codes;
  for (int i = 0; i < kLanes; ++i) {
    codes.low |= static_cast<uint32_t>(word >> (2 * i) & 1) << i;
    codes.high |= static_cast<uint32_t>(word >> (2 * i + 1) & 1) << i;
  }
  return codes;
}

// Of the codes whose bit in `lanes` is set.
uint32_t Sum(const Codes& codes, uint32_t lanes) {
  const int low = std::popcount(codes.low & lanes), high = std::popcount(codes.high & lanes);
  return static_cast<uint32_t>(low + 2 * high);
}

// What the RTL's 17 bits keep: all of a sum that the host allows, and no more of another.
int32_t Wrap(int32_t sum) {
  return static_cast<int32_t>(static_cast<uint32_t>(sum) << 15) >> 15;
}

}  // namespace

EngineModel::EngineModel(const EngineConfig& config)
    : config_(config),
      weights_(static_cast<size_t>(config.weight_words) * kWeightWordBytes),
      thresholds_(static_cast<size_t>(config.threshold_blocks) * kLanes * 4),
      taps_(static_cast<size_t>(config.taps)) {
  for (auto& bank : banks_) bank.resize(static_cast<size_t>(config.bank_words));
}

EngineResult EngineModel::Run(std::vector<uint8_t>& buffer, uint32_t list,
                              const CancelWatch& cancel) {
  EngineResult result;
  Timeline timeline(config_);
  const auto end = [&](EngineStatus status) {
    result.status = status;
    result.clocks = timeline.Finish();
    result.array_clocks = timeline.array_clocks();
    result.memory_clocks = timeline.memory_clocks();
    return result;
  };
  for (;; ++result.index) {
    const uint64_t at = uint64_t{list} + uint64_t{result.index} * kCommandWords * 4;
    if (list % 8 != 0 || at + kCommandWords * 4 > buffer.size() ||
        result.index == kMaxDescriptors) {
      return end(EngineStatus::kBadAddress);
    }
    const Command command = Decode(ReadAs<CommandWords>(buffer, at));
    if (command.opcode == Opcode::kEnd) return end(EngineStatus::kDone);
    if (command.opcode > Opcode::kStoreMap) return end(EngineStatus::kBadOpcode);
    if (cancel.IsSet()) return end(EngineStatus::kAborted);
    // In list order a descriptor can only wait for earlier ones: more would wait for ever.
    const int own = command.opcode == Opcode::kConv ? 0 : 1;
    if (command.after > timeline.ended(1 - own)) return end(EngineStatus::kDeadlock);
    const EngineStatus status = Execute(command, buffer);
    if (status != EngineStatus::kDone) return end(status);
    const Timeline::Span span = timeline.Add(command);
    result.trace.push_back({command, span.start, span.end});
  }
}

EngineStatus EngineModel::Execute(const Command& c, std::vector<uint8_t>& buffer) {
  const auto load = [&](void* memory, int64_t unit, int64_t room) {
    const uint64_t bytes = uint64_t{c.length} * static_cast<uint64_t>(unit);
    if (c.address % 8 != 0 || c.address + bytes > buffer.size()) return EngineStatus::kBadAddress;
    if (int64_t{c.dst_base} + c.length > room) return EngineStatus::kBadRange;
    std::memcpy(static_cast<uint8_t*>(memory) + c.dst_base * unit, buffer.data() + c.address,
                bytes);
    return EngineStatus::kDone;
  };
  switch (c.opcode) {
    case Opcode::kConv: {
      const EngineStatus status = CheckConv(c);
      if (status == EngineStatus::kDone) Conv(c);
      return status;
    }
    case Opcode::kLoadWeights: return load(weights_.data(), kWeightWordBytes, config_.weight_words);
    case Opcode::kLoadThresholds:
      return load(thresholds_.data(), kThresholdBytes, config_.threshold_blocks);
    case Opcode::kLoadTaps: {
      if (c.address % 8 != 0 || c.address + uint64_t{c.length} * kTapBytes > buffer.size()) {
        return EngineStatus::kBadAddress;
      }
      if (int64_t{c.dst_base} + c.length > config_.taps) return EngineStatus::kBadRange;
      for (uint32_t t = 0; t < c.length; ++t) {
        taps_[c.dst_base + t] = DecodeTap(ReadAs<uint64_t>(buffer, c.address + t * kTapBytes));
      }
      return EngineStatus::kDone;
    }
    case Opcode::kLoadMap: return MoveMap(c, buffer, true);
    case Opcode::kStoreMap: return MoveMap(c, buffer, false);
    default: return EngineStatus::kBadOpcode;
  }
}

EngineStatus EngineModel::MoveMap(const Command& c, std::vector<uint8_t>& buffer, bool load) {
  const uint64_t bytes = uint64_t{c.blocks} * c.in_h * c.in_w * kWordBytes;
  if (c.address % 8 != 0 || c.address + bytes > buffer.size()) return EngineStatus::kBadAddress;
  if (c.blocks == 0 || c.in_h == 0 || c.in_w == 0) return EngineStatus::kBadRange;
  const int64_t last = int64_t{c.src_base} + int64_t{c.blocks - 1} * c.src_block_step +
                       (Half(c.in_h) - 1) * c.src_row_step + Half(c.in_w) - 1;
  if (last >= config_.bank_words) return EngineStatus::kBadRange;
  uint8_t* word = buffer.data() + c.address;
  for (uint32_t b = 0; b < c.blocks; ++b) {
    for (uint32_t y = 0; y < c.in_h; ++y) {
      for (uint32_t x = 0; x < c.in_w; ++x, word += kWordBytes) {
        uint64_t& place = banks_[y % 2 * 2 + x % 2][c.src_base + b * c.src_block_step +
                                                    y / 2 * c.src_row_step + x / 2];
        load ? std::memcpy(&place, word, kWordBytes) : std::memcpy(word, &place, kWordBytes);
      }
    }
  }
  return EngineStatus::kDone;
}

EngineStatus EngineModel::CheckConv(const Command& c) const {
  const bool empty = c.out_h == 0 || c.out_w == 0 || c.in_h == 0 || c.in_w == 0 || c.blocks == 0 ||
                     c.digits == 0 || c.tap_count == 0 || c.out_blocks == 0;
  if (empty || int64_t{c.tap_base} + c.tap_count > config_.taps) return EngineStatus::kBadRange;
  if (c.weight_base + int64_t{c.out_blocks} * c.tap_count * c.blocks > config_.weight_words ||
      int64_t{c.threshold_base} + c.out_blocks > config_.threshold_blocks) {
    return EngineStatus::kBadRange;
  }
  if (c.mode > WriteMode::kRaw) return EngineStatus::kBadRange;
  if (c.residual_blocks > 0) {
    if (!config_.residual || c.mode == WriteMode::kRaw) return EngineStatus::kBadRange;
    const int64_t last = std::min(c.residual_blocks, c.out_blocks) - 1;
    if (c.residual_base + last * c.residual_block_step +
            int64_t{c.out_h - 1} / 2 * c.residual_row_step + (c.out_w - 1) / 2 >=
        config_.bank_words) {
      return EngineStatus::kBadRange;
    }
  }
  // The last word that is read: of each tap, the last pixel inside that a tile reaches.
  const int64_t columns = config_.pixels / 2;
  const int64_t reached = (c.out_w + columns - 1) / columns * columns - 1;
  const int64_t blocks =
      int64_t{c.digits - 1} * c.digit_step + int64_t{c.blocks - 1} * c.src_block_step;
  for (uint32_t t = 0; t < c.tap_count; ++t) {
    const Tap& tap = taps_[c.tap_base + t];
    const int64_t y = std::min<int64_t>(2 * Half(c.out_h) - 1 + tap.dy, c.in_h - 1);
    const int64_t x = std::min<int64_t>(reached + tap.dx, c.in_w - 1);
    if (y < 0 || x < 0 || tap.dy >= int64_t{c.in_h} || tap.dx >= int64_t{c.in_w}) continue;
    const int64_t row = y / 2 * c.src_row_step;
    if (c.src_base + tap.plane + blocks + row + x / 2 >= config_.bank_words) {
      return EngineStatus::kBadRange;
    }
  }
  // The last word that is written, of each plane.
  const int64_t blocks_out = c.dst_base + int64_t{c.out_blocks - 1} * c.dst_block_step;
  const int64_t planes = c.mode == WriteMode::kRaw ? 8 : c.mode == WriteMode::kSpaceToDepth ? 4 : 1;
  for (int64_t plane = 0; plane < planes; ++plane) {
    int64_t h = c.out_h, w = c.out_w;
    if (c.mode == WriteMode::kMaxPool) h /= 2, w /= 2;
    if (c.mode == WriteMode::kSpaceToDepth) h = Half(h - plane / 2), w = Half(w - plane % 2);
    if (h <= 0 || w <= 0) continue;
    const int64_t row = (h - 1) / 2 * c.dst_row_step;
    if (blocks_out + plane * c.dst_plane_step + row + (w - 1) / 2 >= config_.bank_words) {
      return EngineStatus::kBadRange;
    }
  }
  return EngineStatus::kDone;
}

void EngineModel::Conv(const Command& c) {
  const int64_t steps = int64_t{c.tap_count} * c.blocks;
  const auto read = [&](const Tap& tap, int64_t offset, int64_t y, int64_t x) -> uint64_t {
    if (y < 0 || x < 0 || y >= c.in_h || x >= c.in_w) return 0;
    return banks_[y % 2 * 2 + x % 2][static_cast<size_t>(c.src_base + tap.plane + offset +
                                                         y / 2 * c.src_row_step + x / 2)];
  };
  const auto finish = [&](const int16_t* t, int32_t acc, uint64_t residual) {
    const bool rising = (t[3] & 1) != 0;
    acc = Wrap(acc + (t[3] >> 1) * static_cast<int32_t>(residual));
    uint64_t code = 0;
    for (int k = 0; k < 3; ++k) code += rising ? acc >= t[k] : acc <= t[k];
    return code;
  };
  // The residual map's word of an output pixel.
  const auto residual = [&](uint32_t g, int64_t y, int64_t x) -> uint64_t {
    if (g >= c.residual_blocks) return 0;
    return banks_[y % 2 * 2 + x % 2]
                 [static_cast<size_t>(c.residual_base + g * int64_t{c.residual_block_step} +
                                      y / 2 * c.residual_row_step + x / 2)];
  };
  // The 32 accumulators of one pixel.
  using Sums = std::array<int32_t, kLanes>;
  const auto sums = [&](uint32_t g, int64_t y, int64_t x) {
    uint32_t positive[kLanes] = {}, sum = 0;
    for (uint32_t d = 0; d < c.digits; ++d) {
      for (uint32_t& p : positive) p *= 4;
      sum *= 4;
      for (uint32_t t = 0; t < c.tap_count; ++t) {
        const Tap& tap = taps_[c.tap_base + t];
        for (uint32_t b = 0; b < c.blocks; ++b) {
          const int64_t offset = int64_t{d} * c.digit_step + int64_t{b} * c.src_block_step;
          const Codes codes = Split(read(tap, offset, y + tap.dy, x + tap.dx));
          sum += Sum(codes, ~0U);
          const uint8_t* word =
              weights_.data() + (c.weight_base + g * steps + t * c.blocks + b) * kWeightWordBytes;
          for (int o = 0; o < kLanes; ++o) {
            uint32_t bits = 0;
            for (int i = 0; i < 4; ++i) bits |= uint32_t{word[i * kLanes + o]} << (8 * i);
            positive[o] += Sum(codes, bits);
          }
        }
      }
    }
    Sums result;
    for (size_t o = 0; o < kLanes; ++o) {
      result[o] = 2 * static_cast<uint16_t>(positive[o]) - static_cast<uint16_t>(sum);
    }
    return result;
  };
  // Its word of 32 codes.
  const auto pixel = [&](uint32_t g, int64_t y, int64_t x) {
    const Sums own = sums(g, y, x);
    const uint64_t codes = residual(g, y, x);
    uint64_t result = 0;
    for (int o = 0; o < kLanes; ++o) {
      const int16_t* t = thresholds_.data() + ((c.threshold_base + g) * kLanes + o) * 4;
      result |= finish(t, own[static_cast<size_t>(o)], codes >> (2 * o) & 3) << (2 * o);
    }
    return result;
  };
  const auto write = [&](int64_t plane, uint32_t g, int64_t y, int64_t x, uint64_t word) {
    banks_[y % 2 * 2 + x % 2][static_cast<size_t>(c.dst_base + plane * c.dst_plane_step +
                                                  g * int64_t{c.dst_block_step} +
                                                  y / 2 * c.dst_row_step + x / 2)] = word;
  };
  // The source is read before the result is written: they may not overlap in hardware either. A
  // plain result may take the residual map's place: a tile reads its pixels before it writes them.
  for (uint32_t g = 0; g < c.out_blocks; ++g) {
    for (int64_t y = 0; y < c.out_h; ++y) {
      for (int64_t x = 0; x < c.out_w; ++x) {
        if (c.mode == WriteMode::kPlain) {
          write(0, g, y, x, pixel(g, y, x));
        } else if (c.mode == WriteMode::kRaw) {
          const Sums own = sums(g, y, x);
          for (size_t part = 0; part < kLanes / 4; ++part) {
            uint64_t word = 0;
            for (size_t i = 0; i < 4; ++i) {
              word |= uint64_t{static_cast<uint16_t>(own[4 * part + i])} << (16 * i);
            }
            write(static_cast<int64_t>(part), g, y, x, word);
          }
        } else if (c.mode == WriteMode::kSpaceToDepth) {
          write(y % 2 * 2 + x % 2, g, y / 2, x / 2, pixel(g, y, x));
        } else if (y % 2 == 0 && x % 2 == 0 && y + 1 < c.out_h && x + 1 < c.out_w) {
          uint64_t best = 0;
          for (int64_t i = 0; i < 4; ++i) {
            const uint64_t word = pixel(g, y + i / 2, x + i % 2);
            uint64_t greater = 0;
            for (int o = 0; o < kLanes; ++o) {
              const int shift = 2 * o;
              greater |= std::max(best >> shift & 3, word >> shift & 3) << shift;
            }
            best = greater;
          }
          write(0, g, y / 2, x / 2, best);
        }
      }
    }
  }
}

}  // namespace bluestem::fpga
