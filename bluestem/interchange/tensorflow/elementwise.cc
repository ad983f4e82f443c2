#include "bluestem/interchange/tensorflow/context.h"

namespace bluestem::interchange {
namespace {

struct NameRow {
  const char* tensorflow;
  const char* op;
};

// Ops that are one of ours under another name.
constexpr NameRow kNames[] = {
    {"Add", "Add"},         {"AddV2", "Add"}, {"Sub", "Sub"},     {"Mul", "Mul"},
    {"RealDiv", "Div"},     {"Div", "Div"},   {"Maximum", "Max"}, {"Minimum", "Min"},
    {"Pow", "Pow"},         {"Relu", "Relu"}, {"Abs", "Abs"},     {"Neg", "Neg"},
    {"Floor", "Floor"},     {"Ceil", "Ceil"}, {"Round", "Round"}, {"Rint", "Round"},
    {"Log", "Log"},         {"Exp", "Exp"},   {"Sqrt", "Sqrt"},   {"Tanh", "Tanh"},
    {"Sigmoid", "Sigmoid"},
};

const char* OpOf(const std::string& name) {
  for (const NameRow& row : kNames) {
    if (name == row.tensorflow) return row.op;
  }
  return nullptr;
}

Status ReadUnary(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  return context.Set(context.builder.Append(OpOf(context.node.op()), context.name(), {x}));
}

Status ReadBinary(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol y, context.In(1));
  return context.Set(context.builder.Append(OpOf(context.node.op()), context.name(), {x, y}));
}

Status ReadSign(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  return context.Set(context.builder.AppendSign(context.name(), x, false));
}

Status ReadAlias(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  return context.Set(x);
}

Status ReadLeakyRelu(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const double alpha, context.Float("alpha", 0.2F));
  ir::Attributes attributes;
  attributes.Set("alpha", alpha);
  return context.Set(context.builder.Append("LeakyRelu", context.name(), {x}, attributes));
}

Status ReadRelu6(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  ir::Attributes attributes;
  attributes.Set("min", 0.0).Set("max", 6.0);
  return context.Set(context.builder.Append("Clip", context.name(), {x}, attributes));
}

// 1 / sqrt(x), as unfused batch normalizations compute it of their constant variance.
Status ReadRsqrt(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol root,
                            context.builder.Append("Sqrt", context.name() + "/root", {x}));
  return context.Set(context.builder.Append("Div", context.name(),
                                            {ConstantSymbol(Tensor::Of<float>({}, {1.0F})), root}));
}

Status ReadSquare(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  return context.Set(context.builder.Append("Mul", context.name(), {x, x}));
}

constexpr TensorFlowReader kReaders[] = {
    {"Add", ReadBinary},          {"AddV2", ReadBinary},        {"Sub", ReadBinary},
    {"Mul", ReadBinary},          {"RealDiv", ReadBinary},      {"Div", ReadBinary},
    {"Maximum", ReadBinary},      {"Minimum", ReadBinary},      {"Pow", ReadBinary},
    {"Relu", ReadUnary},          {"Abs", ReadUnary},           {"Neg", ReadUnary},
    {"Exp", ReadUnary},           {"Sqrt", ReadUnary},          {"Tanh", ReadUnary},
    {"Floor", ReadUnary},         {"Ceil", ReadUnary},          {"Round", ReadUnary},
    {"Rint", ReadUnary},          {"Log", ReadUnary},           {"Sign", ReadSign},
    {"Sigmoid", ReadUnary},       {"Identity", ReadAlias},      {"StopGradient", ReadAlias},
    {"CheckNumerics", ReadAlias}, {"LeakyRelu", ReadLeakyRelu}, {"Relu6", ReadRelu6},
    {"Rsqrt", ReadRsqrt},         {"Square", ReadSquare},
};

}  // namespace

std::span<const TensorFlowReader> TensorFlowElementwiseReaders() {
  return kReaders;
}

}  // namespace bluestem::interchange
