// rearrange: elements move, values do not change. Everything that is a strided copy is one kernel.
#pragma once

#include <cstdint>

#include "bluestem/kernels/part_inl.h"

namespace bluestem::kernels {

// Copies a block of up to 6 axes: y[sum i_k * y_stride[k]] = x[sum i_k * x_stride[k]], strides in
// elements; `element_bytes` 1, 4 or 8. Transpose, concat, slice, space-to-depth, depth-to-space and
// nearest resize (a stride of 0) are all this.
struct CopyParams {
  int32_t element_bytes;
  int32_t rank;
  int32_t extent[6];
  int64_t x_stride[6];
  int64_t y_stride[6];
  int64_t x_offset, y_offset;  // elements
};
void strided_copy(const CopyParams& params, const void* x, void* y);

// Returns how many elements are copied.
int64_t Elements(const CopyParams& params);
// Makes a whole copy part `part` of `parts`: of a run of its outermost axis. The parts together
// copy exactly what the whole copies, in any order or at the same time; one of them may copy
// nothing. Requires: an axis is longer than 1; 0 <= part < parts.
RowShift TakeRows(int32_t part, int32_t parts, CopyParams& params);

// Fills `count` elements with the pattern of one element.
void fill(int32_t element_bytes, int64_t count, const void* value, void* y);

}  // namespace bluestem::kernels
