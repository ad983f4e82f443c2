#include "bluestem/fpga/engine/golden.h"

#include <algorithm>
#include <cstring>

namespace bluestem::fpga {

int32_t ListBuilder::Pick(int32_t low, int32_t high) {
  return low + static_cast<int32_t>(random_() % static_cast<uint64_t>(high - low + 1));
}

uint32_t ListBuilder::Room(size_t bytes) {
  const size_t at = buffer_.size();
  buffer_.resize(at + (bytes + 7) / 8 * 8);
  for (size_t i = 0; i < bytes; ++i) buffer_[at + i] = static_cast<uint8_t>(random_());
  return static_cast<uint32_t>(at);
}

std::vector<uint8_t>& ListBuilder::Finish() {
  Add({});
  for (size_t i = 0; i < commands_.size(); ++i) {
    const CommandWords words = Encode(commands_[i]);
    std::memcpy(buffer_.data() + i * sizeof(words), words.data(), sizeof(words));
  }
  return buffer_;
}

// The convolution, and taps_.
Command ListBuilder::Shape() {
  Command c;
  c.opcode = Opcode::kConv;
  c.mode = static_cast<WriteMode>(Pick(0, 3));
  const int32_t kernel = Pick(0, 2) * 2 + 1, dilation = Pick(1, 2), pad = Pick(0, kernel);
  taps_.clear();
  for (int32_t t = 0; t < kernel * kernel; ++t) {
    taps_.push_back({0, t / kernel * dilation - pad, t % kernel * dilation - pad});
  }
  const int32_t extent = config_.bank_words < 4096 ? 9 : 13;
  c.in_h = static_cast<uint32_t>(Pick(1, extent));
  c.in_w = static_cast<uint32_t>(Pick(1, extent));
  c.out_h = static_cast<uint32_t>(Pick(1, extent));
  c.out_w = static_cast<uint32_t>(Pick(1, extent));
  c.blocks = static_cast<uint32_t>(Pick(1, 3));
  c.digits = Pick(0, 3) == 0 ? 2 : 1;
  c.out_blocks = static_cast<uint32_t>(Pick(1, 3));
  c.tap_count = static_cast<uint32_t>(kernel * kernel);
  c.src_row_step = (c.in_w + 1) / 2 + static_cast<uint32_t>(Pick(0, 2));
  c.src_block_step = c.src_row_step * ((c.in_h + 1) / 2);
  c.digit_step = c.src_block_step * c.blocks;
  c.src_base = static_cast<uint32_t>(Pick(0, 99));
  c.dst_base = static_cast<uint32_t>(config_.bank_words / 2);
  c.dst_row_step = (c.out_w + 1) / 2;
  c.dst_block_step = c.dst_row_step * ((c.out_h + 1) / 2);
  c.dst_plane_step = c.dst_block_step * c.out_blocks;
  c.tap_base = static_cast<uint32_t>(Pick(0, 400));
  // At most 3 x 3 blocks of 5 x 5 taps.
  c.weight_base = static_cast<uint32_t>(Pick(0, std::min(300, config_.weight_words - 225)));
  c.threshold_base = static_cast<uint32_t>(Pick(0, std::min(60, config_.threshold_blocks - 3)));
  if (config_.residual && c.mode != WriteMode::kRaw && Pick(0, 1) == 0) {
    // A plain result may take its place.
    const bool in_place = c.mode == WriteMode::kPlain && Pick(0, 1) == 0;
    const int32_t behind_source = config_.bank_words / 8 * 3 - 72;
    c.residual_base =
        in_place ? c.dst_base : static_cast<uint32_t>(Pick(behind_source, behind_source + 100));
    c.residual_row_step = c.dst_row_step + (in_place ? 0 : static_cast<uint32_t>(Pick(0, 2)));
    c.residual_block_step = c.residual_row_step * ((c.out_h + 1) / 2);
    c.residual_blocks = static_cast<uint32_t>(Pick(1, static_cast<int32_t>(c.out_blocks) + 1));
  }
  return c;
}

void ListBuilder::LoadConstants(const Command& conv) {
  const uint32_t taps = Room(conv.tap_count * kTapBytes);
  for (size_t t = 0; t < taps_.size(); ++t) {
    const uint64_t word = EncodeTap(taps_[t]);
    std::memcpy(buffer_.data() + taps + t * kTapBytes, &word, sizeof(word));
  }
  Add({.opcode = Opcode::kLoadTaps,
       .dst_base = conv.tap_base,
       .address = taps,
       .length = conv.tap_count});
  const uint32_t words = conv.out_blocks * conv.tap_count * conv.blocks;
  Add({.opcode = Opcode::kLoadWeights,
       .dst_base = conv.weight_base,
       .address = Room(words * kWeightWordBytes),
       .length = words});
  Add({.opcode = Opcode::kLoadThresholds,
       .dst_base = conv.threshold_base,
       .address = Thresholds(conv),
       .length = conv.out_blocks});
}

void ListBuilder::Conv() {
  Command c = Shape();
  LoadConstants(c);
  for (uint32_t d = 0; d < c.digits; ++d) {
    Add(Map(Opcode::kLoadMap, c.in_h, c.in_w, c.blocks, c.src_base + d * c.digit_step,
            c.src_row_step, c.src_block_step));
  }
  if (c.residual_blocks > 0) {  // behind it lie codes that are not added
    Add(Map(Opcode::kLoadMap, c.out_h, c.out_w, c.out_blocks + 1, c.residual_base,
            c.residual_row_step, c.residual_block_step));
  }
  AddConv(c);
}

void ListBuilder::AddConv(Command conv) {
  conv.after = Count(false);
  Add(conv);
  StoreResult(conv);
}

uint32_t ListBuilder::Count(bool convs) const {
  return static_cast<uint32_t>(
      std::count_if(commands_.begin(), commands_.end(),
                    [&](const Command& c) { return (c.opcode == Opcode::kConv) == convs; }));
}

Command ListBuilder::Layer(uint32_t in, uint32_t blocks, uint32_t out, uint32_t out_blocks) {
  Command c = {.opcode = Opcode::kConv, .out_h = out, .out_w = out, .in_h = in, .in_w = in};
  c.src_row_step = (in + 1) / 2;
  c.src_block_step = c.src_row_step * c.src_row_step;
  c.blocks = blocks;
  c.dst_row_step = (out + 1) / 2;
  c.dst_block_step = c.dst_row_step * c.dst_row_step;
  c.out_blocks = out_blocks;
  return c;
}

void ListBuilder::Kernel(int32_t size, int32_t plane_step) {
  taps_.clear();
  for (int32_t t = 0; t < size * size; ++t) {
    const int32_t dy = t / size - size / 2, dx = t % size - size / 2;
    // Of stride 2: the plane of its parity, there the pixel at half the place, rounded down.
    taps_.push_back(plane_step == 0
                        ? Tap{0, dy, dx}
                        : Tap{((dy & 1) * 2 + (dx & 1)) * plane_step, dy >> 1, dx >> 1});
  }
}

void ListBuilder::Net() {
  constexpr uint32_t kSide = 12, kHalf = kSide / 2, kQuarter = kSide / 4;
  Add(Map(Opcode::kLoadMap, kSide, kSide, 1, 0, kHalf, kHalf * kHalf));
  uint32_t place = kHalf * kHalf, taps = 0, weights = 0, thresholds = 0, source = 0;
  // Puts the layer's map and constants behind those before it. Returns where the map lies.
  const auto add = [&](Command c, uint32_t words) {
    c.src_base = source;
    c.dst_base = place;
    c.tap_base = taps;
    c.tap_count = static_cast<uint32_t>(taps_.size());
    c.weight_base = weights;
    c.threshold_base = thresholds;
    taps += c.tap_count;
    weights += c.out_blocks * c.tap_count * c.blocks;
    thresholds += c.out_blocks;
    LoadConstants(c);
    AddConv(c);
    source = place;
    place += words;
  };
  Kernel(3);
  add(Layer(kSide, 1, kSide, 1), kHalf * kHalf);
  Command c = Layer(kSide, 1, kSide, 1);
  if (config_.residual) {
    c.residual_base = source;  // what it reads, too: as a shortcut does
    c.residual_row_step = c.src_row_step;
    c.residual_block_step = c.src_block_step;
    c.residual_blocks = 1;
  }
  add(c, kHalf * kHalf);
  c = Layer(kSide, 1, kSide, 2);
  c.mode = WriteMode::kSpaceToDepth;  // planes of half the rows: their steps are the halves' too
  c.dst_row_step = kQuarter;
  c.dst_block_step = kQuarter * kQuarter;
  c.dst_plane_step = 2 * c.dst_block_step;
  add(c, 4 * c.dst_plane_step);
  Kernel(3, static_cast<int32_t>(c.dst_plane_step));
  add(Layer(kHalf, 2, kHalf, 2), 2 * kQuarter * kQuarter);
  Kernel(3);
  c = Layer(kHalf, 2, kHalf, 2);
  c.mode = WriteMode::kMaxPool;
  c.dst_row_step = (kQuarter + 1) / 2;
  c.dst_block_step = c.dst_row_step * c.dst_row_step;
  add(c, 2 * c.dst_block_step);
  Kernel(1);
  c = Layer(kQuarter, 2, kQuarter, 1);
  c.mode = WriteMode::kRaw;
  c.dst_plane_step = c.dst_block_step;
  add(c, kLanes / kRawLanes * c.dst_plane_step);
}

void ListBuilder::StoreResult(const Command& conv) {
  const bool halves = conv.mode == WriteMode::kMaxPool || conv.mode == WriteMode::kSpaceToDepth;
  const uint32_t h = halves ? conv.out_h / 2 : conv.out_h;
  const uint32_t w = halves ? conv.out_w / 2 : conv.out_w;
  uint32_t planes = 1;
  if (conv.mode == WriteMode::kRaw) planes = kLanes / kRawLanes;
  if (conv.mode == WriteMode::kSpaceToDepth) planes = 4;
  for (uint32_t p = 0; p < planes && h > 0 && w > 0; ++p) {
    Command map =
        Map(Opcode::kStoreMap, h, w, conv.out_blocks, conv.dst_base + p * conv.dst_plane_step,
            conv.dst_row_step, conv.dst_block_step);
    map.after = Count(true);
    Add(map);
  }
}

Command ListBuilder::Map(Opcode opcode, uint32_t h, uint32_t w, uint32_t blocks, uint32_t base,
                         uint32_t row_step, uint32_t block_step) {
  return {.opcode = opcode,
          .in_h = h,
          .in_w = w,
          .src_base = base,
          .src_row_step = row_step,
          .src_block_step = block_step,
          .blocks = blocks,
          .address = Room(size_t{h} * w * blocks * kWordBytes)};
}

uint32_t ListBuilder::Thresholds(const Command& conv) {
  const uint32_t at = Room(conv.out_blocks * static_cast<size_t>(kThresholdBytes));
  const auto spread = static_cast<int32_t>(8 + conv.tap_count * conv.blocks * 4);
  for (uint32_t o = 0; o < conv.out_blocks * kLanes; ++o) {
    int16_t entry[4];
    // Large ratios too; what a code adds moves the thresholds with it.
    const int32_t most = Pick(0, 7) == 0 ? 10000 : spread;
    const int32_t ratio = Pick(-most, most);
    const int32_t moved = conv.residual_blocks > 0 ? ratio : 0;
    for (int k = 0; k < 3; ++k) {
      entry[k] = static_cast<int16_t>(Pick(-spread, spread) + moved * Pick(0, 3));
    }
    entry[3] = static_cast<int16_t>(2 * ratio + Pick(0, 1));
    std::memcpy(buffer_.data() + at + o * sizeof(entry), entry, sizeof(entry));
  }
  return at;
}

}  // namespace bluestem::fpga
