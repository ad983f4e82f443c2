// elementwise: real-valued ops, quantization of real values, look-up of codes, softmax. All
// IEEE-exact: no libm, no FMA, so the same bits everywhere.
//
// NaN: every op of f32 gives NaN where an operand is NaN (relu, clip, min, max and reduction by
// maximum as well), but x^0 = 1^y = 1; a softmax row with a NaN is NaN throughout; quantization
// takes NaN for 0. Which NaN comes out is not defined. Zeros: relu and clip keep -0; min and max of
// +0 and -0 give the second operand.
#pragma once

#include <cstdint>

#include "bluestem/kernels/part_inl.h"

namespace bluestem::kernels {

enum class UnaryOp : int32_t {
  kRelu,
  kLeakyRelu,
  kClip,
  kSigmoid,
  kTanh,
  kHardSigmoid,
  kAbs,
  kNeg,
  kExp,
  kSqrt,
  kLog,
  kFloor,
  kCeil,
  kRound,
  kCopy
};
enum class BinaryOp : int32_t { kAdd, kSub, kMul, kDiv, kMin, kMax, kPow };

// y[i] = op(x[i]); p0, p1: alpha / (min, max) / (alpha, beta). Round takes ties to even.
struct UnaryParams {
  UnaryOp op;
  int64_t count;
  float p0, p1;
};
void unary_f32(const UnaryParams& params, const float* x, float* y);

// Broadcasting by strides (0 repeats), up to 6 axes, row-major output.
struct BinaryParams {
  BinaryOp op;
  int32_t rank;
  int32_t extent[6];
  int64_t x_stride[6];
  int64_t y_stride[6];
};
void binary_f32(const BinaryParams& params, const float* x, const float* y, float* z);

// y = f32(f32(x*a[c]) + b[c]); the last axis is the channel.
struct AffineParams {
  int64_t rows;
  int32_t channels;
  int32_t relu;
};
void affine_f32(const AffineParams& params, const float* x, const float* a, const float* b,
                float* y);

// code = clip(round(double(x)/scale + zero_point), low, high) - low, so that codes start at 0.
// rounding: 0 half-even, 1 half-up, 2 floor, 3 ceil, 4 to zero, 5 from zero, 6 half from zero, 7
// half to zero, 8 half-odd.
struct QuantizeParams {
  int64_t count;
  double scale, zero_point;
  int32_t low, high;
  int32_t rounding;
};
void quantize_f32_u8(const QuantizeParams& params, const float* x, uint8_t* y);
// y = f32((code of x - zero_point) * scale), in double: quantizers whose codes are no bytes.
void fake_quantize_f32(const QuantizeParams& params, const float* x, float* y);

// y = f32(x - zero_point) * scale
struct DequantizeParams {
  int64_t count;
  int32_t zero_point;
  float scale;
};
void dequantize_u8_f32(const DequantizeParams& params, const uint8_t* x, float* y);

void lookup_u8(int64_t count, const uint8_t* table, const uint8_t* x, uint8_t* y);

// Threshold of s32 accumulators, as qconv's epilogue.
struct ThresholdParams {
  int64_t rows;
  int32_t channels;
  int32_t levels;
};
void threshold_s32_u8(const ThresholdParams& params, const int32_t* x, const int32_t* thresholds,
                      const int8_t* directions, uint8_t* y);

// code = number of thresholds that x reaches (x >= t), of f32; [channels, levels-1], rising in each
// channel, infinities allowed. NaN counts as 0.
struct RealThresholdParams {
  int64_t rows;
  int32_t channels;
  int32_t levels;
};
void threshold_f32_u8(const RealThresholdParams& params, const float* x, const float* thresholds,
                      uint8_t* y);

// Softmax over the last axis; rule 7 of ir/ops/README.md.
struct SoftmaxParams {
  int64_t rows;
  int32_t channels;
};
void softmax_f32(const SoftmaxParams& params, const float* x, float* y);

// Sum, mean or maximum over the middle axis of [outer, n, inner], in order, f32. op: 0 sum, 1 mean
// (sum * f32(1/n)), 2 max.
struct ReduceParams {
  int64_t outer;
  int32_t n;
  int64_t inner;
  int32_t op;
};
void reduce_f32(const ReduceParams& params, const float* x, float* y);

// Returns how many elements the call changes, each by itself.
int64_t Elements(const UnaryParams& params);
int64_t Elements(const QuantizeParams& params);
int64_t Elements(const DequantizeParams& params);
int64_t Elements(const AffineParams& params);
int64_t Elements(const ThresholdParams& params);
int64_t Elements(const RealThresholdParams& params);
// Makes the whole call part `part` of `parts`, a run of elements or of rows, and returns how many
// elements further on its x and y begin. Requires: 0 <= part < parts.
RowShift TakeRows(int32_t part, int32_t parts, UnaryParams& params);
RowShift TakeRows(int32_t part, int32_t parts, QuantizeParams& params);
RowShift TakeRows(int32_t part, int32_t parts, DequantizeParams& params);
RowShift TakeRows(int32_t part, int32_t parts, AffineParams& params);
RowShift TakeRows(int32_t part, int32_t parts, ThresholdParams& params);
RowShift TakeRows(int32_t part, int32_t parts, RealThresholdParams& params);

// e^x in double from additions and multiplications alone; |error| < 1 ulp of double before
// rounding; overflow to inf, underflow to 0.
double Exp(double x);
// ln x in double; |error| < 2 ulp. NaN for x < 0, -inf for 0.
double Log(double x);

}  // namespace bluestem::kernels
