// Widening codes with AVX2's shuffles, for the AVX2 and AVX-512 kernels. Included by ISA files.
#pragma once

#include <immintrin.h>

#include "bluestem/kernels/qconv/dot_inl.h"

namespace bluestem::kernels {
// Unnamed although in a header: each ISA's file must have its own copy.
namespace {

// WideDotStep::Prepare, four steps at once.
inline void PrepareWide(const uint8_t* codes, int32_t steps, uint8_t* to) {
  const __m256i pick =
      _mm256_setr_epi8(0, -1, 2, -1, 1, -1, 3, -1, 4, -1, 6, -1, 5, -1, 7, -1,  //
                       8, -1, 10, -1, 9, -1, 11, -1, 12, -1, 14, -1, 13, -1, 15, -1);
  for (; steps >= 4; steps -= 4, codes += 16, to += 32) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes));
    const __m256i wide = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(v), pick);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), wide);
  }
  WideDotStep::Prepare(codes, steps, to);
}

}  // namespace
}  // namespace bluestem::kernels
