// EngineModel: the engine as C++, exact in what it computes, with the clocks that the formula below
// gives. The RTL is tested against it.
//
// Clocks. The array takes a tile (2 x 2 outputs of 32 channels) in max(steps, 4) clocks, steps =
// taps * blocks * digits, because a finished tile leaves at a pixel a clock beside the next one:
//   kConv: out_blocks * (tiles * max(steps, 4) + kDrain) + kStart
// The memory port moves 8 bytes a clock in bursts of 16 beats:
//   others: words + kBurst * bursts + kStart
//
// Threads: one model belongs to one thread. Ownership: the buffer is the caller's.
#pragma once

#include <cstdint>
#include <vector>

#include "bluestem/fpga/engine/command.h"

namespace bluestem::fpga {

// What one descriptor took.
struct CommandTrace {
  Command command;
  int64_t start = 0, end = 0;  // in clocks from the doorbell
};

struct EngineResult {
  EngineStatus status = EngineStatus::kIdle;
  uint32_t index = 0;         // of the descriptor that ended the list, or failed
  int64_t clocks = 0;         // from the doorbell to the end of the last descriptor
  int64_t array_clocks = 0;   // that the array was busy
  int64_t memory_clocks = 0;  // that the memory port was busy
  std::vector<CommandTrace> trace;
};

class EngineModel {
 public:
  static constexpr int64_t kDrain = 8, kStart = 24, kBurst = 4;

  explicit EngineModel(const EngineConfig& config);
  const EngineConfig& config() const { return config_; }

  // Runs the list at byte `list` of `buffer`. What a failed list has written stays.
  EngineResult Run(std::vector<uint8_t>& buffer, uint32_t list);

  // The clocks of a descriptor by itself.
  static int64_t Clocks(const Command& command);

 private:
  EngineStatus Execute(const Command& command, std::vector<uint8_t>& buffer);
  EngineStatus CheckConv(const Command& command) const;
  void Conv(const Command& command);
  EngineStatus MoveMap(const Command& command, std::vector<uint8_t>& buffer, bool load);

  EngineConfig config_;
  std::vector<uint64_t> banks_[4];
  std::vector<uint8_t> weights_;
  std::vector<int16_t> thresholds_;
  std::vector<Tap> taps_;
};

}  // namespace bluestem::fpga
