// rehearsal: a prepared convolution and a table's row run the same codes, and the faster one gets
// the call; then the program runs both ways. Their bits are equal, so what a busy machine misjudges
// costs time and nothing else.
//
// Threads: any.
#pragma once

#include <optional>
#include <vector>

#include "bluestem/runtime/device.h"
#include "bluestem/runtime/execute.h"
#include "bluestem/runtime/onednn/conv.h"

namespace bluestem::runtime {

// Calls of fewer multiply-accumulates are not worth preparing: a row takes microseconds.
constexpr int64_t kLeastPreparedMacs = int64_t{1} << 18;

// What was found is remembered as long as the process runs, by what a call computes, its row and
// the number of threads. Returns it; none for a call that was not rehearsed.
std::optional<bool> RememberedFaster(const kernels::QConvParams& params,
                                     const kernels::QConvKernel& row, int32_t threads);

// Returns true if `prepared` gives the bits that `row` gives, and is faster; remembers it.
// Requires: the workers have scratch for both.
bool PreparedIsFaster(const kernels::QConvParams& params, const ConvConstants& constants,
                      const kernels::QConvKernel& row, PreparedConv& prepared,
                      const edge::Workers& workers);

// Returns true if the calls of `regions` take less time with `mixed` than with `rows` (a kernel for
// each call of the program), one after the other in memory of their own: what a convolution leaves
// in the caches and the tile unit is the next one's. Requires: the workers have scratch for both.
bool MixIsFaster(const program::Program& program, const std::vector<Region>& regions,
                 const std::vector<Kernel>& mixed, const std::vector<Kernel>& rows,
                 const edge::Workers& workers);

}  // namespace bluestem::runtime
