// Arithmetic of qconv's packed weights, shared by packing and by every kernel. The layouts are
// defined in qconv.h. Included by ISA files: every function has internal linkage.
#pragma once

#include "bluestem/kernels/qconv/qconv.h"

namespace bluestem::kernels {

constexpr int32_t kQConvBlock = 32;  // outputs of a block of packed weights

static constexpr int32_t CeilDiv(int32_t n, int32_t d) {
  return (n + d - 1) / d;
}

// So few channels (a picture) would leave most of a step to padding.
constexpr int32_t kFewChannels = 4;

// Codes of up to this many bits make sums of 4 that fit a byte: a look-up table's entry.
constexpr int32_t kLookedUpBits = 4;

// True if weights are packed s1 (one bit each), false if s8: those that look-ups do not pay for.
static constexpr bool PacksS1(const QConvParams& p) {
  return p.w_bits == 1 && p.x_bits <= kLookedUpBits && p.groups == 1 && p.ci > kFewChannels;
}
static constexpr int32_t GroupInputs(const QConvParams& p) {
  return p.ci / p.groups;
}
static constexpr int32_t GroupOutputs(const QConvParams& p) {
  return p.co / p.groups;
}
static constexpr int32_t Taps(const QConvParams& p) {
  return p.kernel_h * p.kernel_w;
}

// True if the channels of all taps are packed as those of one, and kernels gather the codes under
// the kernel as those of one pixel.
static constexpr bool Gathers(const QConvParams& p) {
  return p.groups == 1 && p.ci <= kFewChannels && Taps(p) > 1;
}
static constexpr int32_t PackedTaps(const QConvParams& p) {
  return Gathers(p) ? 1 : Taps(p);
}
static constexpr int32_t PackedInputs(const QConvParams& p) {
  return Gathers(p) ? Taps(p) * p.ci : GroupInputs(p);
}

// From a pixel of y, and of the residual, to the next.
static inline int32_t PixelOutputs(const QConvParams& p, const QConvArgs& args) {
  return args.y_channels == 0 ? p.co : args.y_channels;
}

// Blocks of outputs of one group.
static constexpr int32_t GroupBlocks(const QConvParams& p) {
  return CeilDiv(GroupOutputs(p), kQConvBlock);
}

// Bytes of one block: s1 [taps][ceil(inputs/8)][32], s8 [taps][ceil(inputs/4)][32][4].
static constexpr int64_t BlockBytes(const QConvParams& p) {
  const int64_t steps = PacksS1(p) ? CeilDiv(PackedInputs(p), 8) : CeilDiv(PackedInputs(p), 4) * 4;
  return PackedTaps(p) * steps * kQConvBlock;
}

// True if sums of codes shifted to -128..127, times weights, fit 16 bits with a value to spare on
// either side: few inputs of few bits of weights (a picture's first convolution).
static constexpr bool ShiftedSumsFit16(const QConvParams& p) {
  const int64_t terms = int64_t{PackedTaps(p)} * PackedInputs(p);
  return terms << (p.w_bits == 1 ? 7 : p.w_bits + 6) <= 32766;
}

// The greatest sum, whatever its sign, that codes and weights of their bits make.
static constexpr int64_t GreatestSum(const QConvParams& p) {
  return int64_t{Taps(p)} * GroupInputs(p) * ((1 << p.x_bits) - 1)
         << (p.w_bits == 1 ? 0 : p.w_bits - 1);
}

// The most that a residual adds to a sum, whatever its sign.
static inline int64_t GreatestResidual(const QConvParams& p, const QConvArgs& args) {
  int64_t most = 0;
  for (int32_t co = 0; p.residual_bits != 0 && co < p.co; ++co) {
    const int64_t ratio = args.ratios[co];
    if (ratio > most) most = ratio;
    if (-ratio > most) most = -ratio;
  }
  return most * ((1 << p.residual_bits) - 1);
}

// The greatest value that thresholds are compared with, whatever its sign.
static inline int64_t GreatestValue(const QConvParams& p, const QConvArgs& args) {
  return GreatestSum(p) + GreatestResidual(p, args);
}

// Where the weight of channel `ci` of the group at `tap` is, in [tap][channel step][lane] of one
// block: a byte, and in it a bit if packed s1.
struct PackedPlace {
  int64_t byte;
  int32_t bit;
};
static inline PackedPlace PlaceOf(const QConvParams& p, int32_t tap, int32_t ci, int32_t lane) {
  if (Gathers(p)) {
    ci += tap * p.ci;
    tap = 0;
  }
  const int32_t step_channels = PacksS1(p) ? 8 : 4;
  const int64_t step = int64_t{tap} * CeilDiv(PackedInputs(p), step_channels) + ci / step_channels;
  const int64_t at = step * kQConvBlock + lane;
  return PacksS1(p) ? PackedPlace{at, ci % 8} : PackedPlace{at * 4 + ci % 4, 0};
}

// How many sums of two products of a code and a weight fit 16 bits. A weight of one bit is -1 or
// +1.
static constexpr int32_t NarrowDotLimit(const QConvParams& p) {
  return 32767 / ((2 << (p.w_bits - 1)) * ((1 << p.x_bits) - 1));
}

// How many steps' sums of two products fit 16 bits: by the weights themselves where they are known.
static constexpr int32_t NarrowSteps(const QConvParams& p) {
  return p.narrow_steps > NarrowDotLimit(p) ? p.narrow_steps : NarrowDotLimit(p);
}

static inline int32_t PackedWeight(const QConvParams& p, const uint8_t* block, int32_t tap,
                                   int32_t ci, int32_t lane) {
  const PackedPlace place = PlaceOf(p, tap, ci, lane);
  if (PacksS1(p)) return ((block[place.byte] >> place.bit) & 1) * 2 - 1;
  return static_cast<int8_t>(block[place.byte]);
}

}  // namespace bluestem::kernels
