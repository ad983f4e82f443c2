// pool: maximum and average over windows. Maximum on u8 codes, s32 and f32; average on f32 in the
// one defined order.
//
//   max: over the taps inside the map (a window with none does not occur: proven at lowering).
//   avg: s = +0, then + x over kh, kw (inside taps), f32; y = s * f32(1 / count), count = taps
//   inside, or kernel_h*kernel_w if count_include_pad.
// Layouts: [h, w, c] to [ho, wo, c].
#pragma once

#include <cstdint>

#include "bluestem/kernels/part_inl.h"

namespace bluestem::kernels {

struct PoolParams {
  int32_t h, w, c;
  int32_t ho, wo;
  int32_t kernel_h, kernel_w;
  int32_t stride_h, stride_w;
  int32_t pad_top, pad_left;
  int32_t count_include_pad;
};

void maxpool_u8(const PoolParams& params, const uint8_t* x, uint8_t* y);
void maxpool_s32(const PoolParams& params, const int32_t* x, int32_t* y);
void maxpool_f32(const PoolParams& params, const float* x, float* y);
void avgpool_f32(const PoolParams& params, const float* x, float* y);

// Returns how many elements are read, all windows together.
int64_t Elements(const PoolParams& params);
// Makes a whole pool part `part` of `parts`, of a run of rows (part_inl.h), and returns how many
// elements further on its x and y begin. Requires: 0 <= part < parts.
RowShift TakeRows(int32_t part, int32_t parts, PoolParams& params);

}  // namespace bluestem::kernels
