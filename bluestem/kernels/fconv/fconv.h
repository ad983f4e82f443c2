// fconv: f32 convolution with one defined order of summation, so that it has the same bits on every
// machine.
//
//   y[oy,ox,co] = ((+0 + x*w) + x*w + ...) over kh, kw, ci outer to inner, each product and sum
//   rounded to f32, no FMA; taps outside the map are skipped; then + bias[co] if bias != null; then
//   y*a[co] + b[co] if a != null; then max(y, 0) if relu.
// Vectors run over co (independent sums), never over the reduction.
// Layouts: x [h, w, ci], y [ho, wo, co], weights packed [groups][ceil(cog/8)][kh][kw][cig][8],
// padding lanes 0.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bluestem/kernels/isa.h"

namespace bluestem::kernels {

struct FConvParams {
  int32_t h, w, ci;
  int32_t ho, wo, co;
  int32_t kernel_h, kernel_w;
  int32_t stride_h, stride_w;
  int32_t pad_top, pad_left;  // negative in a part that begins inside the map
  int32_t dilation_h, dilation_w;
  int32_t groups;
  int32_t relu;
};

struct FConvArgs {
  const float* x;
  const float* weights;  // packed, 64-byte aligned
  const float* bias;     // [co] or null
  const float* a;        // [co] or null (then b is null too)
  const float* b;
  float* y;
};

using FConvFn = void (*)(const FConvParams& params, const FConvArgs& args);

struct FConvKernel {
  const char* symbol;
  Isa isa;
  FConvFn run;
  const char* (*refuses)(const FConvParams& params);
};

extern const FConvKernel kFConvKernels[];
extern const int32_t kFConvKernelCount;
const FConvKernel& SelectFConv(const FConvParams& params, IsaSet isas);

// As qconv.h's TakePart: part `part` of `parts` of a call, or false for one without outputs.
bool TakePart(int32_t part, int32_t parts, FConvParams& params, FConvArgs& args);

size_t FConvPackedFloats(const FConvParams& params);
void FConvPackWeights(const FConvParams& params, const float* w,
                      float* packed);  // w [co, kh, kw, ci/groups]

}  // namespace bluestem::kernels
