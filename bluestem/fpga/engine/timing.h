// Timing: the clocks of a list on the RTL, by formula. tests/fpga holds the RTL to it, clock by
// clock, with a memory that answers after kLatency.
//
// Array: a tile (4 or 8 pixels of the outputs of a pass) takes steps = taps * blocks * digits
// clocks, one more with a residual map, but at least one a pixel, in which the tile before leaves;
// the last of a pass at least so many that the thresholds change, too: 14 of 4 x 32. Memory port: 8
// bytes a clock. A descriptor is fetched while the one before it runs.
#pragma once

#include <cstdint>
#include <vector>

#include "bluestem/fpga/engine/command.h"

namespace bluestem::fpga {

// Clocks from a burst's address to its first word, and from its last word to the answer.
constexpr int64_t kLatency = 24;

// Clocks in which a descriptor is fetched, once it is asked for.
constexpr int64_t kFetchClocks = kLatency + 14;

// Returns the tiles, or words of a bank, that cover `extent` pixels.
constexpr int64_t Half(int64_t extent) {
  return (extent + 1) / 2;
}
// Words of 8 bytes that a descriptor moves.
int64_t MemoryWords(const Command& command);
// Clocks from a descriptor's start to its end, by itself.
int64_t DescriptorClocks(const Command& command, const EngineConfig& config);

// Follows a list, descriptor by descriptor. Times are clocks from the doorbell.
class Timeline {
 public:
  explicit Timeline(const EngineConfig& config) : config_(config) {}

  struct Span {
    int64_t start = 0, end = 0;
  };
  // Requires: command.after descriptors of the other queue were added before.
  Span Add(const Command& command);
  // Returns the start that Add would. Requires: as Add.
  int64_t StartOf(const Command& command) const;
  // The list ends: returns the clock from which the engine rests.
  int64_t Finish() const;

  int64_t array_clocks() const { return array_clocks_; }
  int64_t memory_clocks() const { return memory_clocks_; }
  int64_t ended(int queue) const { return static_cast<int64_t>(ends_[queue].size()); }

 private:
  // When the next descriptor lies in hand, asked for at `ask`.
  void Fetch(int64_t ask);
  int64_t InHand() const;
  int64_t Last(int queue) const { return ends_[queue].empty() ? 0 : ends_[queue].back(); }

  static constexpr int64_t kFirstAsk = 1;
  EngineConfig config_;
  int64_t read_free_ = kFirstAsk;  // the read master
  int64_t in_hand_ = 0;
  bool begun_ = false;
  bool moves_map_ = false;        // the last descriptor of the port
  std::vector<int64_t> ends_[2];  // of the array's, of the port's
  int64_t array_clocks_ = 0, memory_clocks_ = 0;
};

// Returns the clocks from the doorbell until the engine rests. Requires: as Add's; no kEnd but the
// last.
int64_t ClocksOf(const std::vector<Command>& list, const EngineConfig& config);

}  // namespace bluestem::fpga
