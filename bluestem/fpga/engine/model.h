// EngineModel: the engine as C++: exact results, and the RTL's clocks by formula (timing.h). The
// RTL is tested against it.
//
// Threads: one model belongs to one thread. Ownership: the buffer is the caller's.
#pragma once

#include <vector>

#include "bluestem/fpga/engine/engine.h"
#include "bluestem/fpga/engine/timing.h"

namespace bluestem::fpga {

class EngineModel : public Engine {
 public:
  explicit EngineModel(const EngineConfig& config);
  const EngineConfig& config() const override { return config_; }
  using Engine::Run;
  EngineResult Run(std::vector<uint8_t>& buffer, uint32_t list, const CancelWatch& cancel) override;

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
