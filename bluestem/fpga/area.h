// area: what an engine takes of an FPGA (builds.h says it of each), and what there is on the parts
// that boards carry.
//
// Threads: constants and free functions without state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bluestem/base/status.h"

namespace bluestem::fpga {

struct EngineArea {
  int64_t alms = 0;
  int64_t m10k = 0;
  int64_t dsp = 0;
  const char* source = "";  // how the figures were found
};

struct Part {
  const char* name;   // as its ordering code begins
  const char* board;  // that carries it, or what it is
  int64_t alms;
  int64_t memories;
  const char* memory;  // "M10K", or "M20K", of which one holds at least what an M10K does
  int64_t dsp;
  bool Fits(const EngineArea& area) const {
    return area.alms <= alms && area.m10k <= memories && area.dsp <= dsp;
  }
};

const std::vector<Part>& Parts();

// Returns the part that `name` is, or whose ordering code it is (5CSEBA6U23I7). Errors:
// kInvalidArgument naming those there are.
Result<Part> FindPart(const std::string& name);

}  // namespace bluestem::fpga
