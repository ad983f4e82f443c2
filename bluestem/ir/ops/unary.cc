#include <algorithm>
#include <cmath>

#include "bluestem/ir/ops/families.h"
#include "bluestem/kernels/elementwise/elementwise.h"

namespace bluestem::ir {
namespace {

using kernels::UnaryOp;

struct UnaryRow {
  const char* name;
  UnaryOp op;
};

constexpr UnaryRow kRows[] = {
    {"Relu", UnaryOp::kRelu}, {"LeakyRelu", UnaryOp::kLeakyRelu},
    {"Clip", UnaryOp::kClip}, {"Sigmoid", UnaryOp::kSigmoid},
    {"Tanh", UnaryOp::kTanh}, {"HardSigmoid", UnaryOp::kHardSigmoid},
    {"Abs", UnaryOp::kAbs},   {"Neg", UnaryOp::kNeg},
    {"Exp", UnaryOp::kExp},   {"Sqrt", UnaryOp::kSqrt},
    {"Log", UnaryOp::kLog},   {"Floor", UnaryOp::kFloor},
    {"Ceil", UnaryOp::kCeil}, {"Round", UnaryOp::kRound},
};

struct UnaryPlan {
  UnaryOp op = UnaryOp::kCopy;
  double p0 = 0;
  double p1 = 0;
};

UnaryPlan PlanOf(const Node& node) {
  UnaryPlan plan;
  for (const UnaryRow& row : kRows) {
    if (node.op == row.name) plan.op = row.op;
  }
  const Attributes& attributes = node.attributes;
  if (plan.op == UnaryOp::kLeakyRelu) plan.p0 = attributes.Float("alpha", 0.01);
  if (plan.op == UnaryOp::kClip) {
    plan.p0 = attributes.Float("min");
    plan.p1 = attributes.Float("max");
  }
  if (plan.op == UnaryOp::kHardSigmoid) {
    plan.p0 = attributes.Float("alpha", 0.2);
    plan.p1 = attributes.Float("beta", 0.5);
  }
  return plan;
}

double Apply(const UnaryPlan& plan, double x) {
  switch (plan.op) {
    case UnaryOp::kRelu: return x > 0 ? x : 0;
    case UnaryOp::kLeakyRelu: return x > 0 ? x : x * plan.p0;
    case UnaryOp::kClip: return std::min(std::max(x, plan.p0), plan.p1);
    case UnaryOp::kSigmoid: return 1 / (1 + std::exp(-x));
    case UnaryOp::kTanh: return std::tanh(x);
    case UnaryOp::kHardSigmoid: return std::min(std::max(x * plan.p0 + plan.p1, 0.0), 1.0);
    case UnaryOp::kAbs: return std::fabs(x);
    case UnaryOp::kNeg: return -x;
    case UnaryOp::kExp: return std::exp(x);
    case UnaryOp::kSqrt: return std::sqrt(x);
    case UnaryOp::kLog: return std::log(x);
    case UnaryOp::kFloor: return std::floor(x);
    case UnaryOp::kCeil: return std::ceil(x);
    case UnaryOp::kRound: return std::nearbyint(x);
    case UnaryOp::kCopy: return x;
  }
  return x;
}

}  // namespace

Result<Inferred> InferUnary(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kF32));
  if (context.node.op == "Clip") {
    const double low = context.attributes().Float("min");
    const double high = context.attributes().Float("max");
    if (!(low <= high)) {
      return Error(Code::kInvalidData, "min {} must not be above max {}", low, high);
    }
  }
  return Inferred{DType::kF32, context.in(0).shape, nullptr};
}

Result<Inferred> InferIdentity(const InferContext& context) {
  return Inferred{context.in(0).dtype, context.in(0).shape, context.in(0).quant};
}

Tensor EvaluateIdentity(const Operands& operands) {
  return operands.in(0);
}

Tensor EvaluateUnary(const Operands& operands) {
  const UnaryPlan plan = PlanOf(operands.node);
  const Tensor& x = operands.in(0);
  Tensor y(DType::kF32, x.shape());
  const kernels::UnaryParams params = {.op = plan.op,
                                       .count = x.size(),
                                       .p0 = static_cast<float>(plan.p0),
                                       .p1 = static_cast<float>(plan.p1)};
  kernels::unary_f32(params, x.data<float>(), y.data<float>());
  return y;
}

Tensor DoubleUnary(const Operands& operands) {
  const UnaryPlan plan = PlanOf(operands.node);
  const Tensor& x = operands.in(0);
  Tensor y(DType::kF64, x.shape());
  for (int64_t i = 0; i < x.size(); ++i) y.data<double>()[i] = Apply(plan, x.data<double>()[i]);
  return y;
}

}  // namespace bluestem::ir
