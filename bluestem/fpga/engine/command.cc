#include "bluestem/fpga/engine/command.h"

namespace bluestem::fpga {
namespace {

constexpr uint32_t Pack(uint32_t low, uint32_t high) {
  return (low & 0xffff) | high << 16;
}
constexpr uint32_t Low(uint32_t word) {
  return word & 0xffff;
}
constexpr uint32_t High(uint32_t word) {
  return word >> 16;
}

}  // namespace

CommandWords Encode(const Command& c) {
  return {static_cast<uint32_t>(c.opcode) | static_cast<uint32_t>(c.mode) << 8 | c.digits << 16,
          c.after,
          Pack(c.out_h, c.out_w),
          Pack(c.in_h, c.in_w),
          Pack(c.src_base, c.src_row_step),
          Pack(c.src_block_step, c.blocks),
          Pack(c.digit_step, c.out_blocks),
          Pack(c.tap_base, c.tap_count),
          Pack(c.dst_base, c.dst_row_step),
          Pack(c.dst_block_step, c.dst_plane_step),
          Pack(c.weight_base, c.threshold_base),
          c.address,
          c.length,
          Pack(c.residual_base, c.residual_row_step),
          Pack(c.residual_block_step, c.residual_blocks),
          0};
}

Command Decode(const CommandWords& words) {
  Command c;
  c.opcode = static_cast<Opcode>(words[0] & 0xff);
  c.mode = static_cast<WriteMode>(words[0] >> 8 & 0xff);
  c.digits = words[0] >> 16;
  c.after = words[1];
  c.out_h = Low(words[2]);
  c.out_w = High(words[2]);
  c.in_h = Low(words[3]);
  c.in_w = High(words[3]);
  c.src_base = Low(words[4]);
  c.src_row_step = High(words[4]);
  c.src_block_step = Low(words[5]);
  c.blocks = High(words[5]);
  c.digit_step = Low(words[6]);
  c.out_blocks = High(words[6]);
  c.tap_base = Low(words[7]);
  c.tap_count = High(words[7]);
  c.dst_base = Low(words[8]);
  c.dst_row_step = High(words[8]);
  c.dst_block_step = Low(words[9]);
  c.dst_plane_step = High(words[9]);
  c.weight_base = Low(words[10]);
  c.threshold_base = High(words[10]);
  c.address = words[11];
  c.length = words[12];
  c.residual_base = Low(words[13]);
  c.residual_row_step = High(words[13]);
  c.residual_block_step = Low(words[14]);
  c.residual_blocks = High(words[14]);
  return c;
}

uint64_t EncodeTap(const Tap& tap) {
  return static_cast<uint64_t>(static_cast<uint16_t>(tap.plane)) |
         static_cast<uint64_t>(static_cast<uint16_t>(tap.dy)) << 16 |
         static_cast<uint64_t>(static_cast<uint16_t>(tap.dx)) << 32;
}

Tap DecodeTap(uint64_t word) {
  return {static_cast<uint16_t>(word), static_cast<int16_t>(word >> 16),
          static_cast<int16_t>(word >> 32)};
}

const char* ResidualText(const EngineConfig& config) {
  return config.residual ? "residual maps" : "no residual maps";
}

const char* EngineStatusText(EngineStatus status) {
  switch (status) {
    case EngineStatus::kIdle: return "idle";
    case EngineStatus::kRunning: return "running";
    case EngineStatus::kDone: return "done";
    case EngineStatus::kBadOpcode: return "a descriptor's opcode is unknown";
    case EngineStatus::kBadAddress: return "a descriptor reaches outside the buffer";
    case EngineStatus::kBadRange:
      return "a descriptor reaches outside a memory of the engine, or asks for what it has not";
    case EngineStatus::kBusError: return "the bus answered with an error";
    case EngineStatus::kDeadlock: return "each queue waits for the other";
    case EngineStatus::kAborted: return "aborted";
    case EngineStatus::kTimeout: return "it did not end in time";
  }
  return "unknown status";
}

}  // namespace bluestem::fpga
