// qconv's epilogue on the accumulators of one pixel and the outputs of (a part of) a block, while
// they are at hand. Included by ISA files, whose flags vectorize the loops; every function has
// internal linkage.
//
// Both directions of a threshold are one comparison: with m = 0 for rising and -1 for falling,
//   acc <= t  <=>  ~acc >= ~t,   so   #{k : (acc ^ m) >= (t[k] ^ m)}   is right for both,
// and for every s32, since ~ has no overflow.
#pragma once

#include "bluestem/kernels/qconv/search_inl.h"

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

// How a call's accumulators become codes: one of these, or neither where every threshold is
// compared.
struct ThresholdForm {
  const int32_t* rows = nullptr;  // rearranged
  ThresholdSearch search = {};
};

// Prepares thresholds in `scratch`.
static inline ThresholdForm PrepareThresholds(const QConvParams& p, const QConvArgs& args,
                                              uint8_t* scratch) {
  if (p.epilogue != QConvEpilogue::kThreshold) return {};
  if (!Rearranges(p)) return {.search = PrepareSearch(p, args, scratch)};
  int32_t* rows = reinterpret_cast<int32_t*>(scratch);
  RearrangeThresholds(p, args, rows);
  return {.rows = rows};
}

// Where the accumulators of a block, or of a part of it, go.
struct EpilogueBlock {
  ThresholdForm form;
  int64_t row_length;  // of the rearranged thresholds
  int64_t lane;        // the first lane there
  int32_t co;          // the first output
  int32_t count;       // of outputs that exist, at most kLanes
};

// How many thresholds each accumulator of a vector reaches.
static inline __attribute__((always_inline)) WordVector ThresholdCodes(const int32_t* acc,
                                                                       const int32_t* thresholds,
                                                                       int64_t row_length,
                                                                       int32_t levels) {
  const WordVector value = Load<WordVector>(acc) ^ Load<WordVector>(thresholds);
  WordVector codes = levels - 1 + WordVector{};  // "greater" is one instruction, and gives -1
  for (int32_t k = 1; k < levels; ++k) {
    codes += Load<WordVector>(thresholds + k * row_length) > value;
  }
  return codes;
}

// Writes codes as bytes; `codes` gives the vector of the lanes from `at` on.
template <int kLanes, typename Codes>
static inline __attribute__((always_inline)) void StoreLanes(const Codes& codes, uint8_t* bytes) {
  constexpr int kWords = kVectorBytes / 4;
  constexpr int kVectors = kLanes / kWords;
  static_assert(kVectors * kWords == kLanes);
  HalfVector halves[kVectors / 2 + 1];
  for (int i = 0; i < kVectors; i += 2) {
    const int other = i + 1 < kVectors ? i + 1 : i;
    halves[i / 2] = Even(reinterpret_cast<HalfVector>(codes(i * kWords)),
                         reinterpret_cast<HalfVector>(codes(other * kWords)));
  }
  // One vector of halves gives half a vector of bytes.
  for (int i = 0; i < kVectors; i += 4) {
    const int other = i + 2 < kVectors ? i / 2 + 1 : i / 2;
    const ByteVector narrow = Even(reinterpret_cast<ByteVector>(halves[i / 2]),
                                   reinterpret_cast<ByteVector>(halves[other]));
    constexpr int kBytes = kLanes < kVectorBytes ? kLanes : kVectorBytes;
    std::memcpy(bytes + i * kWords, &narrow, kBytes);
  }
}

