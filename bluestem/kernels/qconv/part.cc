#include "bluestem/kernels/part_inl.h"
#include "bluestem/kernels/qconv/layout.h"
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

int32_t TakeOutputShape(int32_t part, int32_t parts, QConvParams& params) {
  const int32_t blocks = GroupBlocks(params);
  const int32_t block = PartBegin(blocks, part, parts);
  const int32_t end = PartBegin(blocks, part + 1, parts) * kQConvBlock;
  params.co = (end < params.co ? end : params.co) - block * kQConvBlock;
  return block;
}

bool TakeOutputs(int32_t part, int32_t parts, QConvParams& params, QConvArgs& args) {
  args.y_channels = params.co;
  const int32_t block = TakeOutputShape(part, parts, params);
  const int32_t begin = block * kQConvBlock;
  const int64_t element_bytes = params.epilogue == QConvEpilogue::kThreshold ? 1 : 4;
  args.weights += block * BlockBytes(params);
  if (args.thresholds != nullptr) args.thresholds += int64_t{begin} * (params.levels - 1);
  if (args.directions != nullptr) args.directions += begin;
  if (args.a != nullptr) args.a += begin;
  if (args.b != nullptr) args.b += begin;
  if (args.residual != nullptr) args.residual += begin;
  if (args.ratios != nullptr) args.ratios += begin;
  args.y = static_cast<uint8_t*>(args.y) + begin * element_bytes;
  return params.co > 0;
}

}  // namespace bluestem::kernels
