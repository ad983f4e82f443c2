// The idx format of the MNIST family: two zero bytes, the element type (0x08: u8), the rank, one
// big-endian u32 an axis, and the elements in row-major order.
#pragma once

#include "bluestem/base/file.h"
#include "bluestem/tensor/tensor.h"

namespace bluestem::data {

// Returns the u8 tensor of an idx file, gzipped or not. Errors: kInvalidData "name: ..." for
// another element type, rank 0 or above 4, sizes that do not match the bytes, and more than 2^31
// elements.
Result<Tensor> ParseIdx(Bytes bytes, const std::string& name);

}  // namespace bluestem::data
