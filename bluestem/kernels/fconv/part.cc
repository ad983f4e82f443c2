#include "bluestem/kernels/fconv/fconv.h"
#include "bluestem/kernels/part_inl.h"

namespace bluestem::kernels {

bool TakePart(int32_t part, int32_t parts, FConvParams& params, FConvArgs& args) {
  const PartShift shift = TakeShape(part, parts, params);
  args.x += shift.x_pixels * params.ci;
  args.y += shift.y_pixels * params.co;
  return params.ho > 0 && params.wo > 0;
}

}  // namespace bluestem::kernels
