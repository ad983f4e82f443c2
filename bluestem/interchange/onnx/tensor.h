// ONNX's TensorProto to and from Tensor. Internal to interchange.
#pragma once

#include "bluestem/base/status.h"
#include "bluestem/tensor/tensor.h"
#include "onnx/onnx.pb.h"

namespace bluestem::interchange {

// Returns the tensor; f16, bf16 and f64 become f32, narrow integers s32 or s64, bool u8.
// Errors: kInvalidData where dims and data disagree; kUnsupported for external data and for text
// and complex types.
Result<Tensor> TensorFromOnnx(const onnx::TensorProto& proto);

// Writes f32 or s64 elements as raw data.
void TensorToOnnx(const Tensor& tensor, const std::string& name, onnx::TensorProto& proto);

// Returns the number that 16 bits of IEEE half precision stand for.
float HalfToFloat(uint16_t bits);

}  // namespace bluestem::interchange
