// qconv's epilogue on the accumulators of one pixel and the outputs of (a part of) a block, while
// they are at hand. Included by ISA files, whose flags vectorize the loops; every function has
// internal linkage.
//
// Both directions of a threshold are one comparison: with m = 0 for rising and -1 for falling,
//   acc <= t  <=>  ~acc >= ~t,   so   #{k : (acc ^ m) >= (t[k] ^ m)}   is right for both,
// and for every s32, since ~ has no overflow.
#pragma once

#include <cstring>

#include "bluestem/kernels/qconv/band.h"

namespace bluestem::kernels {

// The rearranged thresholds: row 0 is m, row k is t[k-1] ^ m, [levels][blocks * 32].
static inline void RearrangeThresholds(const QConvParams& p, const QConvArgs& args, int32_t* rows) {
  const int32_t cog = GroupOutputs(p);
  const int64_t row_length = int64_t{p.groups} * GroupBlocks(p) * kQConvBlock;
  std::memset(rows, 0, static_cast<size_t>(row_length * p.levels) * sizeof(int32_t));
  for (int32_t co = 0; co < p.co; ++co) {
    const int64_t lane = int64_t{co / cog} * GroupBlocks(p) * kQConvBlock + co % cog;
    const int32_t m = args.directions[co] > 0 ? 0 : -1;
    rows[lane] = m;
    const int32_t* t = args.thresholds + int64_t{co} * (p.levels - 1);
    for (int32_t k = 1; k < p.levels; ++k) rows[k * row_length + lane] = t[k - 1] ^ m;
  }
}

// Where the accumulators of a block, or of a part of it, go.
struct EpilogueBlock {
  const int32_t* thresholds;  // rearranged, at the first lane; null if not rearranged
  int64_t row_length;         // of the rearranged thresholds
  int32_t co;                 // the first output
  int32_t count;              // of outputs that exist, at most kLanes
};

template <int kLanes>
static inline void ThresholdRearranged(const QConvParams& p, const EpilogueBlock& block,
                                       const int32_t* acc, uint8_t* y) {
  int32_t v[kLanes];
  int32_t code[kLanes] = {};
  uint8_t bytes[kLanes];
  for (int32_t i = 0; i < kLanes; ++i) v[i] = acc[i] ^ block.thresholds[i];
  for (int32_t k = 1; k < p.levels; ++k) {
    const int32_t* t = block.thresholds + k * block.row_length;
    for (int32_t i = 0; i < kLanes; ++i) code[i] += v[i] >= t[i];
  }
  for (int32_t i = 0; i < kLanes; ++i) bytes[i] = static_cast<uint8_t>(code[i]);
  if (block.count == kLanes) {
    std::memcpy(y, bytes, kLanes);
  } else {
    std::memcpy(y, bytes, static_cast<size_t>(block.count));
  }
}

static inline void ThresholdDirect(const QConvParams& p, const QConvArgs& args,
                                   const EpilogueBlock& block, const int32_t* acc, uint8_t* y) {
  for (int32_t i = 0; i < block.count; ++i) {
    const int32_t* t = args.thresholds + int64_t{block.co + i} * (p.levels - 1);
    const int32_t m = args.directions[block.co + i] > 0 ? 0 : -1;
    const int32_t v = acc[i] ^ m;
    int32_t code = 0;
    for (int32_t k = 0; k < p.levels - 1; ++k) code += v >= (t[k] ^ m);
    y[i] = static_cast<uint8_t>(code);
  }
}

static inline void Affine(const QConvParams& p, const QConvArgs& args, const EpilogueBlock& block,
                          const int32_t* acc, float* y) {
  const float* a = args.a + block.co;
  const float* b = args.b + block.co;
  const bool relu = p.relu != 0;
  for (int32_t i = 0; i < block.count; ++i) {
    const float product = static_cast<float>(acc[i]) * a[i];
    const float v = product + b[i];
    y[i] = relu && v < 0 ? 0.0f : v;
  }
}

// Finishes `acc` [kLanes] for output pixel `pixel` (of ho * wo).
template <int kLanes>
static inline void FinishBlock(const QConvParams& p, const QConvArgs& args,
                               const EpilogueBlock& block, const int32_t* acc, int64_t pixel) {
  const int64_t at = pixel * p.co + block.co;
  if (p.epilogue == QConvEpilogue::kThreshold) {
    uint8_t* y = static_cast<uint8_t*>(args.y) + at;
    if (block.thresholds != nullptr) {
      ThresholdRearranged<kLanes>(p, block, acc, y);
    } else {
      ThresholdDirect(p, args, block, acc, y);
    }
  } else if (p.epilogue == QConvEpilogue::kAffine) {
    Affine(p, args, block, acc, static_cast<float*>(args.y) + at);
  } else {
    std::memcpy(static_cast<int32_t*>(args.y) + at, acc,
                static_cast<size_t>(block.count) * sizeof(int32_t));
  }
}

}  // namespace bluestem::kernels
