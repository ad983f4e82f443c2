// The engine's registers, 32 bits each at byte offsets, and the way to them. docs/formats/engine.md
// is the same as prose; rtl/registers.sv is the other side.
#pragma once

#include <cstdint>
#include <vector>

#include "bluestem/base/status.h"

namespace bluestem::fpga {

enum class Register : uint32_t {
  kId = 0x00,             // kEngineId
  kVersion = 0x04,        // kEngineVersion
  kArray = 0x08,          // pixels << 16 | outputs << 8 | inputs, a clock
  kControl = 0x0c,        // write: bit 0 starts, bit 1 aborts
  kStatus = 0x10,         // EngineStatus | index of the descriptor << 8
  kIrqEnable = 0x14,      // bit 0
  kIrqPending = 0x18,     // bit 0: the list ended; writing 1 clears it
  kBufferAddress = 0x1c,  // on the bus
  kListAddress = 0x20,    // in the buffer
  kBufferBytes = 0x24,
  kClocks = 0x28,  // of this list, until its end
  kArrayClocks = 0x2c,
  kMemoryClocks = 0x30,
  kErrorAddress = 0x3c,  // on the bus: of the burst that failed, or 0
  kScratch = 0x40,       // keeps what is written
  kBankWords = 0x44,     // what the engine was built with
  kWeightWords = 0x48,
  kThresholdBlocks = 0x4c,
  kTaps = 0x50,
  kFeatures = 0x54,  // bit 0: residual maps
};

// Bytes of a buffer.
struct BufferRange {
  uint32_t address = 0;
  uint64_t bytes = 0;
  bool operator==(const BufferRange&) const = default;
};

// The way to an engine: its registers, its interrupt, its memory. A simulation has one, a board
// another.
class EnginePort {
 public:
  // In a clock from the doorbell a half of the engine (0 array, 1 memory port) began or ended a
  // descriptor; half 2 is the list itself.
  struct Event {
    uint64_t clock = 0;
    uint32_t half = 0;
    bool end = false;
  };

  virtual ~EnginePort() = default;
  virtual uint32_t Read(Register offset) = 0;
  virtual void Write(Register offset, uint32_t value) = 0;
  // Waits for the interrupt, as long as the engine would take for `clocks`. Returns whether it
  // came.
  virtual bool Wait(int64_t clocks) = 0;
  // Keeps room for `buffer`, of which little is written between lists, until Release; the vector
  // stays where it is. Errors: kUnavailable where the engine's memory is too small.
  virtual Status Keep(const std::vector<uint8_t>&) { return OkStatus(); }
  virtual void Release(const std::vector<uint8_t>&) {}
  // Makes `buffer` visible to the engine, of a kept one that was there before only `changed`, and
  // returns its address on the bus. Errors: Keep's, and kUnavailable where the engine still runs
  // the list before.
  virtual Result<uint32_t> Attach(std::vector<uint8_t>& buffer,
                                  const std::vector<BufferRange>& changed) = 0;
  // Brings what the engine has `written` back into the buffer.
  virtual void Detach(std::vector<uint8_t>&, const std::vector<BufferRange>& /*written*/) {}
  // As after power-on.
  virtual void Reset() = 0;
  // Events since the last call, oldest first; none where nothing records them.
  virtual std::vector<Event> TakeEvents() { return {}; }
};

}  // namespace bluestem::fpga
