#include <cstring>

#include "bluestem/kernels/qconv/layout.h"

namespace bluestem::kernels {

namespace {

// Bit i: weight i is positive.
uint8_t PositiveBits(const int8_t* weights) {
  uint64_t bits = 0;
  for (int32_t i = 0; i < 8; ++i) bits |= uint64_t{weights[i] > 0} << (8 * i);
  return static_cast<uint8_t>(bits * 0x0102040810204080U >> 56);  // byte i to bit i
}

}  // namespace

size_t QConvPackedBytes(const QConvParams& params) {
  return static_cast<size_t>(params.groups * GroupBlocks(params) * BlockBytes(params));
}

void QConvPackWeights(const QConvParams& p, const int8_t* w, uint8_t* packed) {
  std::memset(packed, 0, QConvPackedBytes(p));
  const int32_t cig = GroupInputs(p);
  const bool s1 = PacksS1(p);
  const int32_t whole_steps = Gathers(p) ? 0 : cig / (s1 ? 8 : 4);
  const int32_t cog = GroupOutputs(p);
  for (int32_t co = 0; co < p.co; ++co) {
    const int64_t block = int64_t{co / cog} * GroupBlocks(p) + co % cog / kQConvBlock;
    const int32_t lane = co % cog % kQConvBlock;
    uint8_t* to = packed + block * BlockBytes(p);
    for (int32_t tap = 0; tap < Taps(p); ++tap) {
      uint8_t* step = to + PlaceOf(p, tap, 0, lane).byte;
      for (int32_t i = 0; s1 && i < whole_steps; ++i, w += 8, step += kQConvBlock)
        *step = PositiveBits(w);
      for (int32_t i = 0; !s1 && i < whole_steps; ++i, w += 4, step += kQConvBlock * 4)
        std::memcpy(step, w, 4);
      for (int32_t ci = whole_steps * (s1 ? 8 : 4); ci < cig; ++ci) {
        const int8_t weight = *w++;
        const PackedPlace place = PlaceOf(p, tap, ci, lane);
        if (!s1) {
          to[place.byte] = static_cast<uint8_t>(weight);
        } else if (weight > 0) {
          to[place.byte] |= static_cast<uint8_t>(1u << place.bit);
        }
      }
    }
  }
}

namespace {

// The most steps, at most `most`, over which the sums of a lane's pairs of weights stay within the
// limits wherever they begin. `weights`: of the first step; kQConvBlock * 4 bytes from step to
// step.
int32_t StepsWithin(const uint8_t* weights, int32_t steps, int32_t code, int32_t most) {
  constexpr int64_t kStep = int64_t{kQConvBlock} * 4;
  const auto add = [&](int32_t step, int32_t sign, int32_t* sums) {
    for (int32_t i = 0; i < 2; ++i) {
      const int32_t w = static_cast<int8_t>(weights[step * kStep + i]);
      sums[w < 0] += sign * (w < 0 ? -w : w) * code;
    }
  };
  int32_t sums[2] = {};  // of steps [begin, end]: above 0 and below
  for (int32_t begin = 0, end = 0; end < steps; ++end) {
    add(end, 1, sums);
    for (; sums[0] > 32767 || sums[1] > 32768; ++begin) {
      add(begin, -1, sums);
      if (most > end - begin) most = end - begin;
    }
  }
  return most;
}

}  // namespace

int32_t QConvNarrowSteps(const QConvParams& p, const uint8_t* packed) {
  if (PacksS1(p)) return 0;
  const int32_t steps = PackedTaps(p) * CeilDiv(PackedInputs(p), 4);
  int32_t most = steps;
  for (int32_t block = 0; block < p.groups * GroupBlocks(p); ++block) {
    for (int32_t pair = 0; pair < kQConvBlock * 2; ++pair) {
      const uint8_t* weights = packed + block * BlockBytes(p) + int64_t{pair} * 2;
      most = StepsWithin(weights, steps, (1 << p.x_bits) - 1, most);
    }
  }
  return most;
}

}  // namespace bluestem::kernels
