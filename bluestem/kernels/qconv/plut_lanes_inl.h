// The inner loop of plut: looks up the entries of one tap and a chunk of tables for many outputs,
// and adds them to sums in memory. Template over V, see plut_inl.h; every function has internal
// linkage.
#pragma once

#include "bluestem/kernels/qconv/plut.h"

namespace bluestem::kernels {

// Where the sums of one tile and tap go.
struct PlutPlace {
  uint16_t* rows[8];  // of the first lane: each 16 pixels of the tile, or 8 if rows are of 8
  int64_t lane_sums;  // from lane to lane
};

// The weights of a tap and the groups at hand: `lanes` outputs in blocks of 32.
struct PlutWeights {
  const uint8_t* block;
  int64_t block_bytes;
  int32_t lanes;
};

// Adds the entries of G groups, for one tap.
template <class V, int G, bool kQuarters>
static void PlutLanes(const uint8_t* tables, const PlutWeights& weights, const PlutPlace& place) {
  constexpr int32_t kPixels = kPlutVector * V::kSize.vectors;
  constexpr int kParts = kQuarters ? 4 : 2;  // of a vector
  constexpr int kRows = kParts * V::kSize.vectors;
  const uint8_t* table[G];
#pragma GCC unroll 8
  for (int g = 0; g < G; ++g) {
    table[g] = tables + int64_t{g} * kPlutEntries * kPixels;
    __asm__("" : "+r"(table[g]));  // keeps each base in a register: one addition an address
  }
  uint16_t* rows[kRows];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) rows[i] = place.rows[i];
  const int64_t lane_sums = place.lane_sums;
  const uint8_t* block = weights.block;
  for (int32_t left = weights.lanes; left > 0; left -= kQConvBlock) {
    const int32_t lanes = left < kQConvBlock ? left : kQConvBlock;
#pragma GCC unroll 4
    for (int32_t lane = 0; lane < lanes; ++lane) {
      const auto entry = [&](int g) {
        return table[g] + int64_t{block[g * kQConvBlock + lane]} * kPixels;
      };
      typename V::Tile sum;
      // An odd number of tables: the last begins, and every pair is one addition.
      if constexpr (G % 2 == 1) {
        sum = V::LoadSum(entry(G - 1));
      } else {
        sum = V::Distance(entry(0), entry(1));
      }
#pragma GCC unroll 8
      for (int g = G % 2 == 1 ? 1 : 3; g < G; g += 2) {
        sum = V::AddDistance(sum, entry(g - 1), entry(g));
      }
      if constexpr (kQuarters) {
        V::AccumulateQuarters(rows, sum);
      } else {
        V::Accumulate(rows, sum);
      }
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) rows[i] += lane_sums;
    }
    block += weights.block_bytes;
  }
}

using PlutLanesFn = void (*)(const uint8_t*, const PlutWeights&, const PlutPlace&);

// PlutLanes for `groups` groups, at most G.
template <class V, int G>
static PlutLanesFn PlutLanesOf(int32_t groups, bool quarters) {
  if constexpr (G > 1) {
    if (groups < G) return PlutLanesOf<V, G - 1>(groups, quarters);
  }
  return quarters ? PlutLanes<V, G, true> : PlutLanes<V, G, false>;
}

}  // namespace bluestem::kernels
