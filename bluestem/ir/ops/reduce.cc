#include <algorithm>

#include "bluestem/ir/ops/families.h"
#include "bluestem/kernels/elementwise/elementwise.h"

namespace bluestem::ir {
namespace {

// Which axes are reduced, as a mask over the input's axes. Errors: an axis outside, or none.
Result<std::vector<bool>> ReducedAxes(const Attributes& attributes, const Shape& x) {
  std::vector<bool> reduced(x.size(), false);
  const auto axes = attributes.Ints("axes");
  if (axes.empty()) return Error(Code::kInvalidData, "axes is empty; name one axis or more");
  for (const int64_t axis : axes) {
    BLUESTEM_ASSIGN_OR_RETURN(const int64_t normal, NormalAxis(axis, x.size()));
    reduced[static_cast<size_t>(normal)] = true;
  }
  return reduced;
}

// Returns the data as [kept, reduced], each in the order of its axes.
Tensor Gather(const Operands& operands, int64_t& rows, int64_t& columns) {
  const Shape& shape = operands.in(0).shape();
  const auto reduced = ReducedAxes(operands.attributes(), shape).value();
  std::vector<int64_t> perm;
  columns = 1;
  for (const bool which : {false, true}) {
    for (size_t i = 0; i < shape.size(); ++i) {
      if (reduced[i] != which) continue;
      perm.push_back(static_cast<int64_t>(i));
      if (which) columns *= shape[i];
    }
  }
  rows = operands.in(0).size() / columns;
  return operands.in(0).Transposed(perm);
}

}  // namespace

Result<Inferred> InferReduce(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kF32));
  const Shape& x = context.in(0).shape;
  BLUESTEM_ASSIGN_OR_RETURN(const auto reduced, ReducedAxes(context.attributes(), x));
  const bool keep = context.attributes().Int("keepdims", 1) != 0;
  Shape shape;
  for (size_t i = 0; i < x.size(); ++i) {
    if (!reduced[i]) {
      shape.push_back(x[i]);
    } else if (keep) {
      shape.push_back(1);
    }
  }
  return Inferred{DType::kF32, std::move(shape), nullptr};
}

Tensor EvaluateReduce(const Operands& operands) {
  kernels::ReduceParams params = {};
  int64_t columns = 1;
  const Tensor x = Gather(operands, params.outer, columns);
  params.n = static_cast<int32_t>(columns);
  params.inner = 1;
  params.op = operands.node.op == "ReduceSum" ? 0 : operands.node.op == "ReduceMean" ? 1 : 2;
  Tensor y(DType::kF32, operands.out().shape);
  kernels::reduce_f32(params, x.data<float>(), y.data<float>());
  return y;
}

Tensor DoubleReduce(const Operands& operands) {
  int64_t rows = 1;
  int64_t columns = 1;
  const Tensor x = Gather(operands, rows, columns);
  Tensor y(DType::kF64, operands.out().shape);
  for (int64_t row = 0; row < rows; ++row) {
    const double* in = x.data<double>() + row * columns;
    double sum = 0;
    for (int64_t i = 0; i < columns; ++i) sum += in[i];
    if (operands.node.op == "ReduceMean") sum /= static_cast<double>(columns);
    if (operands.node.op == "ReduceMax") sum = *std::max_element(in, in + columns);
    y.data<double>()[row] = sum;
  }
  return y;
}

}  // namespace bluestem::ir
