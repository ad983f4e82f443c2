// What dot's rows with 512-bit registers share: sums of 32 outputs in two of them. Included by ISA
// files.
#pragma once

// GCC 12 takes its own intrinsics' undefined registers for uninitialized variables.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include "bluestem/kernels/qconv/dot_x86_inl.h"

namespace bluestem::kernels {
// Unnamed although in a header: each ISA's file must have its own copy.
namespace {

inline __m512i Broadcast(const uint8_t* word) {
  int32_t bits;
  std::memcpy(&bits, word, sizeof(bits));
  return _mm512_set1_epi32(bits);
}

inline __m512i Load(const uint8_t* bytes) {
  return _mm512_loadu_si512(bytes);
}

inline void Store(__m512i v, int32_t* acc) {
  _mm512_storeu_si512(acc, v);
}

// Two registers of 16 outputs.
struct Pair {
  __m512i first, second;
};

inline __attribute__((always_inline)) __m128i CodesOf(const NarrowFinish& finish, __m512i sums,
                                                      int32_t part, int32_t levels) {
  using Words = VectorOf<int16_t, 16>::Type;
  const __m256i values = _mm512_cvtsepi32_epi16(sums);
  return _mm256_cvtepi16_epi8(reinterpret_cast<__m256i>(CountReached(
      reinterpret_cast<Words>(values), finish.thresholds + part, finish.row_length, levels)));
}

inline __attribute__((always_inline)) void FinishPair(const NarrowFinish& finish, const Pair& sums,
                                                      int32_t levels, uint8_t* y) {
  const __m128i codes[2] = {CodesOf(finish, sums.first, 0, levels),
                            CodesOf(finish, sums.second, 16, levels)};
  StoreCodes<32>(codes, finish.count, y);
}

template <class Step>
struct Lanes32 : Step {
  static constexpr int32_t kLanes = 32;
  using Sum = Pair;
  using Wide = Pair;

  static inline Sum ZeroSum() { return {_mm512_setzero_si512(), _mm512_setzero_si512()}; }
  static inline Wide ZeroWide() { return ZeroSum(); }
  static constexpr bool kFinishes = true;
  static int32_t Position(int32_t i, int32_t) { return i; }
  static inline void FinishPixel(const NarrowFinish& finish, const Pair& sums, int32_t,
                                 int32_t levels, uint8_t* y) {
    FinishPair(finish, sums, levels, y);
  }
  static inline void StoreWide(const Wide& wide, int32_t, bool, int32_t* acc) {
    Store(wide.first, acc);
    Store(wide.second, acc + 16);
  }
};

}  // namespace
}  // namespace bluestem::kernels
