#include <algorithm>
#include <cmath>

#include "bluestem/ir/ops/families.h"
#include "bluestem/kernels/elementwise/elementwise.h"

namespace bluestem::ir {
namespace {

using kernels::BinaryOp;

struct BinaryRow {
  const char* name;
  BinaryOp op;
};

constexpr BinaryRow kRows[] = {
    {"Add", BinaryOp::kAdd}, {"Sub", BinaryOp::kSub}, {"Mul", BinaryOp::kMul},
    {"Div", BinaryOp::kDiv}, {"Min", BinaryOp::kMin}, {"Max", BinaryOp::kMax},
    {"Pow", BinaryOp::kPow},
};

BinaryOp OpOf(const Node& node) {
  for (const BinaryRow& row : kRows) {
    if (node.op == row.name) return row.op;
  }
  BLUESTEM_CHECK(false, "not a binary op");
}

double Apply(BinaryOp op, double x, double y) {
  switch (op) {
    case BinaryOp::kAdd: return x + y;
    case BinaryOp::kSub: return x - y;
    case BinaryOp::kMul: return x * y;
    case BinaryOp::kDiv: return x / y;
    case BinaryOp::kMin: return std::min(x, y);
    case BinaryOp::kMax: return std::max(x, y);
    case BinaryOp::kPow: return std::pow(x, y);
  }
  return 0;
}

}  // namespace

Result<Inferred> InferBinary(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kF32));
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 1, DType::kF32));
  BLUESTEM_ASSIGN_OR_RETURN(Shape shape, Broadcast(context.in(0).shape, context.in(1).shape));
  return Inferred{DType::kF32, std::move(shape), nullptr};
}

Tensor EvaluateBinary(const Operands& operands) {
  const Shape& shape = operands.out().shape;
  kernels::BinaryParams params = {};
  params.op = OpOf(operands.node);
  params.rank = static_cast<int32_t>(shape.size());
  const auto x_strides = BroadcastStrides(operands.in(0).shape(), shape);
  const auto y_strides = BroadcastStrides(operands.in(1).shape(), shape);
  for (size_t i = 0; i < shape.size(); ++i) {
    params.extent[i] = static_cast<int32_t>(shape[i]);
    params.x_stride[i] = x_strides[i];
    params.y_stride[i] = y_strides[i];
  }
  Tensor z(DType::kF32, shape);
  kernels::binary_f32(params, operands.in(0).data<float>(), operands.in(1).data<float>(),
                      z.data<float>());
  return z;
}

Tensor DoubleBinary(const Operands& operands) {
  const Shape& shape = operands.out().shape;
  const BinaryOp op = OpOf(operands.node);
  const auto* x = operands.in(0).data<double>();
  const auto* y = operands.in(1).data<double>();
  Tensor z(DType::kF64, shape);
  auto* out = z.data<double>();
  ForEachIndex(shape, BroadcastStrides(operands.in(0).shape(), shape),
               BroadcastStrides(operands.in(1).shape(), shape),
               [&](int64_t i, int64_t a, int64_t b) { out[i] = Apply(op, x[a], y[b]); });
  return z;
}

}  // namespace bluestem::ir
