#include "bluestem/kernels/rearrange/rearrange.h"

#include <cstddef>
#include <cstring>

namespace bluestem::kernels {
namespace {

// One run of the innermost axis, strides in elements.
template <typename T>
void CopyRun(int32_t count, const T* x, int64_t x_stride, T* y, int64_t y_stride) {
  if (x_stride == 1 && y_stride == 1) {
    std::memcpy(y, x, static_cast<size_t>(count) * sizeof(T));
    return;
  }
  for (int32_t i = 0; i < count; ++i) std::memcpy(y + i * y_stride, x + i * x_stride, sizeof(T));
}

// The same copy with axes of extent 1 dropped and neighbours that are contiguous in both merged, so
// that the inner runs are as long as they can be.
CopyParams Merge(const CopyParams& params) {
  CopyParams merged = params;
  merged.rank = 0;
  for (int32_t k = 0; k < params.rank; ++k) {
    if (params.extent[k] == 1) continue;
    const int32_t last = merged.rank - 1;
    if (last >= 0 && merged.x_stride[last] == params.x_stride[k] * params.extent[k] &&
        merged.y_stride[last] == params.y_stride[k] * params.extent[k] &&
        int64_t{merged.extent[last]} * params.extent[k] <= INT32_MAX) {
      merged.extent[last] *= params.extent[k];
      merged.x_stride[last] = params.x_stride[k];
      merged.y_stride[last] = params.y_stride[k];
      continue;
    }
    merged.extent[merged.rank] = params.extent[k];
    merged.x_stride[merged.rank] = params.x_stride[k];
    merged.y_stride[merged.rank] = params.y_stride[k];
    ++merged.rank;
  }
  if (merged.rank == 0) {
    merged.rank = 1;
    merged.extent[0] = 1;
    merged.x_stride[0] = merged.y_stride[0] = 1;
  }
  return merged;
}

template <typename T>
void Copy(const CopyParams& params, const T* x, T* y) {
  for (int32_t k = 0; k < params.rank; ++k) {
    if (params.extent[k] == 0) return;
  }
  const CopyParams p = Merge(params);
  const int32_t last = p.rank - 1;
  int64_t x_at = p.x_offset;
  int64_t y_at = p.y_offset;
  int32_t index[6] = {};
  while (true) {
    CopyRun(p.extent[last], x + x_at, p.x_stride[last], y + y_at, p.y_stride[last]);
    int32_t k = last - 1;
    for (; k >= 0; --k) {
      x_at += p.x_stride[k];
      y_at += p.y_stride[k];
      if (++index[k] < p.extent[k]) break;
      index[k] = 0;
      x_at -= p.x_stride[k] * p.extent[k];
      y_at -= p.y_stride[k] * p.extent[k];
    }
    if (k < 0) return;
  }
}

}  // namespace

void strided_copy(const CopyParams& params, const void* x, void* y) {
  if (params.element_bytes == 1) {
    Copy(params, static_cast<const uint8_t*>(x), static_cast<uint8_t*>(y));
  } else if (params.element_bytes == 4) {
    Copy(params, static_cast<const uint32_t*>(x), static_cast<uint32_t*>(y));
  } else {
    Copy(params, static_cast<const uint64_t*>(x), static_cast<uint64_t*>(y));
  }
}

void fill(int32_t element_bytes, int64_t count, const void* value, void* y) {
  uint8_t* to = static_cast<uint8_t*>(y);
  const uint8_t* from = static_cast<const uint8_t*>(value);
  if (element_bytes == 1) {
    std::memset(to, *from, static_cast<size_t>(count));
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(to + i * element_bytes, from, static_cast<size_t>(element_bytes));
  }
}

}  // namespace bluestem::kernels
