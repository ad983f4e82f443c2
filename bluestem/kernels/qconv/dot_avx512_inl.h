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

template <class Step>
struct Lanes32 : Step {
  static constexpr int32_t kLanes = 32;
  using Sum = Pair;
  using Wide = Pair;

  static inline Sum ZeroSum() { return {_mm512_setzero_si512(), _mm512_setzero_si512()}; }
  static inline Wide ZeroWide() { return ZeroSum(); }
  static constexpr bool kFinishes = true;
  static int32_t Position(int32_t i, int32_t) { return i; }
  using Values = NarrowValues<16, 2>;
  static inline Values::Vector Saturated(__m512i sums) {
    return reinterpret_cast<Values::Vector>(_mm512_cvtsepi32_epi16(sums));
  }
  static inline Values ValuesOf(const Pair& sums, int32_t) {
    return {{Saturated(sums.first), Saturated(sums.second)}};
  }
  static inline void AddResidual(Values& values, const int16_t* ratios, const uint8_t* codes) {
    using Words = Values::Vector;
    const auto words = [codes](int at) {
      const auto* from = reinterpret_cast<const __m128i*>(codes + at);
      return reinterpret_cast<Words>(_mm256_cvtepu8_epi16(_mm_loadu_si128(from)));
    };
    values.of[0] += words(0) * kernels::Load<Words>(ratios);
    values.of[1] += words(16) * kernels::Load<Words>(ratios + 16);
  }
  static inline void StoreValues(const Values& values, int32_t count, uint8_t* y) {
    // One register: a load of two stores would wait for both.
    const __m256i codes = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm256_cvtepi16_epi8(reinterpret_cast<__m256i>(values.of[0]))),
        _mm256_cvtepi16_epi8(reinterpret_cast<__m256i>(values.of[1])), 1);
    StoreCodes<32>(&codes, count, y);
  }
  static inline void StoreWide(const Wide& wide, bool, int32_t* acc) {
    Store(wide.first, acc);
    Store(wide.second, acc + 16);
  }
};

}  // namespace
}  // namespace bluestem::kernels
