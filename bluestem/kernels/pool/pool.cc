#include "bluestem/kernels/pool/pool.h"

namespace bluestem::kernels {
namespace {

// The taps of one window that lie inside the map: rows [top, bottom), columns [left, right).
struct Window {
  int32_t top, bottom, left, right;
};

Window InsideWindow(const PoolParams& p, int32_t oy, int32_t ox) {
  const int32_t top = oy * p.stride_h - p.pad_top;
  const int32_t left = ox * p.stride_w - p.pad_left;
  const int32_t bottom = top + p.kernel_h;
  const int32_t right = left + p.kernel_w;
  return {top < 0 ? 0 : top, bottom > p.h ? p.h : bottom, left < 0 ? 0 : left,
          right > p.w ? p.w : right};
}

template <typename T>
T Larger(T x, T y) {
  return (x > y || x != x) ? x : y;  // x != x: a NaN wins
}

template <typename T>
void MaxPool(const PoolParams& p, const T* x, T* y) {
  for (int32_t oy = 0; oy < p.ho; ++oy) {
    for (int32_t ox = 0; ox < p.wo; ++ox, y += p.c) {
      const Window window = InsideWindow(p, oy, ox);
      bool first = true;
      for (int32_t iy = window.top; iy < window.bottom; ++iy) {
        for (int32_t ix = window.left; ix < window.right; ++ix) {
          const T* pixel = x + (int64_t{iy} * p.w + ix) * p.c;
          for (int32_t c = 0; c < p.c; ++c) y[c] = first ? pixel[c] : Larger(pixel[c], y[c]);
          first = false;
        }
      }
    }
  }
}

}  // namespace

void maxpool_u8(const PoolParams& params, const uint8_t* x, uint8_t* y) {
  MaxPool(params, x, y);
}
void maxpool_s32(const PoolParams& params, const int32_t* x, int32_t* y) {
  MaxPool(params, x, y);
}
void maxpool_f32(const PoolParams& params, const float* x, float* y) {
  MaxPool(params, x, y);
}

void avgpool_f32(const PoolParams& p, const float* x, float* y) {
  for (int32_t oy = 0; oy < p.ho; ++oy) {
    for (int32_t ox = 0; ox < p.wo; ++ox, y += p.c) {
      const Window window = InsideWindow(p, oy, ox);
      for (int32_t c = 0; c < p.c; ++c) y[c] = 0.0f;
      for (int32_t iy = window.top; iy < window.bottom; ++iy) {
        for (int32_t ix = window.left; ix < window.right; ++ix) {
          const float* pixel = x + (int64_t{iy} * p.w + ix) * p.c;
          for (int32_t c = 0; c < p.c; ++c) y[c] += pixel[c];
        }
      }
      const int64_t count =
          p.count_include_pad ? int64_t{p.kernel_h} * p.kernel_w
                              : int64_t{window.bottom - window.top} * (window.right - window.left);
      const float scale = 1.0f / static_cast<float>(count);
      for (int32_t c = 0; c < p.c; ++c) y[c] *= scale;
    }
  }
}

}  // namespace bluestem::kernels
