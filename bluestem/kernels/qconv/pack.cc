#include <cstring>

#include "bluestem/kernels/qconv/layout.h"

namespace bluestem::kernels {

size_t QConvPackedBytes(const QConvParams& params) {
  return static_cast<size_t>(params.groups * GroupBlocks(params) * BlockBytes(params));
}

void QConvPackWeights(const QConvParams& p, const int8_t* w, uint8_t* packed) {
  std::memset(packed, 0, QConvPackedBytes(p));
  const int32_t cig = GroupInputs(p);
  const int32_t cog = GroupOutputs(p);
  for (int32_t co = 0; co < p.co; ++co) {
    const int64_t block = int64_t{co / cog} * GroupBlocks(p) + co % cog / kQConvBlock;
    const int32_t lane = co % cog % kQConvBlock;
    uint8_t* to = packed + block * BlockBytes(p);
    for (int32_t tap = 0; tap < Taps(p); ++tap) {
      for (int32_t ci = 0; ci < cig; ++ci) {
        const int8_t weight = *w++;
        const PackedPlace place = PlaceOf(p, tap, ci, lane);
        if (!PacksS1(p)) {
          to[place.byte] = static_cast<uint8_t>(weight);
        } else if (weight > 0) {
          to[place.byte] |= static_cast<uint8_t>(1u << place.bit);
        }
      }
    }
  }
}

}  // namespace bluestem::kernels
