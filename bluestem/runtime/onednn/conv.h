// conv: a convolution of codes by oneDNN's int8, where it gives the bits of the reference. Its sums
// are exact (below); its codes are the rounding of a line (lines.h), so thresholds must lie on one.
//
// Threads: any; what is made belongs to one session.
#pragma once

#include <cstdint>
#include <memory>

#include "bluestem/base/status.h"
#include "bluestem/runtime/prepared_conv.h"

namespace bluestem::runtime {

// What a call has as constants; read while it is prepared.
struct ConvConstants {
  const uint8_t* weights;     // packed
  const int32_t* thresholds;  // [co][levels-1], for kThreshold
  const int8_t* directions;   // [co], for kThreshold
};

// Returns "oneDNN, up to avx512_core_amx", or why there is none here: not built with it, not
// installed.
std::string OnednnText();

// Prepares the call for `threads` workers, each of which does its part alone. Errors: kUnavailable
// saying why oneDNN does not take it: it is not here or would use an instruction set that is not
// among `isas`; thresholds that are no line; real results; a residual; padding by another code than
// 0; without VNNI, products whose sums in pairs may not fit 16 bits; a shape that it has no int8
// kernel for.
Result<std::unique_ptr<PreparedConv>> PrepareOnednnConv(const kernels::QConvParams& params,
                                                        const ConvConstants& constants,
                                                        kernels::IsaSet isas, int32_t threads);

}  // namespace bluestem::runtime
