// The epilogue of a tile in 16 bits, without leaving the registers: where every threshold that
// matters fits 16 bits, half the lanes' width is half the work. Included by ISA files; templates
// over V, see tile_inl.h.
//
// V has:
//   kFinishes      whether it has the following
//   FinishesNarrow(p, plan, args)   whether 16 bits decide every comparison of this convolution
//   Position(i, lanes)              where output i of a tile of `lanes` stands in its registers
//   Values                          the values of a pixel: kCount vectors of 16 bits
//   ValuesOf(sums, window)          a pixel's, from its sums
//   StoreValues(values, count, y)   writes `count` values, which are codes, as bytes
// and, if it adds residuals in 16 bits:
//   AddResidual(values, ratios, codes)   the ratios as RearrangeNarrow has them, the codes in order
// and, if it wants:
//   CountGreater(count, value, threshold)   vectors: count, plus 1 where value > threshold
#pragma once

#include "bluestem/kernels/qconv/epilogue_inl.h"

namespace bluestem::kernels {

// What the tile writes: pixel i's codes of `count` outputs at y + i * y_stride.
struct NarrowFinish {
  const int32_t* windows;     // sums of the codes under the kernel, a pixel each
  const int16_t* thresholds;  // RearrangeNarrow's, at the first lane
  const uint8_t* residual;    // of the codes that are added, as y; or null
  int64_t row_length;
  int32_t levels;
  uint8_t* y;
  int64_t y_stride;
  int32_t count;
};

// A pixel's values, in vectors of kLanes.
template <int kLanes, int kVectors>
struct NarrowValues {
  using Vector = typename VectorOf<int16_t, kLanes>::Type;
  static constexpr int kCount = kVectors;
  Vector of[kVectors];
};

// The position of output `lane` of a group in its part of a row of narrow thresholds: tile by tile,
// and in a tile as V has it.
template <class V>
static inline int32_t NarrowPosition(const QConvParams& p, int32_t lane) {
  int32_t lanes = V::kLanes;
  // A tile of two blocks needs both: band_inl.h, ComputeStrip.
  if (lanes > kQConvBlock && lane / lanes * lanes + kQConvBlock >= GroupOutputs(p)) {
    lanes = kQConvBlock;
  }
  return lane / lanes * lanes + V::Position(lane % lanes, lanes);
}

// The thresholds as 16 bits, [levels][groups * blocks * 32]: row 0 is m (epilogue_inl.h), row k is
// (t[k-1] ^ m) - 1, so that one signed comparison "greater" decides. Values that no accumulator
// reaches are clamped. With a residual a row more has the ratios. The sums that are compared are
// accumulators less `offsets` [groups][blocks * 32], or accumulators if that is null.
template <class V>
static void RearrangeNarrow(const QConvParams& p, const QConvArgs& args, const int32_t* offsets,
                            int16_t* rows) {
  const int32_t group_length = GroupBlocks(p) * kQConvBlock;
  const int64_t row_length = int64_t{p.groups} * group_length;
  const bool adds = p.residual_bits != 0;
  std::memset(rows, 0,
              static_cast<size_t>(row_length * (p.levels + (adds ? 1 : 0))) * sizeof(int16_t));
  for (int32_t co = 0; co < p.co; ++co) {
    const int64_t group_at = int64_t{co / GroupOutputs(p)} * group_length;
    const int32_t lane = co % GroupOutputs(p);
    const int32_t offset = offsets == nullptr ? 0 : offsets[group_at + lane];
    int16_t* to = rows + group_at + NarrowPosition<V>(p, lane);
    const int32_t m = args.directions[co] > 0 ? 0 : -1;
    to[0] = static_cast<int16_t>(m);
    const int32_t* t = args.thresholds + int64_t{co} * (p.levels - 1);
    for (int32_t k = 1; k < p.levels; ++k) {
      const int64_t value = (int64_t{t[k - 1]} - offset) ^ m;
      to[k * row_length] = static_cast<int16_t>(value < -32767  ? -32768
                                                : value > 32767 ? 32767
                                                                : value - 1);
    }
    if (adds) to[p.levels * row_length] = static_cast<int16_t>(args.ratios[co]);
  }
}

// True if V adds residuals in 16 bits.
template <class V>
static constexpr bool kAddsResidual = requires(typename V::Values& values, const int16_t* ratios,
                                               const uint8_t* codes) {
  V::AddResidual(values, ratios, codes);
};

// Returns the rearranged thresholds, made in scratch; null where 16 bits would not do.
template <class V>
static const int16_t* NarrowThresholds(const QConvParams& p, const QConvArgs& args,
                                       const BandPlan& plan) {
  if constexpr (V::kFinishes) {
    const bool adds = p.residual_bits == 0 || kAddsResidual<V>;
    if (adds && V::FinishesNarrow(p, plan, args)) {
      int16_t* rows = reinterpret_cast<int16_t*>(args.scratch + plan.thresholds_at);
      const int32_t* offsets = nullptr;
      if constexpr (requires { V::Offsets; }) {
        offsets = reinterpret_cast<const int32_t*>(args.scratch + plan.offsets_at);
      }
      RearrangeNarrow<V>(p, args, offsets, rows);
      return rows;
    }
  }
  return nullptr;
}

// True if comparing accumulators that saturate at 16 bits with RearrangeNarrow's rows is exact:
// each threshold is within 16 bits, or beyond what an accumulator reaches where that too is within.
// With a residual, which is added to what has saturated, all values must fit.
static inline bool ThresholdsFit16(const QConvParams& p, const QConvArgs& args) {
  const int64_t most = GreatestValue(p, args);
  if (most < 32767) return true;
  if (p.residual_bits != 0) return false;
  const int32_t* thresholds = args.thresholds;
  for (int32_t co = 0; co < p.co; ++co, thresholds += p.levels - 1) {
    const int32_t m = args.directions[co] > 0 ? 0 : -1;
    for (int32_t k = 0; k < p.levels - 1; ++k) {
      const int32_t t = thresholds[k] ^ m;
      if (t > most + 1) continue;  // is never reached: so says the greatest row value
      if (t < -32767 || t > 32766) return false;
    }
  }
  return true;
}

// Copies the `count` first of kLanes codes.
template <int kLanes>
static inline __attribute__((always_inline)) void StoreCodes(const void* codes, int32_t count,
                                                             uint8_t* y) {
  if (count == kLanes) {
    std::memcpy(y, codes, kLanes);
  } else {
    std::memcpy(y, codes, static_cast<size_t>(count));
  }
}

// True if V counts better than GCC 12, which makes of a mask a vector that it subtracts.
template <class V>
static constexpr bool kCountsGreater = requires(typename V::Values::Vector v) {
  V::CountGreater(v, v, v);
};

// Makes values the count of thresholds in rows 1 to levels - 1 that each of them reaches. A vector
// of thresholds is loaded once for all pixels.
template <class V, int P>
static inline __attribute__((always_inline)) void CountReached(const NarrowFinish& finish,
                                                               int32_t levels,
                                                               typename V::Values* values) {
  using Vector = typename V::Values::Vector;
#pragma GCC unroll 4
  for (int v = 0; v < V::Values::kCount; ++v) {
    const int16_t* row = finish.thresholds + v * static_cast<int64_t>(sizeof(Vector) / 2);
    const Vector m = Load<Vector>(row);
    Vector codes[P] = {};
#pragma GCC unroll 16
    for (int i = 0; i < P; ++i) values[i].of[v] ^= m;
    for (int32_t k = 1; k < levels; ++k) {
      row += finish.row_length;
      const Vector threshold = Load<Vector>(row);
#pragma GCC unroll 16
      for (int i = 0; i < P; ++i) {
        if constexpr (kCountsGreater<V>) {
          codes[i] = V::CountGreater(codes[i], values[i].of[v], threshold);
        } else {
          codes[i] -= values[i].of[v] > threshold;
        }
      }
    }
#pragma GCC unroll 16
    for (int i = 0; i < P; ++i) values[i].of[v] = codes[i];
  }
}

// Finishes the pixels of a tile.
template <class V, int P, typename Sums>
static inline __attribute__((always_inline)) void FinishNarrow(const NarrowFinish& to,
                                                               const Sums* sums) {
  const NarrowFinish finish = to;  // a copy, which stores of codes do not change
  typename V::Values values[P];
#pragma GCC unroll 16
  for (int i = 0; i < P; ++i) {
    values[i] = V::ValuesOf(sums[i], V::kSumOffset == 0 ? 0 : finish.windows[i]);
  }
  if constexpr (kAddsResidual<V>) {
    if (finish.residual != nullptr) {
      const int16_t* ratios = finish.thresholds + finish.levels * finish.row_length;
      const uint8_t* codes = finish.residual;
#pragma GCC unroll 16
      for (int i = 0; i < P; ++i, codes += finish.y_stride) {
        if (finish.count == V::kLanes) {
          V::AddResidual(values[i], ratios, codes);
        } else {
          uint8_t some[V::kLanes] = {};
          std::memcpy(some, codes, static_cast<size_t>(finish.count));
          V::AddResidual(values[i], ratios, some);
        }
      }
    }
  }
  if (finish.levels == 4) {  // 2 bits: unrolled
    CountReached<V, P>(finish, 4, values);
  } else {
    CountReached<V, P>(finish, finish.levels, values);
  }
#pragma GCC unroll 16
  for (int i = 0; i < P; ++i) {
    V::StoreValues(values[i], finish.count, finish.y + i * finish.y_stride);
  }
}

}  // namespace bluestem::kernels
