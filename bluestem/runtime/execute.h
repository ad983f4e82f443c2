// execute: one call of a Program on given memory. The interpreter's counterpart of one line of
// generated code; it decides nothing.
//
// Threads: free functions without state. Ownership: none; the pointers outlive the call.
#pragma once

#include <variant>
#include <vector>

#include "bluestem/edge/conv_parts.h"
#include "bluestem/edge/row_parts.h"
#include "bluestem/program/program.h"
#include "bluestem/runtime/prepared_conv.h"

namespace bluestem::runtime {

// Where a Program's spaces lie in this process. Arena and constants are 64-byte aligned.
struct Spaces {
  uint8_t* arena = nullptr;
  const uint8_t* constants = nullptr;
  std::vector<const uint8_t*> inputs;
  std::vector<uint8_t*> outputs;
};

// Returns where `operand` lies; null for an absent one.
const uint8_t* ReadAddress(const program::Operand& operand, const Spaces& spaces);
uint8_t* WriteAddress(const program::Operand& operand, const Spaces& spaces);

// What a call runs: a table's row where the family has one, or what was prepared for it instead.
using Kernel = std::variant<std::monostate, const kernels::QConvKernel*,
                            const kernels::FConvKernel*, PreparedConv*>;

// Returns the row for `call` among `isas`.
Kernel SelectKernel(const program::Call& call, kernels::IsaSet isas);

// Returns the larger of `most` and the scratch that one of `threads` threads needs for its part.
size_t PartScratch(const program::Call& call, const Kernel& kernel, int32_t threads, size_t most);

// Returns the symbol that runs ("qconv_u2s1_lut32__avx2", "maxpool_u8").
const char* KernelSymbol(const program::Call& call, const Kernel& kernel);

// Runs `call`. Requires: program::Verify accepted the Program; `kernel` is SelectKernel's, or was
// prepared for this call.
void Execute(const program::Call& call, const Kernel& kernel, const Spaces& spaces,
             const edge::Workers& workers);

}  // namespace bluestem::runtime
