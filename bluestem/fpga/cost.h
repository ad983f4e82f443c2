// cost: what a region takes on the engine, convolution by convolution: clocks of the array and of
// the memory port, and the bytes that the port moves. Clocks are the functional model's: by
// formula.
//
//   | 0 ...... clocks of the region ................................................. |
//   | idle_clocks, array_clocks of layer 0 | the same of layer 1 | ... | store_clocks |
//
// Threads: free functions without state; a RegionCost is a value.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bluestem/base/status.h"
#include "bluestem/fpga/engine/command.h"
#include "bluestem/program/program.h"

namespace bluestem::fpga {

// Returns the multiply-accumulates of a clock in which every lane of the array works.
constexpr int64_t PeakMacs(const EngineConfig& config) {
  return int64_t{kLanes} * config.outputs * config.pixels;
}
// Of the memory port, without what a burst takes to begin and to end.
constexpr int64_t kPortBytesAClock = kWordBytes;

// Bytes over the memory port; descriptors are not counted.
struct Traffic {
  int64_t weights = 0, thresholds = 0, taps = 0;
  int64_t maps = 0;  // that come from the host or go there
  int64_t bytes() const { return weights + thresholds + taps + maps; }
};

struct LayerCost {
  size_t call = 0;             // of the Program: the convolution
  std::optional<size_t> move;  // the call that the engine makes while it writes the result
  int64_t macs = 0;
  int64_t array_clocks = 0;  // that the array works for it
  int64_t idle_clocks = 0;   // that the array waits before or between, for the memory port
  int64_t port_clocks = 0;   // that the memory port works for it
  Traffic traffic;
  int64_t clocks() const { return array_clocks + idle_clocks; }
};

// What a list of several pictures takes.
struct BatchCost {
  int32_t pictures = 0;
  int64_t clocks = 0;  // of all of them
};

struct RegionCost {
  std::vector<LayerCost> layers;   // as they run; the taps of all are the first one's traffic
  std::vector<size_t> host_calls;  // moves that the host makes before it hands the maps over
  int64_t clocks = 0;              // from the doorbell to the end of the last descriptor
  int64_t store_clocks = 0;        // of them after the array's last: results that still go out
  std::vector<BatchCost> batches;  // of more pictures from one to the next

  // Clocks for so many pictures, in the longest lists there are.
  int64_t ClocksOf(int64_t pictures) const;
};

// Compiles calls [begin, end) and runs the functional model on zeros: clocks do not depend on the
// codes. Errors: CompileRegion's. Requires: Refusal is "" for each of the calls.
Result<RegionCost> CostOf(const program::Program& program, size_t begin, size_t end,
                          const EngineConfig& config);

}  // namespace bluestem::fpga
