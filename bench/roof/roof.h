// How fast the innermost step of each x86 convolution kernel can run at most: what its arithmetic
// allows with every operand in a register, and what is left where operands come from a cache. A
// model of each loop, of the same instructions in the same proportion and of as many pixels,
// without borders, tables, widening or thresholds.
#pragma once

#include <cstdint>

namespace bluestem::bench {

// Where a step's operands are: all in registers; weights and codes (or tables) in the first level
// of the cache, as in the kernels; codes there and weights in the second.
enum class Operands { kRegisters, kFirstLevel, kSecondLevel };
inline constexpr Operands kAllOperands[] = {Operands::kRegisters, Operands::kFirstLevel,
                                            Operands::kSecondLevel};

// Buffers of a loop's operands. The weights are more than a first level holds.
constexpr int64_t kWeightBytes = int64_t{1} << 19;
constexpr int64_t kCodeBytes = int64_t{1} << 13;
constexpr int kRoofSteps = 4;  // a pass of a loop, but of tiles' one

struct Roof {
  const char* kernels[2];  // symbols of the rows whose step it is
  const char* step;        // "vpshufb + vpaddb, 128 MACs"
  double macs;             // of a pass
  // Runs so many passes. Requires: kWeightBytes and kCodeBytes, 64-byte aligned.
  void (*run)(Operands operands, int64_t passes, const uint8_t* weights, const uint8_t* codes);
};

// Of one instruction set each.
extern const Roof kSse4Roofs[3], kAvx2Roofs[4], kAvx512Roofs[4], kAvx512VnniRoofs[1],
    kAvx512VbmiRoofs[1], kAmxRoofs[1];

// No kernel's: f32 multiply-adds that are rounded once, for a CPU's f32 peak. kAvx2Fused needs FMA.
extern const Roof kAvx2Fused, kAvx512Fused;

// Returns the roof of the kernel of that symbol, or nullptr. Requires, to run it: the CPU runs the
// kernel.
const Roof* RoofOf(const char* symbol);

}  // namespace bluestem::bench
