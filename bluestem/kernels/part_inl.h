// A convolution cut in parts, each of them a convolution of its own: output rows [begin, end) are
// the whole with a smaller ho, a pad_top that may be negative (the part begins inside the map) and
// a y further on. So no kernel knows of parts, and all parts together write what one call writes.
// What has one row of outputs is cut in columns; a 1x1 convolution, for which rows do not matter,
// in runs of pixels.
#pragma once

#include <cstdint>

namespace bluestem::kernels {

// How many pixels further on the part's x and y begin. y_pixels counts outputs.
struct PartShift {
  int64_t x_pixels;
  int64_t y_pixels;
};

// The same of a call that is no convolution, in elements.
struct RowShift {
  int64_t x;
  int64_t y;
};

template <typename Size>
static inline Size PartBegin(Size size, int32_t part, int32_t parts) {
  return static_cast<Size>(int64_t{size} * part / parts);
}

// Makes `p`, the whole convolution, part `part` of `parts`. The part has ho == 0 or wo == 0 where
// there are fewer rows than parts.
template <typename Params>
static inline PartShift TakeShape(int32_t part, int32_t parts, Params& p) {
  const bool pointwise = p.kernel_h == 1 && p.kernel_w == 1 && p.stride_h == 1 && p.stride_w == 1 &&
                         p.pad_top == 0 && p.pad_left == 0 && p.ho == p.h && p.wo == p.w;
  if (pointwise) {
    const int32_t pixels = p.h * p.w;
    const int32_t begin = PartBegin(pixels, part, parts);
    p.h = p.ho = 1;
    p.w = p.wo = PartBegin(pixels, part + 1, parts) - begin;
    return {begin, begin};
  }
  if (p.ho == 1) {
    const int32_t begin = PartBegin(p.wo, part, parts);
    p.pad_left -= begin * p.stride_w;
    p.wo = PartBegin(p.wo, part + 1, parts) - begin;
    return {0, begin};
  }
  const int32_t begin = PartBegin(p.ho, part, parts);
  p.pad_top -= begin * p.stride_h;
  p.ho = PartBegin(p.ho, part + 1, parts) - begin;
  return {0, int64_t{begin} * p.wo};
}

}  // namespace bluestem::kernels
