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
  const int64_t steps = CeilDiv(cig, PacksS1(p) ? 8 : 4);
  for (int32_t co = 0; co < p.co; ++co) {
    const int64_t block = int64_t{co / cog} * GroupBlocks(p) + co % cog / kQConvBlock;
    const int32_t lane = co % cog % kQConvBlock;
    uint8_t* to = packed + block * BlockBytes(p);
    for (int32_t tap = 0; tap < Taps(p); ++tap) {
      for (int32_t ci = 0; ci < cig; ++ci) {
        const int8_t weight = *w++;
        if (PacksS1(p)) {
          if (weight > 0) {
            const uint8_t bit = static_cast<uint8_t>(1u << (ci % 8));
            to[(tap * steps + ci / 8) * kQConvBlock + lane] |= bit;
          }
        } else {
          to[((tap * steps + ci / 4) * kQConvBlock + lane) * 4 + ci % 4] =
              static_cast<uint8_t>(weight);
        }
      }
    }
  }
}

}  // namespace bluestem::kernels
