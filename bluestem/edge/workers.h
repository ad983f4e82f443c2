// workers: what a call needs to run on the threads of a session. A call is cut in parts where that
// pays; the outputs have the same bits whatever the threads.
//
// Threads: as thread_pool.h. Memory: the caller's. Copied into artefacts: no dependency but libc.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bluestem/edge/thread_pool.h"

namespace bluestem::edge {

// The threads of a session. `scratch` has room for `threads` times `scratch_bytes` (PartScratch).
struct Workers {
  ThreadPool* pool;  // null: the caller alone
  int32_t threads;
  uint8_t* scratch;  // 64-byte aligned
  size_t scratch_bytes;
};

// Calls run(part, worker) for each part in [0, parts), on the workers, which have a copy of `run`
// each: it should hold values, not references to the caller's stack. Requires: a pool.
template <typename Run>
void RunInParts(ThreadPool* pool, int32_t parts, const Run& run) {
  static_assert(sizeof(Run) <= kMaxJobBytes && __is_trivially_copyable(Run));
  RunParts(
      pool, parts,
      [](const void* job, int32_t part, int32_t worker) {
        (*static_cast<const Run*>(job))(part, worker);
      },
      &run, sizeof(run));
}

}  // namespace bluestem::edge
