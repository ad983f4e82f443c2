// row_parts: one call that moves elements, pools them or changes each by itself, on the threads of
// a session. A template over the function and its params, so that an artefact carries the families
// that it uses and no other.
//
// It is cut as convolutions are, in runs of rows, less to divide its own time than to leave each
// row with the core that made it: a line of another core's cache takes some 10 ns.
//
// Threads: as thread_pool.h. Memory: the caller's. Copied into artefacts: no dependency but libc.
#pragma once

#include <stdint.h>

#include "bluestem/edge/workers.h"
#include "bluestem/kernels/part_inl.h"

namespace bluestem::edge {

// Returns in how many parts a call on so many elements is worth cutting.
inline int32_t RowParts(int64_t elements, int32_t threads) {
  constexpr int64_t kElementsOfAPart = 4096;
  const int64_t parts = elements / kElementsOfAPart;
  return parts < 2 ? 1 : parts < threads ? static_cast<int32_t>(parts) : threads;
}

// Calls run(params, x, operands..., y), in parts where that pays. The operands are those of every
// row.
template <typename Run, typename Params, typename X, typename Y, typename... Operands>
void RunRows(const Workers& workers, Run run, const Params& params, X* x, Y* y,
             Operands... operands) {
  const int32_t parts = workers.pool == nullptr ? 1 : RowParts(Elements(params), workers.threads);
  if (parts == 1) return run(params, x, operands..., y);
  const Params* const whole = &params;
  RunInParts(workers.pool, parts, [=](int32_t part, int32_t) {
    Params own = *whole;
    const kernels::RowShift shift = TakeRows(part, parts, own);
    run(own, x + shift.x, operands..., y + shift.y);
  });
}

}  // namespace bluestem::edge
