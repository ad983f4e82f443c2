#include <limits>

#include "bluestem/interchange/onnx/context.h"

namespace bluestem::interchange {
namespace {

Symbol Scalar(double value) {
  return ConstantSymbol(Tensor::Of<float>({}, {static_cast<float>(value)}));
}

// Integer constants are shape arithmetic: computed here, in 64 bits, with ONNX's truncating
// division.
Result<Symbol> FoldIntegers(const std::string& op, const Symbol& x, const Symbol& y) {
  BLUESTEM_ASSIGN_OR_RETURN(const auto a, ConstantInts(x, "input 0"));
  BLUESTEM_ASSIGN_OR_RETURN(const auto b, ConstantInts(y, "input 1"));
  const bool wide = a.size() >= b.size();
  const size_t count = wide ? a.size() : b.size();
  if (a.empty() || b.empty() || (a.size() != count && a.size() != 1) ||
      (b.size() != count && b.size() != 1)) {
    return Error(Code::kUnsupported, "integer constants of shapes {} and {}",
                 ShapeText(x.constant->shape()), ShapeText(y.constant->shape()));
  }
  Tensor result(DType::kS64, (wide ? x : y).constant->shape());
  for (size_t i = 0; i < count; ++i) {
    const int64_t p = a[a.size() == 1 ? 0 : i];
    const int64_t q = b[b.size() == 1 ? 0 : i];
    int64_t value = 0;
    bool overflow = false;
    if (op == "Add") {
      overflow = __builtin_add_overflow(p, q, &value);
    } else if (op == "Sub") {
      overflow = __builtin_sub_overflow(p, q, &value);
    } else if (op == "Mul") {
      overflow = __builtin_mul_overflow(p, q, &value);
    } else if (op == "Div") {
      overflow = q == 0 || (q == -1 && p == std::numeric_limits<int64_t>::min());
      if (!overflow) value = p / q;
    } else {
      value = op == "Min" ? std::min(p, q) : std::max(p, q);
    }
    if (overflow) return Error(Code::kInvalidData, "{} of {} and {} has no result", op, p, q);
    result.data<int64_t>()[i] = value;
  }
  return ConstantSymbol(std::move(result));
}

bool IsInteger(const Symbol& symbol) {
  return symbol.IsConstant() && symbol.constant->dtype() != DType::kF32;
}

// Add, Sub, Mul, Div, Pow; Min and Max take any number of inputs.
Status ReadBinary(OnnxContext& context) {
  const std::string& op = context.node.op_type();
  BLUESTEM_ASSIGN_OR_RETURN(Symbol x, context.In(0));
  const bool many = op == "Min" || op == "Max";
  if (!many && context.node.input_size() != 2) {
    return Error(Code::kInvalidData, "has {} inputs; the op takes 2", context.node.input_size());
  }
  for (int i = 1; i < context.node.input_size(); ++i) {
    BLUESTEM_ASSIGN_OR_RETURN(const Symbol y, context.In(i));
    if (op != "Pow" && IsInteger(x) && IsInteger(y)) {
      BLUESTEM_ASSIGN_OR_RETURN(x, FoldIntegers(op, x, y));
    } else {
      BLUESTEM_ASSIGN_OR_RETURN(x, context.builder.Append(op, context.name, {x, y}));
    }
  }
  return context.Set(x);
}

// Ops of one input and no attributes, of the same name here and there.
Status ReadUnary(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  return context.Set(context.builder.Append(context.node.op_type(), context.name, {x}));
}

Status ReadSign(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  return context.Set(context.builder.AppendSign(context.name, x, true));
}

// Passed on without a node.
Status ReadAlias(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  context.LeaveOutputs(1);
  return context.Set(x);
}

Status ReadLeakyRelu(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const double alpha, context.Float("alpha", 0.01F));
  ir::Attributes attributes;
  attributes.Set("alpha", alpha);
  return context.Set(context.builder.Append("LeakyRelu", context.name, {x}, attributes));
}

Status ReadPRelu(OnnxContext& context) {
  Builder& builder = context.builder;
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol slope, context.In(1));
  if (slope.IsConstant() && slope.constant->size() == 1) {
    ir::Attributes attributes;
    attributes.Set("alpha", slope.constant->At(0));
    return context.Set(builder.Append("LeakyRelu", context.name, {x}, attributes));
  }
  // max(x, 0) + slope * min(x, 0)
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol above,
                            builder.Append("Relu", context.name + "/above", {x}));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol below,
                            builder.Append("Min", context.name + "/below", {x, Scalar(0)}));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol scaled,
                            builder.Append("Mul", context.name + "/slope", {below, slope}));
  return context.Set(builder.Append("Add", context.name, {above, scaled}));
}

