// UioPort: the engine on a board as a port: registers and interrupt through Linux's UIO, memory
// through u-dma-buf. Never /dev/mem, and no root once the udev rule is there
// (board/de10-nano/README.md). Not tried on a board: the tests put the simulated RTL behind it.
//
// The memory is coherent: the engine reaches it through the bridge to the HPS and the processor's
// coherency port (ACP), which lies 0x80000000 above the memory's own address on the bus and shows
// its first gigabyte. So nothing here flushes a cache.
//
// Threads: a port belongs to one thread. The engine belongs to one port: a second one, of another
// process too, is refused while the first is open.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <span>

#include "bluestem/base/file.h"
#include "bluestem/fpga/engine/command.h"
#include "bluestem/fpga/engine/registers.h"

namespace bluestem::fpga {

constexpr uint64_t kRegisterBytes = 4096;
constexpr uint32_t kCoherentOffset = 0x80000000;        // of the ACP's window on the bus
constexpr uint64_t kCoherentBytes = uint64_t{1} << 30;  // that it shows

// What a board's engine is reached by.
struct UioFiles {
  Path registers;               // /dev/uioN
  Path memory;                  // /dev/bluestem-memory
  uint64_t memory_bytes = 0;    // of the DMA buffer
  uint64_t memory_address = 0;  // its physical address
};

// Finds them by their names in sysfs, "bluestem-engine" and "bluestem-memory", below `root`, which
// is / on a board. Errors: kUnavailable naming the folder, what is not there and what to load;
// registers that are too few; memory that the ACP does not show.
Result<UioFiles> FindUio(const Path& root);

// The files, opened: what tests replace.
class UioAccess {
 public:
  virtual ~UioAccess() = default;
  virtual uint32_t Read(uint32_t offset) = 0;
  virtual void Write(uint32_t offset, uint32_t value) = 0;
  // Lets the next interrupt through. It is held back once it came.
  virtual void EnableInterrupt() = 0;
  // Returns whether it came within `timeout`.
  virtual bool WaitInterrupt(std::chrono::nanoseconds timeout) = 0;
  virtual std::span<uint8_t> memory() = 0;
};

// Errors: kUnavailable where a file cannot be opened or mapped, naming it and what to do;
// another process has the engine.
Result<std::unique_ptr<UioAccess>> OpenUio(const UioFiles& files);

class UioPort : public EnginePort {
 public:
  // Errors: FindUio's and OpenUio's.
  static Result<std::unique_ptr<UioPort>> Open(const Path& root = "/");
  UioPort(UioFiles files, std::unique_ptr<UioAccess> access)
      : files_(std::move(files)), access_(std::move(access)) {}

  uint32_t Read(Register offset) override;
  void Write(Register offset, uint32_t value) override;
  // Reads the register for half a millisecond, what a picture takes (waking up after an interrupt
  // costs tens of microseconds), then sleeps until the interrupt.
  bool Wait(int64_t clocks) override;
  void set_polled(std::chrono::microseconds polled) { polled_ = polled; }
  // Copies all of the buffer the first time, of a kept one only what changes after that.
  Result<uint32_t> Attach(std::vector<uint8_t>& buffer,
                          const std::vector<BufferRange>& changed) override;
  void Detach(std::vector<uint8_t>& buffer, const std::vector<BufferRange>& written) override;
  Status Keep(const std::vector<uint8_t>& buffer) override;
  void Release(const std::vector<uint8_t>& buffer) override;
  // A board has no line for it: Attach refuses until the engine rests, or was loaded anew.
  void Reset() override { hangs_ = true; }

  // Since it was opened, both ways.
  uint64_t copied_bytes() const { return copied_bytes_; }

 private:
  struct Room {
    uint64_t offset = 0, bytes = 0;
    bool kept = false;    // until Release, else until Detach
    bool filled = false;  // all of it was copied once
  };
  // Errors: kUnavailable saying what would be enough.
  Result<uint64_t> FindRoom(uint64_t bytes) const;

  UioFiles files_;
  std::unique_ptr<UioAccess> access_;
  std::chrono::microseconds polled_{500};
  std::map<const uint8_t*, Room> rooms_;  // by the buffer's first byte
  uint64_t copied_bytes_ = 0;
  bool hangs_ = false;
};

}  // namespace bluestem::fpga
