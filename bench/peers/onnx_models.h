// ONNX models of what the peers run, in int8 as ONNX's own tools quantize: u8 activations, s8
// weights of one scale a channel, QuantizeLinear and DequantizeLinear around float operators.
// Inputs and outputs are NHWC with a Transpose around each Conv: ONNX Runtime finds that those
// cancel and runs NHWC throughout, which saves it two transposes of what is NCHW outside.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/peers/contender.h"

namespace bluestem::bench {

// The numbers of a convolution: y = clamp(round((sum x * w + bias) * weight_scale * x_scale /
// y_scale) + y_zero, 0, 255). No sum of two products leaves 16 bits, where AVX2 adds with
// saturation: weights are at most 63.
struct Int8Conv {
  std::vector<int8_t> w;  // [co, ci, kernel, kernel]
  std::vector<int32_t> bias;
  float x_scale, w_scale, y_scale;
  int32_t y_zero;
};
// Random numbers, the same for the same shape. Without `relu` the zero of codes is 128.
Int8Conv MakeInt8Conv(const ConvShape& shape, bool relu);

// One convolution with ReLU, "x" u8 to "y" u8, as bytes of a ModelProto.
std::string OnnxConvModel(const ConvShape& shape);
// LmnetV1, "x" u8 to the scores "y" f32.
std::string OnnxLmnetModel();

// The operators of a ModelProto's graph, as "QLinearConv 7, Reshape 6".
std::string OnnxOperators(const std::string& model);

}  // namespace bluestem::bench
