// What x86's weight gradients share: the pixels that a tap meets, and how four images are
// interleaved. Included by ISA files: every function has internal linkage.
#pragma once

#include <immintrin.h>

#include "bluestem/train/lowbit/weight_gradient.h"

namespace bluestem::train {
// Unnamed although in a header: each ISA's file must have its own copy.
namespace {

// Not std::min: a template compiled with an ISA's flags could be the copy that the linker keeps.
inline int32_t Least(int32_t a, int32_t b) {
  return a < b ? a : b;
}

struct Range {
  int32_t begin, end;
};
// The outputs whose tap `k` is inside a map of `size`.
inline Range Inside(int32_t k, int32_t pad, int32_t size, int32_t outputs) {
  return {pad > k ? pad - k : 0, Least(outputs, size + pad - k)};
}

// The pixels of one tap: lines of neighbours, in the first group.
struct Lines {
  int32_t count, pixels;   // lines, and pixels of each
  int64_t code, gradient;  // the first pixel of the first line
};

// Those of output rows [begin, end).
inline Lines LinesOf(const GradientShape& s, int32_t tap, int32_t begin, int32_t end) {
  const int32_t kh = tap / s.kernel, kw = tap % s.kernel;
  const Range inside = Inside(kh, s.pad, s.h, s.oh), columns = Inside(kw, s.pad, s.w, s.ow);
  const int32_t first = inside.begin > begin ? inside.begin : begin;
  Lines lines = {Least(inside.end, end) - first, columns.end - columns.begin,
                 int64_t{first - s.pad + kh} * s.w + columns.begin - s.pad + kw,
                 int64_t{first} * s.ow + columns.begin};
  if (lines.count <= 0 || lines.pixels <= 0) return {0, 0, 0, 0};
  if (lines.pixels == s.w && lines.pixels == s.ow) {  // nothing lies between them
    lines.pixels *= lines.count;
    lines.count = 1;
  }
  return lines;
}

// The bytes of 16 channels of four images from the `first` on, `map` bytes from one to the next and
// each byte xor-ed with `flip`; zeros where there are no more than `images`.
inline void LoadFour(const uint8_t* from, int64_t map, int32_t first, int32_t images, __m128i flip,
                     __m128i* v) {
  for (int32_t i = 0; i < kFour; ++i) {
    const auto* bytes = reinterpret_cast<const __m128i*>(from + (first + i) * map);
    v[i] = first + i < images ? _mm_xor_si128(_mm_loadu_si128(bytes), flip) : _mm_setzero_si128();
  }
}

// Their interleaved bytes: channels 4*k to 4*k + 3 in quads[k].
inline void Interleave(const __m128i* v, __m128i* quads) {
  const __m128i low01 = _mm_unpacklo_epi8(v[0], v[1]), low23 = _mm_unpacklo_epi8(v[2], v[3]);
  const __m128i high01 = _mm_unpackhi_epi8(v[0], v[1]), high23 = _mm_unpackhi_epi8(v[2], v[3]);
  quads[0] = _mm_unpacklo_epi16(low01, low23), quads[1] = _mm_unpackhi_epi16(low01, low23);
  quads[2] = _mm_unpacklo_epi16(high01, high23), quads[3] = _mm_unpackhi_epi16(high01, high23);
}

}  // namespace
}  // namespace bluestem::train
