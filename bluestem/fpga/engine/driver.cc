#include "bluestem/fpga/engine/driver.h"

#include <algorithm>
#include <cstring>

namespace bluestem::fpga {
namespace {

constexpr uint32_t kStart = 1, kAbort = 2;
constexpr int64_t kAbortClocks = 100'000;  // in which open bursts are answered, on a bus that works
constexpr int64_t kSlice = 50'000;         // clocks between two looks at `cancel`

// The bytes that descriptors of this kind move.
std::vector<BufferRange> MapRanges(const std::vector<uint8_t>& buffer, uint32_t list, Opcode kind) {
  std::vector<BufferRange> ranges;
  for (uint64_t at = list; at + sizeof(CommandWords) <= buffer.size(); at += sizeof(CommandWords)) {
    CommandWords words;
    std::memcpy(words.data(), buffer.data() + at, sizeof(words));
    const Command command = Decode(words);
    if (command.opcode == Opcode::kEnd) break;
    const uint64_t bytes = uint64_t{command.in_h} * command.in_w * command.blocks * kWordBytes;
    if (command.opcode != kind || command.address >= buffer.size()) continue;
    ranges.push_back({command.address, std::min<uint64_t>(bytes, buffer.size() - command.address)});
  }
  return ranges;
}

}  // namespace

Result<std::unique_ptr<EngineDriver>> EngineDriver::Open(std::unique_ptr<EnginePort> port) {
  const uint32_t id = port->Read(Register::kId);
  if (id != kEngineId) {
    return Error(Code::kUnavailable,
                 "no engine answers: its identity reads {:#010x}, not {:#010x}; load its bitstream",
                 id, kEngineId);
  }
  const uint32_t version = port->Read(Register::kVersion);
  if (version != kEngineVersion) {
    return Error(Code::kUnavailable,
                 "the engine has version {}, this program drives version {}; update the older one",
                 version, kEngineVersion);
  }
  const uint32_t array = port->Read(Register::kArray);
  EngineConfig config;
  config.pixels = static_cast<int32_t>(array >> 16);
  config.outputs = static_cast<int32_t>(array >> 8 & 0xff);
  const bool pixels_fit = config.pixels == 4 || config.pixels == 8;
  const bool outputs_fit = config.outputs == 8 || config.outputs == 16 || config.outputs == kLanes;
  if (!pixels_fit || !outputs_fit || (array & 0xff) != kLanes) {
    return Error(Code::kUnavailable,
                 "the engine computes {} pixels x {} outputs x {} inputs a clock, this program "
                 "drives 4 or 8 pixels x 8, 16 or {} outputs x {} inputs: update it, or load the "
                 "bitstream of a build that it knows",
                 config.pixels, config.outputs, array & 0xff, kLanes, kLanes);
  }
  const auto read = [&](Register offset) { return static_cast<int32_t>(port->Read(offset)); };
  config.bank_words = read(Register::kBankWords);
  config.weight_words = read(Register::kWeightWords);
  config.threshold_blocks = read(Register::kThresholdBlocks);
  config.taps = read(Register::kTaps);
  config.residual = (port->Read(Register::kFeatures) & 1) != 0;
  return std::unique_ptr<EngineDriver>(new EngineDriver(std::move(port), config));
}

EngineStatus EngineDriver::WaitForEnd(const CancelWatch& cancel) {
  for (int64_t waited = 0; waited < watchdog_; waited += kSlice) {
    if (port_->Wait(std::min(kSlice, watchdog_ - waited))) return EngineStatus::kDone;
    if (cancel.IsSet()) return EngineStatus::kAborted;
  }
  return EngineStatus::kTimeout;
}

EngineResult EngineDriver::Run(std::vector<uint8_t>& buffer, uint32_t list,
                               const CancelWatch& cancel) {
  port_->TakeEvents();
  const Result<uint32_t> address = port_->Attach(buffer, MapRanges(buffer, list, Opcode::kLoadMap));
  if (!address.ok()) return {.refusal = address.status().message()};
  port_->Write(Register::kBufferAddress, *address);
  port_->Write(Register::kBufferBytes, static_cast<uint32_t>(buffer.size()));
  port_->Write(Register::kListAddress, list);
  port_->Write(Register::kIrqPending, 1);
  port_->Write(Register::kIrqEnable, 1);
  port_->Write(Register::kControl, kStart);
  const EngineStatus end = WaitForEnd(cancel);
  bool rests = true;
  if (end != EngineStatus::kDone) {
    port_->Write(Register::kControl, kAbort);
    rests = port_->Wait(kAbortClocks);
  }
  EngineResult result;
  const uint32_t status = port_->Read(Register::kStatus);
  result.status = end == EngineStatus::kDone ? static_cast<EngineStatus>(status & 0xff) : end;
  result.index = status >> 8;
  result.clocks = port_->Read(Register::kClocks);
  result.array_clocks = port_->Read(Register::kArrayClocks);
  result.memory_clocks = port_->Read(Register::kMemoryClocks);
  result.bus_address = port_->Read(Register::kErrorAddress);
  port_->Write(Register::kIrqPending, 1);
  port_->Detach(buffer, MapRanges(buffer, list, Opcode::kStoreMap));
  if (!rests) port_->Reset();
  AddTrace(buffer, list, result);
  return result;
}

// Each half of the engine runs its descriptors in the order of the list.
void EngineDriver::AddTrace(const std::vector<uint8_t>& buffer, uint32_t list,
                            EngineResult& result) {
  std::vector<int64_t> times[2][2];  // [half][end]
  for (const EnginePort::Event& event : port_->TakeEvents()) {
    if (event.half < 2) times[event.half][event.end].push_back(static_cast<int64_t>(event.clock));
  }
  size_t next[2] = {0, 0};
  for (uint64_t at = list; at + sizeof(CommandWords) <= buffer.size(); at += sizeof(CommandWords)) {
    CommandWords words;
    std::memcpy(words.data(), buffer.data() + at, sizeof(words));
    const Command command = Decode(words);
    const int half = command.opcode == Opcode::kConv ? 0 : 1;
    if (command.opcode == Opcode::kEnd || next[half] >= times[half][1].size()) break;
    result.trace.push_back({command, times[half][0][next[half]], times[half][1][next[half]]});
    ++next[half];
  }
}

}  // namespace bluestem::fpga
