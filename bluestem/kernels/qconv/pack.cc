#include <cstring>

#include "bluestem/kernels/qconv/layout.h"

namespace bluestem::kernels {

// Bit i: weight i is not negative.
static uint8_t PositiveBits(const int8_t* weights) {
  uint64_t bits = 0;
  for (int32_t i = 0; i < 8; ++i) bits |= uint64_t{weights[i] > 0} << (8 * i);
  return static_cast<uint8_t>(bits * 0x0102040810204080U >> 56);  // byte i to bit i
}

size_t QConvPackedBytes(const QConvParams& params) {
  return static_cast<size_t>(params.groups * GroupBlocks(params) * BlockBytes(params));
}

void QConvPackWeights(const QConvParams& p, const int8_t* w, uint8_t* packed) {
  std::memset(packed, 0, QConvPackedBytes(p));
  const int32_t cig = GroupInputs(p);
  const int32_t bytes = PacksS1(p) && !Gathers(p) ? cig / 8 : 0;  // that are whole
  const int32_t cog = GroupOutputs(p);
  for (int32_t co = 0; co < p.co; ++co) {
    const int64_t block = int64_t{co / cog} * GroupBlocks(p) + co % cog / kQConvBlock;
    const int32_t lane = co % cog % kQConvBlock;
    uint8_t* to = packed + block * BlockBytes(p);
    for (int32_t tap = 0; tap < Taps(p); ++tap) {
      uint8_t* whole = to + PlaceOf(p, tap, 0, lane).byte;
      for (int32_t i = 0; i < bytes; ++i, w += 8) whole[i * kQConvBlock] = PositiveBits(w);
      for (int32_t ci = bytes * 8; ci < cig; ++ci) {
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
