// Engine: what runs a command list: the functional model, the RTL in simulation, a board.
//
// Threads: one engine belongs to one thread. Ownership: the buffer is the caller's.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bluestem/base/status.h"
#include "bluestem/fpga/engine/command.h"

namespace bluestem::fpga {

// What one descriptor took, in clocks from the doorbell to its start and to its end.
struct CommandTrace {
  Command command;
  int64_t start = 0, end = 0;
};

struct EngineResult {
  EngineStatus status = EngineStatus::kIdle;
  uint32_t index = 0;               // of the descriptor that ended the list, or failed
  int64_t clocks = 0;               // from the doorbell until the engine rests
  int64_t array_clocks = 0;         // that the array was busy
  int64_t memory_clocks = 0;        // that the memory port was busy
  uint32_t bus_address = 0;         // kBusError: of the burst; 0 where nothing says it
  std::vector<CommandTrace> trace;  // in the list's order; empty where nothing records it
  std::string refusal;              // why the list was not started, with kIdle
};

// Whether a list is no longer wanted: all of its pictures are cancelled. What it is made of
// outlives it; a null pointer is a picture that is never cancelled.
class CancelWatch {
 public:
  CancelWatch(const std::atomic<bool>* cancel) : one_(cancel) {}  // NOLINT: as a pointer goes
  explicit CancelWatch(std::span<const std::atomic<bool>* const> pictures) : all_(pictures) {}
  bool IsSet() const {
    if (all_.empty()) return Set(one_);
    return std::all_of(all_.begin(), all_.end(), Set);
  }

 private:
  static bool Set(const std::atomic<bool>* cancel) {
    return cancel != nullptr && cancel->load(std::memory_order_relaxed);
  }
  const std::atomic<bool>* one_ = nullptr;
  std::span<const std::atomic<bool>* const> all_;
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual const EngineConfig& config() const = 0;
  // Says that `buffer` comes again, with the same lists, and that before a run only those bytes
  // change which its list loads as maps: an engine with memory of its own copies them alone. Until
  // Release; the vector stays where it is. Errors: kUnavailable where that memory is too small.
  virtual Status Keep(const std::vector<uint8_t>& /*buffer*/) { return OkStatus(); }
  virtual void Release(const std::vector<uint8_t>& /*buffer*/) {}
  // Runs the list at byte `list` of `buffer`; ends early, with kAborted, once `cancel` is set. What
  // a failed list has written stays; the engine can be used again.
  virtual EngineResult Run(std::vector<uint8_t>& buffer, uint32_t list,
                           const CancelWatch& cancel) = 0;
  EngineResult Run(std::vector<uint8_t>& buffer, uint32_t list) {
    return Run(buffer, list, nullptr);
  }
};

}  // namespace bluestem::fpga
