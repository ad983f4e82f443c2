// memory_plan: which call writes which bytes of the arena, and until when they are read. For
// people: nothing is allocated by it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bluestem/program/program.h"

namespace bluestem::codegen {

struct ArenaRow {
  int64_t offset = 0;
  int64_t bytes = 0;
  size_t first_call = 0;
  size_t last_call = 0;  // the last that reads it
  std::string what;      // the node
};

// Returns the rows in the order of calls.
std::vector<ArenaRow> MemoryPlan(const program::Program& program);

}  // namespace bluestem::codegen
