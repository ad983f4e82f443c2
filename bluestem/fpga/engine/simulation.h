// Simulation: the engine's RTL, compiled by Verilator to a shared library on first use, as a port.
//
// Threads: the functions may be called from any, and compile once; a port belongs to one thread.
// The library is loaded once and stays.
#pragma once

#include <memory>
#include <string>

#include "bluestem/base/file.h"
#include "bluestem/fpga/engine/driver.h"
#include "bluestem/fpga/rtl/sim/engine_sim.h"

namespace bluestem::fpga {

// Returns where simulations are kept: $BLUESTEM_CACHE, else $XDG_CACHE_HOME/bluestem, else
// ~/.cache/bluestem.
Path SimulationFolder();

// Returns why no simulation can be made here, and what to do; "" where it can.
std::string WhyNoSimulation();

// How the RTL is compiled.
struct SimulationOptions {
  EngineConfig config{};     // the parameters
  bool full_adders = false;  // the array's structure as it is synthesised, slower by far
  bool memories = false;     // can be reached by Flip
  std::string mutation;      // a defect of rtl/mutants.txt, "" for none: to test the tests
};

// Compiles the RTL of SourceRoot() where `folder` does not hold it already; `progress` is told
// before it begins. Returns the library. Errors: kUnavailable as WhyNoSimulation; kInternal with
// what the compiler said; kIo.
Result<Path> BuildSimulation(const Path& folder, const SimulationOptions& options,
                             void (*progress)(const std::string&));

// The simulation as an engine's port, with what only a simulation has.
class SimulationPort : public EnginePort {
 public:
  // Errors: kUnavailable where the library cannot be loaded or is another version's.
  static Result<std::unique_ptr<SimulationPort>> Open(const Path& library);
  ~SimulationPort() override;

  uint32_t Read(Register offset) override;
  void Write(Register offset, uint32_t value) override;
  bool Wait(int64_t clocks) override;
  Result<uint32_t> Attach(std::vector<uint8_t>& buffer,
                          const std::vector<BufferRange>& changed) override;
  void Reset() override;
  std::vector<Event> TakeEvents() override;

  void SetBus(const BluestemBus& bus);
  // Flips a bit of one of the engine's own memories, `clocks` from now. Returns whether there is
  // such a bit (engine_sim.h). Requires: compiled with SimulationOptions::memories.
  bool Flip(const std::string& memory, uint32_t word, uint32_t bit, int64_t clocks);
  // Since the bus was set, reads and writes together.
  int64_t bursts() const;
  // What the engine did on the bus that AXI does not allow, or "".
  std::string violation() const;

 private:
  struct Library;
  explicit SimulationPort(std::unique_ptr<const Library> library);
  std::unique_ptr<const Library> library_;
  BluestemEngineSim* sim_;
};

}  // namespace bluestem::fpga
