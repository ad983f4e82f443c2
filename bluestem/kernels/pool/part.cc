#include "bluestem/kernels/pool/pool.h"

namespace bluestem::kernels {

int64_t Elements(const PoolParams& params) {
  return int64_t{params.ho} * params.wo * params.c * params.kernel_h * params.kernel_w;
}

RowShift TakeRows(int32_t part, int32_t parts, PoolParams& params) {
  const PartShift shift = TakeShape(part, parts, params);
  return {shift.x_pixels * params.c, shift.y_pixels * params.c};
}

}  // namespace bluestem::kernels
