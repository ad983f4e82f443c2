// Arithmetic of qconv's packed weights, shared by packing and by every kernel. The layouts are
// defined in qconv.h. Included by ISA files: every function has internal linkage.
#pragma once

#include "bluestem/kernels/qconv/qconv.h"

namespace bluestem::kernels {

constexpr int32_t kQConvBlock = 32;  // outputs of a block of packed weights

static constexpr int32_t CeilDiv(int32_t n, int32_t d) {
  return (n + d - 1) / d;
}

// True if weights are packed s1 (one bit each), false if s8. Few channels of many bits (a picture)
// are no work for look-up tables: most of a table would be padding, and each code needs two.
static constexpr bool PacksS1(const QConvParams& p) {
  return p.w_bits == 1 && p.groups == 1 && !(p.ci <= 4 && p.x_bits > 4);
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

// Blocks of outputs of one group.
static constexpr int32_t GroupBlocks(const QConvParams& p) {
  return CeilDiv(GroupOutputs(p), kQConvBlock);
}

// Bytes of one block: s1 [taps][ceil(cig/8)][32], s8 [taps][ceil(cig/4)][32][4].
static constexpr int64_t BlockBytes(const QConvParams& p) {
  const int64_t steps = PacksS1(p) ? CeilDiv(GroupInputs(p), 8) : CeilDiv(GroupInputs(p), 4) * 4;
  return int64_t{Taps(p)} * steps * kQConvBlock;
}

// How many sums of two products of a code and a weight fit 16 bits. A weight of one bit is -1 or
// +1.
static constexpr int32_t NarrowDotLimit(const QConvParams& p) {
  return 32767 / ((2 << (p.w_bits - 1)) * ((1 << p.x_bits) - 1));
}

// The packed weight of channel `ci` of the group, in [tap][channel step][lane] of one block.
static inline int32_t PackedWeight(const QConvParams& p, const uint8_t* block, int32_t tap,
                                   int32_t ci, int32_t lane) {
  if (PacksS1(p)) {
    const int64_t step = int64_t{tap} * CeilDiv(GroupInputs(p), 8) + ci / 8;
    return ((block[step * kQConvBlock + lane] >> (ci % 8)) & 1) * 2 - 1;
  }
  const int64_t step = int64_t{tap} * CeilDiv(GroupInputs(p), 4) + ci / 4;
  return static_cast<int8_t>(block[(step * kQConvBlock + lane) * 4 + ci % 4]);
}

}  // namespace bluestem::kernels
