// The memory plan: buffers with a lifetime in calls get offsets in one arena, so that no two that
// live at the same time overlap.
//
// Best fit by size, largest first: each buffer takes the tightest gap among the placed ones it
// meets in time. Near optimal on chains, and never worse than one buffer after the other.
//
// Where the arena stays as small, buffers that follow each other in the same bytes are placed so
// that their halves coincide: two threads write a half each (edge/conv_parts.h), and a line of the
// other core's cache takes longer to write to than to compute.
#pragma once

#include <cstdint>
#include <vector>

namespace bluestem::lower {

struct Lifetime {
  int64_t bytes = 0;
  int32_t first = 0;  // index of the call that writes it
  int32_t last = 0;   // index of the last call that reads it, inclusive
};

struct MemoryPlan {
  std::vector<int64_t> offsets;  // one a lifetime, multiples of the alignment
  int64_t arena_bytes = 0;
};

MemoryPlan PlanMemory(const std::vector<Lifetime>& lifetimes, int64_t alignment);

}  // namespace bluestem::lower
