#include "bluestem/fpga/engine/timing.h"

#include <algorithm>

namespace bluestem::fpga {
namespace {

constexpr int64_t kReadRests = 4 + kLatency;  // from the read master's grant, without the words
constexpr int64_t kDescriptorWords = 8;
constexpr int64_t kPortChecks = 6;      // before the port asks for the bus
constexpr int64_t kPortEnds = 2;        // from the master's rest
constexpr int64_t kArrayPipeline = 18;  // start, addresses, memories, sums, thresholds, write
constexpr int64_t kStorePipeline = 8;
constexpr int64_t kSeen = 2;  // from an end until the list knows

bool MovesMap(const Command& c) {
  return c.opcode == Opcode::kLoadMap || c.opcode == Opcode::kStoreMap;
}

}  // namespace

int64_t MemoryWords(const Command& c) {
  switch (c.opcode) {
    case Opcode::kLoadWeights: return int64_t{c.length} * (kWeightWordBytes / kWordBytes);
    case Opcode::kLoadThresholds: return int64_t{c.length} * (kThresholdBytes / kWordBytes);
    case Opcode::kLoadTaps: return c.length;
    case Opcode::kLoadMap:
    case Opcode::kStoreMap: return int64_t{c.blocks} * c.in_h * c.in_w;
    default: return 0;
  }
}

int64_t DescriptorClocks(const Command& c, const EngineConfig& config) {
  if (c.opcode == Opcode::kConv) {
    const int64_t columns = config.pixels / 2;
    const int64_t tiles = Half(c.out_h) * ((c.out_w + columns - 1) / columns);
    const int64_t passes = int64_t{c.out_blocks} * (kLanes / config.outputs);
    const int64_t steps = int64_t{c.tap_count} * c.blocks * c.digits;
    const int64_t busy = steps + (c.residual_blocks > 0 ? 1 : 0);
    const bool raw = c.mode == WriteMode::kRaw;
    // A pixel leaves in a clock, raw in a clock for 4 outputs; so many thresholds come in one.
    const int64_t fours = config.outputs / kRawLanes;
    const int64_t leaves = raw ? config.pixels * fours : config.pixels;
    const int64_t tile = std::max(busy, leaves);
    const int64_t last = raw ? tile : std::max(busy, leaves + 2 + fours);
    return passes * ((tiles - 1) * tile + last) - (last - steps) + kArrayPipeline + leaves;
  }
  if (c.opcode == Opcode::kStoreMap) {
    return kPortChecks + kStorePipeline + MemoryWords(c) + kLatency;
  }
  // The next descriptor is fetched first.
  return kDescriptorWords + kReadRests + kReadRests + MemoryWords(c) + kPortEnds;
}

void Timeline::Fetch(int64_t ask) {
  const int64_t granted = std::max(ask, read_free_);
  read_free_ = granted + kReadRests + kDescriptorWords;
  in_hand_ = granted + kFetchClocks;
}

int64_t Timeline::StartOf(const Command& c) const {
  const bool conv = c.opcode == Opcode::kConv;
  int64_t handed = InHand();
  if (c.after > 0) handed = std::max(handed, ends_[conv ? 1 : 0][c.after - 1] + kSeen);
  // The array is free a clock after its end, the port with it; a map waits for both.
  const bool waits_for_array = conv || MovesMap(c), waits_for_port = !conv || moves_map_;
  if (waits_for_array && !ends_[0].empty()) handed = std::max(handed, Last(0) + 1);
  if (waits_for_port && !ends_[1].empty()) handed = std::max(handed, Last(1));
  return handed + 1;
}

Timeline::Span Timeline::Add(const Command& c) {
  if (!begun_) Fetch(kFirstAsk);
  begun_ = true;
  const bool conv = c.opcode == Opcode::kConv;
  Span span = {StartOf(c), 0};
  Fetch(span.start);
  if (conv || c.opcode == Opcode::kStoreMap) {
    span.end = span.start + DescriptorClocks(c, config_);
  } else {
    const int64_t granted = std::max(span.start + kPortChecks, read_free_);
    read_free_ = granted + kReadRests + MemoryWords(c);
    span.end = read_free_ + kPortEnds;
  }
  if (conv) {
    array_clocks_ += span.end - span.start;
  } else {
    memory_clocks_ += span.end - span.start - 1;
    moves_map_ = MovesMap(c);
  }
  ends_[conv ? 0 : 1].push_back(span.end);
  return span;
}

int64_t Timeline::InHand() const {
  return begun_ ? in_hand_ : kFirstAsk + kFetchClocks;
}

int64_t Timeline::Finish() const {
  int64_t rests = InHand() + 1;
  if (!ends_[0].empty()) rests = std::max(rests, Last(0) + 1);
  return std::max(rests, Last(1));
}

int64_t ClocksOf(const std::vector<Command>& list, const EngineConfig& config) {
  Timeline timeline(config);
  for (const Command& command : list) {
    if (command.opcode != Opcode::kEnd) timeline.Add(command);
  }
  return timeline.Finish();
}

}  // namespace bluestem::fpga
