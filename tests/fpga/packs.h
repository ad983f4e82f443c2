// A pack of a small Program, as bytes, fields and memory to run it in.
#pragma once

#include <memory>
#include <vector>

#include "bluestem/base/check.h"
#include "bluestem/fpga/pack.h"
#include "tests/runtime/conv_programs.h"

namespace bluestem::fpga {

// Pictures as windows, a residual map, a pooled result, accumulators with factors, and batches.
inline std::shared_ptr<program::Program> PackedProgram() {
  runtime::ChainBuilder chain(12, 16, 3, 5);
  chain.Conv({.co = 40, .x_bits = 8});
  chain.Conv({.co = 40, .residual = 1});
  chain.Pool();
  chain.Conv({.co = 33, .epilogue = kernels::QConvEpilogue::kAffine});
  return chain.Finish();
}

inline EnginePack PackOf(const program::Program& program) {
  EnginePack pack;
  pack.place = "engine.bin";
  pack.digest = std::string(64, '0');
  auto compiled = CompileRegion(program, 0, program.calls.size(), pack.config, 4);
  BLUESTEM_CHECK(compiled.ok(), compiled.status().message().c_str());
  pack.regions.push_back({0, program.calls.size(), std::move(*compiled)});
  return pack;
}

// Moves all maps in and out, in memory that is as large as the Program says. Requires: CheckPack.
inline void MoveMaps(EnginePack& pack, const program::Program& program) {
  const auto bytes = [](int64_t size) { return std::vector<uint8_t>(static_cast<size_t>(size)); };
  std::vector<uint8_t> arena = bytes(program.arena_bytes);
  std::vector<std::vector<uint8_t>> inputs, outputs;
  for (const program::TensorInfo& info : program.inputs) inputs.push_back(bytes(info.bytes()));
  for (const program::TensorInfo& info : program.outputs) outputs.push_back(bytes(info.bytes()));
  const auto at = [&](const program::Operand& operand) -> uint8_t* {
    const auto offset = static_cast<size_t>(operand.offset);
    if (operand.space == program::Space::kArena) return arena.data() + offset;
    return operand.space == program::Space::kInput ? inputs[offset].data() : outputs[offset].data();
  };
  for (PackedRegion& region : pack.regions) {
    EngineProgram& engine = region.program;
    for (size_t picture = 0; picture < MostPictures(engine); ++picture) {
      for (const MapPort& port : engine.inputs) {
        EncodeMap(port, at(port.operand), engine.buffer, picture);
      }
      for (const MapPort& port : engine.outputs) {
        DecodeMap(port, engine.buffer, at(port.operand), picture);
      }
    }
  }
}

}  // namespace bluestem::fpga
