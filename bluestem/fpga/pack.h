// pack: the engine's part of a model as a file, which `convert --target fpga` writes once and every
// FPGA device takes: the board, the simulation, the functional model. Numbers are little endian:
//
//   pack    := "BLUESTEM ENGINE\n", u32 kPackVersion, u32 kEngineId, u32 kEngineVersion,
//              EngineConfig as 7 x u32, 64 hexadecimal digits (SHA-256 of IdentityOf the Program),
//              u32 count, region...
//   region  := u32 begin, u32 end, u32 list, u32s host_calls, u32s calls (of each descriptor;
//              2^32 - 1: none), u32 count, batch..., ports inputs, ports outputs, u32 size, the
//              buffer's bytes
//   batch   := u32 pictures, u32 list, u32s calls
//   port    := u32 space, u64 offset, u32 h, w, c, bits, planes, address, u32s addresses of a
//   batch's
//              other pictures, u32 kind, then kind 0: nothing; 1: windows, QConvParams as 22 x u32;
//              2: accumulators, u32 epilogue, u32 relu, u32 count, f32 a..., f32 b...
//   u32s, ports := u32 count, then so many
//
// Threads: free functions without state; an EnginePack is a value.
#pragma once

#include <cstddef>

#include "bluestem/base/file.h"
#include "bluestem/fpga/region.h"

namespace bluestem::fpga {

// To raise with the grammar, with a MapPort's meaning, and with how EncodeMap and DecodeMap lay
// out.
constexpr uint32_t kPackVersion = 3;

// Of a port's windows: the parameters but the residual, which is none of the window's.
constexpr size_t kWindowsBytes = offsetof(kernels::QConvParams, residual_bits);

constexpr const char* kConvertAgain = "convert the model again with --target fpga";

struct PackedRegion {
  size_t begin = 0, end = 0;  // calls of the Program
  EngineProgram program;
  bool Has(size_t call) const { return call >= begin && call < end; }
};

struct EnginePack {
  std::string place;                  // where it was read from, for messages
  std::string again = kConvertAgain;  // what to do about one that is no good, likewise
  EngineConfig config;                // that it was compiled for
  std::string digest;                 // of the Program: SHA-256 of IdentityOf
  std::vector<PackedRegion> regions;

  // Returns the region of calls [begin, end), or null.
  const EngineProgram* Find(size_t begin, size_t end) const;
  // Errors: kInvalidData where it was packed for another engine, naming both.
  Status CheckEngine(const EngineConfig& engine) const;
};

// Returns all that CompileRegion reads of a Program, as text and bytes that are the same on every
// machine.
std::string IdentityOf(const program::Program& program);

Bytes ToBytes(const EnginePack& pack);
// Reads what anybody may have written: `place` is for messages. Errors: kInvalidData for bytes that
// are no pack, are cut or have more behind them; for another version of the format or the engine,
// saying what to do, which is `again`.
Result<EnginePack> ParsePack(const Bytes& bytes, const std::string& place,
                             const std::string& again = kConvertAgain);

// Checks that what the regions read and write lies inside the Program's operands and their own
// buffers. Errors: kInvalidData naming the region.
Status CheckPack(const EnginePack& pack, const program::Program& program);

// Returns the pack for people: a line a port and a line a descriptor. Requires: CheckPack.
std::string ToText(const EnginePack& pack, const program::Program& program);

// Returns the descriptors of the list at byte `list` of the buffer up to kEnd; nothing where it
// leads out of the buffer or nowhere.
std::optional<std::vector<Command>> ListOf(const EngineProgram& program, uint32_t list);

// Returns "4 pixels x 32 outputs, 4 x 8192 words of maps, ...".
std::string ConfigText(const EngineConfig& config);

}  // namespace bluestem::fpga
