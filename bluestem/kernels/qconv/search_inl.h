// Thresholds of many levels (8-bit codes out): a search instead of comparing with each. Included by
// ISA files; every function has internal linkage.
//
// With v = acc ^ m and s[k] = t[k] ^ m (epilogue_inl.h) the code is #{k : s[k] <= v}. Where s
// ascends, as a quantizer's do, the values between the least and the greatest threshold are cut
// into at most kBuckets buckets of 2^shift. Bucket b knows the number of thresholds below its first
// value; those within it are compared: where they are as even as a linear quantizer's, at most one.
// The last threshold is compared even where it is below, so that there is one to compare.
#pragma once

#include "bluestem/kernels/qconv/vector_inl.h"

namespace bluestem::kernels {

// A search in scratch: a row of `lanes` values of each kind, then the buckets of each lane.
struct ThresholdSearch {
  int32_t* rows;  // null: thresholds do not ascend, and each is compared
  uint8_t* buckets;
  int64_t lanes;
  bool single;  // no bucket has more than one threshold

  int32_t* m() const { return rows; }
  int32_t* low() const { return rows + lanes; }
  int32_t* high() const { return rows + 2 * lanes; }
  int32_t* shift() const { return rows + 3 * lanes; }
};

// Fills the buckets of one lane from its `count` thresholds `t`; false if they do not ascend.
// `most`: more than an accumulator reaches, whatever its sign; what lies beyond widens no bucket.
static inline bool FillBuckets(const int32_t* t, int32_t count, int32_t most, int64_t lane,
                               ThresholdSearch& search) {
  const int32_t m = search.m()[lane];
  int32_t falls = 0;
  for (int32_t k = 1; k < count; ++k) falls |= (t[k] ^ m) < (t[k - 1] ^ m);
  if (falls != 0) return false;
  const auto within = [most](int32_t s) { return s < -most ? -most : s > most ? most : s; };
  const int64_t low = within(t[0] ^ m);
  const int64_t high = within(t[count - 1] ^ m);
  int32_t shift = 0;
  while ((high - low) >> shift >= kBuckets) ++shift;
  uint8_t within_before[kBuckets + 1] = {};  // thresholds of the bucket before; of none: below all
  for (int32_t k = 0; k < count; ++k) {
    const int64_t distance = (t[k] ^ m) - low;
    if (distance > high - low) break;  // is never reached
    ++within_before[distance < 0 ? 0 : (distance >> shift) + 1];
  }
  uint8_t* buckets = search.buckets + lane * kBuckets;
  int32_t below = 0;
  for (int64_t b = 0; b <= (high - low) >> shift; ++b) {
    below += within_before[b];
    buckets[b] = static_cast<uint8_t>(below < count ? below : count - 1);
    if (within_before[b + 1] > 1) search.single = false;
  }
  search.low()[lane] = static_cast<int32_t>(low);
  search.high()[lane] = static_cast<int32_t>(high);
  search.shift()[lane] = shift;
  return true;
}

static inline ThresholdSearch PrepareSearch(const QConvParams& p, const QConvArgs& args,
                                            uint8_t* scratch) {
  ThresholdSearch search;
  search.lanes = SearchLanes(p);
  search.rows = reinterpret_cast<int32_t*>(scratch);
  search.buckets = scratch + kSearchRows * search.lanes * static_cast<int64_t>(sizeof(int32_t));
  search.single = true;
  std::memset(scratch, 0, static_cast<size_t>(search.buckets - scratch));
  const int64_t most = GreatestValue(p, args) + 1;
  bool ascend = most < INT32_MAX;
  for (int32_t co = 0; co < p.co && ascend; ++co) {
    const int64_t lane =
        int64_t{co / GroupOutputs(p)} * GroupBlocks(p) * kQConvBlock + co % GroupOutputs(p);
    search.m()[lane] = args.directions[co] > 0 ? 0 : -1;
    ascend = FillBuckets(args.thresholds + int64_t{co} * (p.levels - 1), p.levels - 1,
                         static_cast<int32_t>(most), lane, search);
  }
  if (!ascend) search.rows = nullptr;
  return search;
}

// The codes of a vector of accumulators from `lane` on, of which `count` exist; their thresholds
// begin at `t`.
static inline __attribute__((always_inline)) WordVector SearchedCodes(
    const ThresholdSearch& search, int64_t lane, const int32_t* t, int32_t thresholds,
    const int32_t* acc, int32_t count) {
  constexpr int kWords = kVectorBytes / 4;
  using Unsigned = VectorOf<uint32_t, kWords>::Type;
  const WordVector m = Load<WordVector>(search.m() + lane);
  const WordVector low = Load<WordVector>(search.low() + lane);
  const WordVector high = Load<WordVector>(search.high() + lane);
  const WordVector v = Load<WordVector>(acc) ^ m;
  const WordVector above = v < low ? low : v;
  const WordVector inside = above > high ? high : above;
  const Unsigned distance = reinterpret_cast<Unsigned>(inside) - reinterpret_cast<Unsigned>(low);
  const Unsigned bucket = distance >> Load<Unsigned>(search.shift() + lane);
  const uint8_t* buckets = search.buckets + lane * kBuckets;
  WordVector codes = {};
  WordVector next = {};
  if (search.single && count >= kWords) {
#pragma GCC unroll 8
    for (int32_t i = 0; i < kWords; ++i) {
      codes[i] = buckets[i * kBuckets + static_cast<int32_t>(bucket[i])];
      next[i] = t[i * thresholds + codes[i]];
    }
    return codes + 1 + ((next ^ m) > v);  // "greater" gives -1
  }
  for (int32_t i = 0; i < kWords && i < count; ++i, buckets += kBuckets, t += thresholds) {
    int32_t k = buckets[bucket[i]];
    while (k < thresholds - 1 && (t[k] ^ m[i]) <= v[i]) ++k;
    codes[i] = k;
    next[i] = t[k];
  }
  return codes + 1 + ((next ^ m) > v);
}

}  // namespace bluestem::kernels
