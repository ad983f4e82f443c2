#include "bluestem/kernels/rearrange/rearrange.h"

namespace bluestem::kernels {

int64_t Elements(const CopyParams& params) {
  int64_t count = 1;
  for (int32_t k = 0; k < params.rank; ++k) count *= params.extent[k];
  return count;
}

RowShift TakeRows(int32_t part, int32_t parts, CopyParams& params) {
  int32_t axis = 0;
  while (axis + 1 < params.rank && params.extent[axis] == 1) ++axis;
  const int32_t begin = PartBegin(params.extent[axis], part, parts);
  params.x_offset += begin * params.x_stride[axis];
  params.y_offset += begin * params.y_stride[axis];
  params.extent[axis] = PartBegin(params.extent[axis], part + 1, parts) - begin;
  return {0, 0};
}

}  // namespace bluestem::kernels
