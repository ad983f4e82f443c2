// EngineDriver: runs command lists on an engine that has registers. The same code drives the
// simulation and a board.
#pragma once

#include <memory>

#include "bluestem/base/status.h"
#include "bluestem/fpga/engine/engine.h"
#include "bluestem/fpga/engine/registers.h"

namespace bluestem::fpga {

class EngineDriver : public Engine {
 public:
  // Checks identity, version and the shape of the array. Errors: kUnavailable naming the register's
  // value and what this program drives.
  static Result<std::unique_ptr<EngineDriver>> Open(std::unique_ptr<EnginePort> port);

  const EngineConfig& config() const override { return config_; }
  // Besides what the engine reports: kTimeout where it did not end within the watchdog's clocks. It
  // is aborted then, and reset where that does not help.
  Status Keep(const std::vector<uint8_t>& buffer) override { return port_->Keep(buffer); }
  void Release(const std::vector<uint8_t>& buffer) override { port_->Release(buffer); }
  using Engine::Run;
  EngineResult Run(std::vector<uint8_t>& buffer, uint32_t list, const CancelWatch& cancel) override;

  EnginePort& port() { return *port_; }
  // Clocks that a list may take; 0.8 s at 125 MHz.
  void set_watchdog(int64_t clocks) { watchdog_ = clocks; }

 private:
  EngineDriver(std::unique_ptr<EnginePort> port, const EngineConfig& config)
      : port_(std::move(port)), config_(config) {}
  // Waits for the list's end. Returns kDone, or why the driver did not wait for it.
  EngineStatus WaitForEnd(const CancelWatch& cancel);
  void AddTrace(const std::vector<uint8_t>& buffer, uint32_t list, EngineResult& result);

  std::unique_ptr<EnginePort> port_;
  EngineConfig config_;
  int64_t watchdog_ = 100'000'000;
};

}  // namespace bluestem::fpga