// A bound of Clip: the attribute of older opsets or the input of newer ones.
Result<double> ReadBound(const OnnxContext& context, const char* key, int i, double otherwise) {
  if (context.HasAttribute(key)) return context.Float(key, otherwise);
  if (!context.Has(i)) return otherwise;
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol bound, context.In(i));
  return ConstantScalar(bound, key);
}

Status ReadClip(OnnxContext& context) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const double low, ReadBound(context, "min", 1, -kInfinity));
  BLUESTEM_ASSIGN_OR_RETURN(const double high, ReadBound(context, "max", 2, kInfinity));
  ir::Attributes attributes;
  attributes.Set("min", low).Set("max", high);
  return context.Set(context.builder.Append("Clip", context.name, {x}, attributes));
}

Status ReadHardSigmoid(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const double alpha, context.Float("alpha", 0.2F));
  BLUESTEM_ASSIGN_OR_RETURN(const double beta, context.Float("beta", 0.5F));
  ir::Attributes attributes;
  attributes.Set("alpha", alpha).Set("beta", beta);
  return context.Set(context.builder.Append("HardSigmoid", context.name, {x}, attributes));
}

Status ReadHardSwish(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  ir::Attributes attributes;
  attributes.Set("alpha", static_cast<double>(1.0F / 6)).Set("beta", 0.5);
  BLUESTEM_ASSIGN_OR_RETURN(
      const Symbol gate,
      context.builder.Append("HardSigmoid", context.name + "/gate", {x}, attributes));
  return context.Set(context.builder.Append("Mul", context.name, {x, gate}));
}

Status ReadReciprocal(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  return context.Set(context.builder.Append("Div", context.name, {Scalar(1), x}));
}

Status ReadSum(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(Symbol sum, context.In(0));
  for (int i = 1; i < context.node.input_size(); ++i) {
    BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(i));
    BLUESTEM_ASSIGN_OR_RETURN(sum, context.builder.Append("Add", context.name, {sum, x}));
  }
  return context.Set(sum);
}

constexpr OnnxReader kReaders[] = {
    {"Add", ReadBinary},
    {"Sub", ReadBinary},
    {"Mul", ReadBinary},
    {"Div", ReadBinary},
    {"Min", ReadBinary},
    {"Max", ReadBinary},
    {"Pow", ReadBinary},
    {"Sum", ReadSum},
    {"Relu", ReadUnary},
    {"Sigmoid", ReadUnary},
    {"Tanh", ReadUnary},
    {"Abs", ReadUnary},
    {"Neg", ReadUnary},
    {"Exp", ReadUnary},
    {"Sqrt", ReadUnary},
    {"Reciprocal", ReadReciprocal},
    {"Sign", ReadSign},
    {"Log", ReadUnary},
    {"Floor", ReadUnary},
    {"Ceil", ReadUnary},
    {"Round", ReadUnary},
    {"Identity", ReadAlias},
    {"Dropout", ReadAlias},
    {"LeakyRelu", ReadLeakyRelu},
    {"PRelu", ReadPRelu},
    {"Clip", ReadClip},
    {"HardSigmoid", ReadHardSigmoid},
    {"HardSwish", ReadHardSwish},
};

}  // namespace

std::span<const OnnxReader> OnnxElementwiseReaders() {
  return kReaders;
}

}  // namespace bluestem::interchange