template <int kLanes>
static inline void ThresholdVectors(const QConvParams& p, const QConvArgs& args,
                                    const EpilogueBlock& block, const int32_t* acc, uint8_t* y) {
  alignas(kVectorBytes) uint8_t rest[kLanes];
  uint8_t* bytes = block.count == kLanes ? y : rest;
  const int32_t* rows = block.form.rows;
  if (rows == nullptr) {
    const int32_t thresholds = p.levels - 1;
    const int32_t* t = args.thresholds + int64_t{block.co} * thresholds;
    StoreLanes<kLanes>(
        [&](int at) __attribute__((always_inline)) {
          return SearchedCodes(block.form.search, block.lane + at, t + int64_t{at} * thresholds,
                               thresholds, acc + at, block.count - at);
        },
        bytes);
  } else if (p.levels == 4) {  // 2 bits: unrolled
    StoreLanes<kLanes>(
        [&](int at) __attribute__((always_inline)) {
          return ThresholdCodes(acc + at, rows + block.lane + at, block.row_length, 4);
        },
        bytes);
  } else {
    StoreLanes<kLanes>(
        [&](int at) __attribute__((always_inline)) {
          return ThresholdCodes(acc + at, rows + block.lane + at, block.row_length, p.levels);
        },
        bytes);
  }
  if (bytes == rest) std::memcpy(y, rest, static_cast<size_t>(block.count));
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

template <int kLanes>
static inline void Affine(const QConvParams& p, const QConvArgs& args, const EpilogueBlock& block,
                          const int32_t* acc, float* y) {
  const float* a = args.a + block.co;
  const float* b = args.b + block.co;
  const bool relu = p.relu != 0;
  constexpr int32_t kWords = kVectorBytes / 4;
  if constexpr (kLanes % kWords == 0) {
    if (block.count == kLanes) {
      for (int32_t i = 0; i < kLanes; i += kWords) {
        const auto sums = __builtin_convertvector(Load<WordVector>(acc + i), RealVector);
        const RealVector product = sums * Load<RealVector>(a + i);
        RealVector v = product + Load<RealVector>(b + i);
        if (relu) v = v < 0 ? RealVector{} : v;
        std::memcpy(y + i, &v, sizeof(v));
      }
      return;
    }
  }
  for (int32_t i = 0; i < block.count; ++i) {
    const float product = static_cast<float>(acc[i]) * a[i];
    const float v = product + b[i];
    y[i] = relu && v < 0 ? 0.0f : v;
  }
}

// Finishes `acc` [kLanes], to which a residual is already added, as codes.
template <int kLanes>
static inline void Threshold(const QConvParams& p, const QConvArgs& args,
                             const EpilogueBlock& block, const int32_t* acc, uint8_t* y) {
  if (block.form.rows != nullptr || block.form.search.rows != nullptr) {
    ThresholdVectors<kLanes>(p, args, block, acc, y);
  } else {
    ThresholdDirect(p, args, block, acc, y);
  }
}

// Writes `acc` [kLanes] plus the residual, whose codes begin at `codes`.
template <int kLanes>
static inline void AddResidual(const EpilogueBlock& block, const int32_t* acc,
                               const int32_t* ratios, const uint8_t* codes, int32_t* sums) {
  if (block.count == kLanes) {
    for (int32_t i = 0; i < kLanes; ++i) sums[i] = acc[i] + ratios[i] * codes[i];
  } else {
    std::memcpy(sums, acc, kLanes * sizeof(int32_t));
    for (int32_t i = 0; i < block.count; ++i) sums[i] += ratios[i] * codes[i];
  }
}

// Finishes `acc` [kLanes] for output pixel `pixel` (of ho * wo).
template <int kLanes>
static inline void FinishBlock(const QConvParams& p, const QConvArgs& args,
                               const EpilogueBlock& block, const int32_t* acc, int64_t pixel) {
  const int64_t at = pixel * PixelOutputs(p, args) + block.co;
  if (p.epilogue == QConvEpilogue::kThreshold) {
    uint8_t* y = static_cast<uint8_t*>(args.y) + at;
    if (p.residual_bits == 0) return Threshold<kLanes>(p, args, block, acc, y);
    alignas(kVectorBytes) int32_t sums[kLanes];
    AddResidual<kLanes>(block, acc, args.ratios + block.co, args.residual + at, sums);
    Threshold<kLanes>(p, args, block, sums, y);
  } else if (p.epilogue == QConvEpilogue::kAffine) {
    Affine<kLanes>(p, args, block, acc, static_cast<float*>(args.y) + at);
  } else {
    std::memcpy(static_cast<int32_t*>(args.y) + at, acc,
                static_cast<size_t>(block.count) * sizeof(int32_t));
  }
}

}  // namespace bluestem::kernels
