// Schedule: the order of a list's descriptors, and where weights and thresholds lie meanwhile.
//
// What moves maps and what computes keeps its order; loads of weights and thresholds go ahead of it
// where the memory port would rest: by the clocks that the RTL takes (engine/timing.h), and as far
// as there is room. Their memories are used as rings. A load may serve several convolutions, those
// of the pictures of a batch.
//
// Threads: a Schedule belongs to one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "bluestem/fpga/engine/command.h"
#include "bluestem/fpga/engine/timing.h"

namespace bluestem::fpga {

class Schedule {
 public:
  struct Entry {
    Command command;
    int64_t call = -1;  // that it works for, or -1
  };

  explicit Schedule(const EngineConfig& config)
      : weights_{static_cast<uint32_t>(config.weight_words)},
        thresholds_{static_cast<uint32_t>(config.threshold_blocks)},
        timeline_(config) {}

  // Loads weights or thresholds, `length` units, for the next `convs` convolutions that are added.
  // Requires: length is at most half of their memory.
  void AddLoad(Opcode opcode, uint32_t address, uint32_t length, int64_t call, uint32_t convs = 1);
  // Loads taps or moves a map; it waits for all convolutions that were added before where
  // `after_convs`.
  void AddMove(Command command, int64_t call, bool after_convs);
  // It waits for its loads and for all moves that were added before.
  void AddConv(const Command& command, int64_t call);

  // Returns the list, with its end.
  std::vector<Entry> Finish();
  // Clocks from the doorbell until the engine rests. Requires: Finish.
  int64_t clocks() const { return timeline_.Finish(); }

 private:
  struct Load {
    Entry entry;
    uint32_t conv = 0;  // the number of the first convolution that it is for
    uint32_t convs = 1;
    uint32_t last() const { return conv + convs - 1; }
  };
  struct Ring {
    struct Chunk {
      uint32_t base = 0, length = 0, conv = 0;
    };
    uint32_t capacity = 0;
    uint32_t next = 0;
    std::vector<Chunk> used{};

    // Places a chunk; `after` becomes the number of convolutions that must have ended before.
    uint32_t Place(uint32_t length, uint32_t conv, uint32_t& after);
  };

  Ring& RingOf(const Load& load) {
    return load.entry.command.opcode == Opcode::kLoadWeights ? weights_ : thresholds_;
  }
  bool LoadGoesFirst(const Load& load, const Entry& item);
  void EmitLoad(const Load& load);
  void EmitItem(Entry item);
  void Emit(const Entry& entry);

  std::vector<Load> loads_;
  std::vector<Entry> items_;
  uint32_t convs_ = 0;  // added
  Ring weights_, thresholds_;

  // Of Finish.
  std::vector<Entry> list_;
  Timeline timeline_;
  uint32_t emitted_convs_ = 0, emitted_moves_ = 0;
  std::vector<std::pair<uint32_t, uint32_t>> bases_;  // of each convolution
  std::vector<uint32_t> loaded_;                      // by which move each convolution's loads end
  uint32_t last_move_ = 0;                            // that is no load
};

}  // namespace bluestem::fpga
