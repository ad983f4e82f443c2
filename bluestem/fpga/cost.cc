#include "bluestem/fpga/cost.h"

#include <algorithm>
#include <map>

#include "bluestem/fpga/call_kind.h"
#include "bluestem/fpga/engine/model.h"
#include "bluestem/fpga/engine/timing.h"
#include "bluestem/fpga/pack.h"
#include "bluestem/fpga/region.h"

namespace bluestem::fpga {
namespace {

void AddTraffic(const Command& command, Traffic& traffic) {
  const int64_t bytes = MemoryWords(command) * kWordBytes;
  switch (command.opcode) {
    case Opcode::kLoadWeights: traffic.weights += bytes; break;
    case Opcode::kLoadThresholds: traffic.thresholds += bytes; break;
    case Opcode::kLoadTaps: traffic.taps += bytes; break;
    default: traffic.maps += bytes;
  }
}

// The region's convolutions, each with the move that goes with it; and which layer a call is of.
std::vector<LayerCost> LayersOf(const program::Program& program, size_t begin, size_t end,
                                std::map<int64_t, size_t>& layer_of) {
  std::vector<LayerCost> layers;
  for (size_t i = begin; i < end; ++i) {
    if (AsConv(program.calls[i]) == nullptr) {
      // What copies pick and calls after the region read goes out after the last layer.
      layer_of.try_emplace(static_cast<int64_t>(i), std::max<size_t>(layers.size(), 1) - 1);
      continue;
    }
    LayerCost layer = {.call = i, .move = FusedMove(program, i), .macs = program.calls[i].macs};
    if (layer.move && *layer.move >= end) layer.move.reset();
    layer_of[static_cast<int64_t>(i)] = layers.size();
    if (layer.move) layer_of[static_cast<int64_t>(*layer.move)] = layers.size();
    layers.push_back(layer);
  }
  layer_of[-1] = 0;  // what is loaded for all
  return layers;
}

}  // namespace

int64_t RegionCost::ClocksOf(int64_t pictures) const {
  int64_t sum = 0;
  for (auto batch = batches.rbegin(); batch != batches.rend(); ++batch) {
    sum += pictures / batch->pictures * batch->clocks;
    pictures %= batch->pictures;
  }
  return sum + pictures * clocks;
}

Result<RegionCost> CostOf(const program::Program& program, size_t begin, size_t end,
                          const EngineConfig& config) {
  BLUESTEM_ASSIGN_OR_RETURN(EngineProgram compiled,
                            CompileRegion(program, begin, end, config, kMostPictures));
  RegionCost cost;
  std::map<int64_t, size_t> layer_of;
  cost.layers = LayersOf(program, begin, end, layer_of);
  cost.host_calls = compiled.host_calls;
  if (cost.layers.empty()) return cost;
  EngineModel engine(config);
  const EngineResult result = engine.Run(compiled.buffer, compiled.list);
  if (result.status != EngineStatus::kDone) {
    return Error(Code::kInternal, "the engine's model: descriptor {}: {}", result.index,
                 EngineStatusText(result.status));
  }
  cost.clocks = result.clocks;
  int64_t array_end = 0;
  for (size_t i = 0; i < result.trace.size(); ++i) {
    const CommandTrace& trace = result.trace[i];
    LayerCost& layer = cost.layers[layer_of.at(compiled.calls[i])];
    if (trace.command.opcode == Opcode::kConv) {
      layer.idle_clocks += std::max<int64_t>(trace.start - array_end, 0);
      layer.array_clocks += trace.end - std::max(trace.start, array_end);
      array_end = trace.end;
    } else {
      layer.port_clocks += trace.end - trace.start;
      AddTraffic(trace.command, layer.traffic);
    }
  }
  cost.store_clocks = cost.clocks - array_end;
  for (const BatchList& batch : compiled.batches) {
    const auto list = ListOf(compiled, batch.list);
    BLUESTEM_CHECK(list.has_value(), "a list that was compiled has an end");
    cost.batches.push_back({batch.pictures, fpga::ClocksOf(*list, config)});
  }
  return cost;
}

}  // namespace bluestem::fpga
