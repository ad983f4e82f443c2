// plan: a qconv call in the words of another library: plain weights, and each part a map of its
// own.
//
// Threads: free functions without state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bluestem/base/status.h"
#include "bluestem/kernels/qconv/qconv.h"
#include "bluestem/runtime/onednn/lines.h"

namespace bluestem::runtime {

// Returns the error that says why oneDNN does not take a call.
Status Refuse(const std::string& reason);

// Weights as the reference has them, [co, kh, kw, ci/groups], and each channel's sums.
struct PlainWeights {
  std::vector<int8_t> values;
  std::vector<SumRange> ranges;  // [co]
  int32_t greatest = 0;          // whatever its sign
};

// `packed`: as kernels/qconv/qconv.h has them.
PlainWeights Unpack(const kernels::QConvParams& p, const uint8_t* packed);

// A part as a map of its own that begins and ends with what the part reads.
struct Cut {
  kernels::QConvParams params;
  int64_t x_offset = 0, y_offset = 0;  // bytes
  int32_t pad_bottom = 0, pad_right = 0;
};

// Returns part `part` of `parts` of the call; ho or wo is 0 where the part has no outputs. Errors:
// kUnavailable for what can be no such map: padding by another code than 0, columns of a map of
// several rows.
Result<Cut> CutPart(const kernels::QConvParams& whole, int32_t part, int32_t parts);

}  // namespace bluestem::runtime
