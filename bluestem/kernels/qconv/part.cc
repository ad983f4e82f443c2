#include "bluestem/kernels/part_inl.h"
#include "bluestem/kernels/qconv/qconv.h"

namespace bluestem::kernels {

bool TakePart(int32_t part, int32_t parts, QConvParams& params, QConvArgs& args) {
  const PartShift shift = TakeShape(part, parts, params);
  const int64_t element_bytes = params.epilogue == QConvEpilogue::kThreshold ? 1 : 4;
  args.x += shift.x_pixels * params.ci;
  if (args.residual != nullptr) args.residual += shift.y_pixels * params.co;
  args.y = static_cast<uint8_t*>(args.y) + shift.y_pixels * params.co * element_bytes;
  return params.ho > 0 && params.wo > 0;
}

}  // namespace bluestem::kernels
