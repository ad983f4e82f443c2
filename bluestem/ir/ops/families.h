// The functions that the rows of ops.cc name, by the file that defines them. Internal to ir/ops and
// ir/evaluate*.cc.
#pragma once

#include "bluestem/ir/ops/ops.h"

namespace bluestem::ir {

// common.cc
Status NeedDType(const InferContext& context, size_t input, DType dtype);
Status NeedConstant(const InferContext& context, size_t input, const char* what);
// Returns the output's code meaning from the attributes scale, zero_point, bits and levels. Errors:
// values out of range.
Result<std::shared_ptr<const QuantInfo>> QuantFromAttributes(const Attributes& attributes);
// Returns the numpy broadcast of both shapes. Errors: naming both shapes.
Result<Shape> Broadcast(const Shape& x, const Shape& y);
// Returns for each axis of `to` the element stride in a dense tensor of shape `from`; 0 where it
// repeats.
std::vector<int64_t> BroadcastStrides(const Shape& from, const Shape& to);
// Calls visit(flat index of the output, element offset by `strides_a`, by `strides_b`) in row-major
// order.
template <typename Visit>
void ForEachIndex(const Shape& shape, const std::vector<int64_t>& strides_a,
                  const std::vector<int64_t>& strides_b, Visit visit) {
  const int64_t count = ElementCount(shape);
  Shape index(shape.size(), 0);
  int64_t a = 0;
  int64_t b = 0;
  for (int64_t i = 0; i < count; ++i) {
    visit(i, a, b);
    for (size_t axis = shape.size(); axis-- > 0;) {
      a += strides_a[axis];
      b += strides_b[axis];
      if (++index[axis] < shape[axis]) break;
      a -= strides_a[axis] * shape[axis];
      b -= strides_b[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}
// Returns the tensor with its channels last, or back in `layout`.
Tensor ToNhwc(const Tensor& tensor, const std::string& layout);
Tensor FromNhwc(const Tensor& tensor, const std::string& layout);
// Returns the axis counted from the front. Errors: kInvalidData outside [-rank, rank).
Result<int64_t> NormalAxis(int64_t axis, size_t rank);

// unary.cc
Result<Inferred> InferUnary(const InferContext& context);
Result<Inferred> InferIdentity(const InferContext& context);
Tensor EvaluateUnary(const Operands& operands);
Tensor DoubleUnary(const Operands& operands);
Tensor EvaluateIdentity(const Operands& operands);

// binary.cc
Result<Inferred> InferBinary(const InferContext& context);
Tensor EvaluateBinary(const Operands& operands);
Tensor DoubleBinary(const Operands& operands);

// conv.cc
Result<Inferred> InferConv(const InferContext& context);
Tensor EvaluateConv(const Operands& operands);
Tensor DoubleConv(const Operands& operands);
Result<Inferred> InferDense(const InferContext& context);
Tensor EvaluateDense(const Operands& operands);
Tensor DoubleDense(const Operands& operands);

// norm.cc
Result<Inferred> InferBatchNorm(const InferContext& context);
Tensor EvaluateBatchNorm(const Operands& operands);
Tensor DoubleBatchNorm(const Operands& operands);
Result<Inferred> InferSoftmax(const InferContext& context);
Tensor EvaluateSoftmax(const Operands& operands);
Tensor DoubleSoftmax(const Operands& operands);

// quantizer.cc
Result<Inferred> InferQuant(const InferContext& context);
Tensor EvaluateQuant(const Operands& operands);
Tensor DoubleQuant(const Operands& operands);
Result<Inferred> InferBinaryQuant(const InferContext& context);
Tensor EvaluateBinaryQuant(const Operands& operands);
Tensor DoubleBinaryQuant(const Operands& operands);
Result<Inferred> InferQuantize(const InferContext& context);
Tensor EvaluateQuantize(const Operands& operands);
Tensor DoubleQuantize(const Operands& operands);
Result<Inferred> InferDequantize(const InferContext& context);
Tensor EvaluateDequantize(const Operands& operands);
Tensor DoubleDequantize(const Operands& operands);
Result<Inferred> InferLookup(const InferContext& context);
Tensor EvaluateLookup(const Operands& operands);

// real_threshold.cc
Result<Inferred> InferMultiThreshold(const InferContext& context);
Tensor EvaluateMultiThreshold(const Operands& operands);
Tensor DoubleMultiThreshold(const Operands& operands);
Result<Inferred> InferRealThreshold(const InferContext& context);
Tensor EvaluateRealThreshold(const Operands& operands);
Tensor DoubleRealThreshold(const Operands& operands);

// pool.cc
Result<Inferred> InferMaxPool(const InferContext& context);
Result<Inferred> InferAvgPool(const InferContext& context);
Result<Inferred> InferGlobalMaxPool(const InferContext& context);
Result<Inferred> InferGlobalAvgPool(const InferContext& context);
Tensor EvaluatePool(const Operands& operands);
Tensor DoublePool(const Operands& operands);

// reduce.cc
Result<Inferred> InferReduce(const InferContext& context);
Tensor EvaluateReduce(const Operands& operands);
Tensor DoubleReduce(const Operands& operands);

// rearrange.cc, space.cc: any element type; the same for both evaluations.
Result<Inferred> InferConcat(const InferContext& context);
Tensor EvaluateConcat(const Operands& operands);
Result<Inferred> InferReshape(const InferContext& context);
Tensor EvaluateReshape(const Operands& operands);
Result<Inferred> InferTranspose(const InferContext& context);
Tensor EvaluateTranspose(const Operands& operands);
Result<Inferred> InferSlice(const InferContext& context);
Tensor EvaluateSlice(const Operands& operands);
Result<Inferred> InferPad(const InferContext& context);
Tensor EvaluatePad(const Operands& operands);
Result<Inferred> InferSpaceToDepth(const InferContext& context);
Tensor EvaluateSpaceToDepth(const Operands& operands);
Result<Inferred> InferDepthToSpace(const InferContext& context);
Tensor EvaluateDepthToSpace(const Operands& operands);
Result<Inferred> InferResizeNearest(const InferContext& context);
Tensor EvaluateResizeNearest(const Operands& operands);

// qconv.cc
Result<Inferred> InferQConv(const InferContext& context);
Tensor EvaluateQConv(const Operands& operands);
Tensor DoubleQConv(const Operands& operands);
Result<Inferred> InferThreshold(const InferContext& context);
Tensor EvaluateThreshold(const Operands& operands);
Tensor DoubleThreshold(const Operands& operands);

}  // namespace bluestem::ir
