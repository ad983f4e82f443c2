// Copies that other lowerings need around their kernels.
#pragma once

#include "bluestem/kernels/rearrange/rearrange.h"
#include "bluestem/tensor/tensor.h"

namespace bluestem::lower {

// Returns the copy that writes a dense tensor of `shape` with its axes permuted, densely.
kernels::CopyParams TransposeCopy(DType dtype, const Shape& shape,
                                  const std::vector<int64_t>& perm);

}  // namespace bluestem::lower
