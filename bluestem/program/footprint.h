// Footprint: how many bytes each operand of a call reads or writes. What Verify and memory reports
// need to know of the kernels.
#pragma once

#include <vector>

#include "bluestem/program/program.h"

namespace bluestem::program {

struct Footprint {
  std::vector<int64_t> input_bytes;  // one an operand of Call::inputs
  int64_t output_bytes = 0;          // from the operand's start to the last byte written
  int64_t alignment = 1;             // of inputs and output: the element size
};

Footprint FootprintOf(const Call& call);

// Returns the bytes that the call reads and writes, weights and tables among them.
int64_t MovedBytes(const Call& call);

// Returns the family a call's params belong to: "qconv", "fconv", "maxpool", ...
const char* FamilyName(const CallParams& params);

}  // namespace bluestem::program
