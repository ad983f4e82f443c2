// Elementwise ops on real values and codes.
#include <bit>
#include <cmath>

#include "bluestem/lower/rules.h"
#include "bluestem/quant/threshold.h"

namespace bluestem::lower {
namespace {

using kernels::BinaryOp;
using kernels::UnaryOp;

// An op with the names and defaults of the attributes that become the kernel's p0 and p1.
struct UnaryRow {
  const char* name;
  UnaryOp op;
  const char* p0;
  double p0_default;
  const char* p1;
  double p1_default;
};

constexpr UnaryRow kUnary[] = {
    {"Relu", UnaryOp::kRelu, "", 0, "", 0},
    {"LeakyRelu", UnaryOp::kLeakyRelu, "alpha", 0.01, "", 0},
    {"Clip", UnaryOp::kClip, "min", 0, "max", 0},
    {"Sigmoid", UnaryOp::kSigmoid, "", 0, "", 0},
    {"Tanh", UnaryOp::kTanh, "", 0, "", 0},
    {"HardSigmoid", UnaryOp::kHardSigmoid, "alpha", 0.2, "beta", 0.5},
    {"Abs", UnaryOp::kAbs, "", 0, "", 0},
    {"Neg", UnaryOp::kNeg, "", 0, "", 0},
    {"Exp", UnaryOp::kExp, "", 0, "", 0},
    {"Sqrt", UnaryOp::kSqrt, "", 0, "", 0},
    {"Log", UnaryOp::kLog, "", 0, "", 0},
    {"Floor", UnaryOp::kFloor, "", 0, "", 0},
    {"Ceil", UnaryOp::kCeil, "", 0, "", 0},
    {"Round", UnaryOp::kRound, "", 0, "", 0},
};

struct BinaryRow {
  const char* name;
  BinaryOp op;
};

constexpr BinaryRow kBinary[] = {
    {"Add", BinaryOp::kAdd}, {"Sub", BinaryOp::kSub}, {"Mul", BinaryOp::kMul},
    {"Div", BinaryOp::kDiv}, {"Min", BinaryOp::kMin}, {"Max", BinaryOp::kMax},
    {"Pow", BinaryOp::kPow},
};

template <typename Row, size_t kCount>
const Row& RowOf(const Row (&rows)[kCount], const std::string& op) {
  for (const Row& row : rows) {
    if (op == row.name) return row;
  }
  BLUESTEM_CHECK(false, "an op without a row");
  return rows[0];
}

int64_t CountOf(Builder& builder, ir::ValueId id) {
  return ElementCount(builder.value(id).shape);
}

// Element strides of a tensor of shape `from` read along `to`; 0 where it repeats.
void BroadcastStrides(const Shape& from, const Shape& to, int64_t* strides) {
  int64_t stride = 1;
  for (size_t back = 1; back <= to.size(); ++back) {
    const size_t axis = to.size() - back;
    const int64_t extent = back <= from.size() ? from[from.size() - back] : 1;
    strides[axis] = extent == 1 ? 0 : stride;
    stride *= extent;
  }
}

// The finite f32 values in rising order are the integers from -0x7f7fffff to 0x7f7fffff.
constexpr int32_t kGreatestKey = 0x7f7fffff;

float ValueOfKey(int32_t key) {
  return key < 0 ? -std::bit_cast<float>(-key) : std::bit_cast<float>(key);
}

void EmitRealThreshold(Builder& builder, const ir::Node& node, program::Operand thresholds) {
  const Shape& shape = builder.value(node.inputs[0]).shape;
  const kernels::RealThresholdParams params{.rows = ElementCount(shape) / shape.back(),
                                            .channels = static_cast<int32_t>(shape.back()),
                                            .levels = builder.value(node.outputs[0]).quant->levels};
  program::Call call = NewCall(builder, node, params);
  call.inputs.push_back(thresholds);
  builder.Emit(std::move(call));
}

// A quantizer with one scale a channel is the thresholds that its definition has among all f32.
Status LowerScaledQuantize(Builder& builder, const ir::Node& node) {
  const ir::QuantInfo& info = *builder.value(node.outputs[0]).quant;
  const Tensor& scales = *builder.value(node.inputs[1]).constant;
  const auto rounding = quant::FindRounding(node.attributes.Text("rounding", "ROUND"));
  BLUESTEM_CHECK(rounding.has_value(), "verified with the graph");
  const auto low = static_cast<int32_t>(node.attributes.Int("low"));
  quant::QuantSpec spec{.scale = 1,
                        .zero_point = static_cast<double>(info.zero_point + low),
                        .low = low,
                        .high = low + info.levels - 1,
                        .rounding = *rounding};
  std::vector<float> thresholds;
  for (int64_t c = 0; c < scales.size(); ++c) {
    spec.scale = scales.At(c);
    const auto code = [&](int32_t key) { return spec.Code(ValueOfKey(key)) - low; };
    BLUESTEM_ASSIGN_OR_RETURN(
        const quant::ChannelThresholds found,
        quant::FoldThresholds(code, info.levels, -kGreatestKey, kGreatestKey));
    for (const int32_t key : found.values) {
      const bool outside = key < -kGreatestKey || key > kGreatestKey;
      thresholds.push_back(outside ? std::copysign(HUGE_VALF, static_cast<float>(key))
                                   : ValueOfKey(key));
    }
  }
  EmitRealThreshold(builder, node, builder.Constant(thresholds));
  return OkStatus();
}

}  // namespace

Status LowerUnary(Builder& builder, const ir::Node& node) {
  const UnaryRow& row = RowOf(kUnary, node.op);
  const auto parameter = [&](const char* name, double otherwise) {
    return *name == '\0' ? 0.0f : static_cast<float>(node.attributes.Float(name, otherwise));
  };
  const kernels::UnaryParams params{.op = row.op,
                                    .count = CountOf(builder, node.outputs[0]),
                                    .p0 = parameter(row.p0, row.p0_default),
                                    .p1 = parameter(row.p1, row.p1_default)};
  builder.Emit(NewCall(builder, node, params));
  return OkStatus();
}

Status LowerBinary(Builder& builder, const ir::Node& node) {
  const Shape& shape = builder.value(node.outputs[0]).shape;
  kernels::BinaryParams params{};
  params.op = RowOf(kBinary, node.op).op;
  params.rank = static_cast<int32_t>(shape.size());
  for (size_t i = 0; i < shape.size(); ++i) params.extent[i] = static_cast<int32_t>(shape[i]);
  if (shape.empty()) {
    params.rank = 1;
    params.extent[0] = 1;
  }
  BroadcastStrides(builder.value(node.inputs[0]).shape, shape, params.x_stride);
  BroadcastStrides(builder.value(node.inputs[1]).shape, shape, params.y_stride);
  program::Call call = NewCall(builder, node, params);
  call.inputs.push_back(builder.Read(node.inputs[1]));
  builder.Emit(std::move(call));
  return OkStatus();
}

BatchNormFactors FactorsOf(const Builder& builder, const ir::Node& batch_norm) {
  const auto parameter = [&](size_t i) -> const Tensor& {
    return *builder.value(batch_norm.inputs[i]).constant;
  };
  const double epsilon = batch_norm.attributes.Float("epsilon");
  BatchNormFactors factors;
  for (int64_t c = 0; c < parameter(1).size(); ++c) {
    const double factor = parameter(1).At(c) / std::sqrt(parameter(4).At(c) + epsilon);
    factors.a.push_back(static_cast<float>(factor));
    factors.b.push_back(static_cast<float>(parameter(2).At(c) - parameter(3).At(c) * factor));
  }
  return factors;
}

Status LowerBatchNorm(Builder& builder, const ir::Node& node) {
  const BatchNormFactors factors = FactorsOf(builder, node);
  const auto channels = static_cast<int64_t>(factors.a.size());
  const kernels::AffineParams params{.rows = CountOf(builder, node.inputs[0]) / channels,
                                     .channels = static_cast<int32_t>(channels),
                                     .relu = 0};
  program::Call call = NewCall(builder, node, params);
  call.inputs.push_back(builder.Constant(factors.a));
  call.inputs.push_back(builder.Constant(factors.b));
  builder.Emit(std::move(call));
  return OkStatus();
}

Status LowerQuantize(Builder& builder, const ir::Node& node) {
  if (node.inputs.size() > 1) return LowerScaledQuantize(builder, node);
  const ir::QuantInfo& quant = *builder.value(node.outputs[0]).quant;
  const auto rounding = quant::FindRounding(node.attributes.Text("rounding", "ROUND"));
  BLUESTEM_CHECK(rounding.has_value(), "verified with the graph");
  const auto low = static_cast<int32_t>(node.attributes.Int("low"));
  const kernels::QuantizeParams params{.count = CountOf(builder, node.outputs[0]),
                                       .scale = quant.scale,
                                       .zero_point = static_cast<double>(quant.zero_point + low),
                                       .low = low,
                                       .high = low + quant.levels - 1,
                                       .rounding = static_cast<int32_t>(*rounding)};
  builder.Emit(NewCall(builder, node, params));
  return OkStatus();
}

Status LowerDequantize(Builder& builder, const ir::Node& node) {
  const ir::QuantInfo& quant = *builder.value(node.inputs[0]).quant;
  const kernels::DequantizeParams params{.count = CountOf(builder, node.outputs[0]),
                                         .zero_point = quant.zero_point,
                                         .scale = static_cast<float>(quant.scale)};
  builder.Emit(NewCall(builder, node, params));
  return OkStatus();
}

Status LowerLookup(Builder& builder, const ir::Node& node) {
  program::Call call =
      NewCall(builder, node, program::LookupCall{CountOf(builder, node.outputs[0])});
  call.inputs.push_back(builder.Read(node.inputs[1]));
  builder.Emit(std::move(call));
  return OkStatus();
}

Status LowerThreshold(Builder& builder, const ir::Node& node) {
  const Shape& shape = builder.value(node.inputs[0]).shape;
  const kernels::ThresholdParams params{.rows = ElementCount(shape) / shape.back(),
                                        .channels = static_cast<int32_t>(shape.back()),
                                        .levels = builder.value(node.outputs[0]).quant->levels};
  program::Call call = NewCall(builder, node, params);
  call.inputs.push_back(builder.Read(node.inputs[1]));
  call.inputs.push_back(builder.Read(node.inputs[2]));
  builder.Emit(std::move(call));
  return OkStatus();
}

Status LowerRealThreshold(Builder& builder, const ir::Node& node) {
  EmitRealThreshold(builder, node, builder.Read(node.inputs[1]));
  return OkStatus();
}

// A quantizer that stayed real: of more than 8 bits, or around no whole zero point.
Status LowerFakeQuantize(Builder& builder, const ir::Node& node) {
  const ir::Value& scale = builder.value(node.inputs[1]);
  const ir::Value& zero_point = builder.value(node.inputs[2]);
  if (ElementCount(scale.shape) != 1 || ElementCount(zero_point.shape) != 1) {
    return Error(Code::kUnsupported,
                 "a quantizer of {} bits with one scale a channel; one scale, or at most 8 bits",
                 node.attributes.Int("bits"));
  }
  const auto rounding = quant::FindRounding(node.attributes.Text("rounding", "ROUND"));
  BLUESTEM_CHECK(rounding.has_value(), "verified with the graph");
  const quant::QuantSpec spec = quant::MakeQuantSpec(
      scale.constant->At(0), zero_point.constant->At(0),
      static_cast<int32_t>(node.attributes.Int("bits")), node.attributes.Int("signed") != 0,
      node.attributes.Int("narrow") != 0, *rounding);
  const kernels::QuantizeParams params{.count = CountOf(builder, node.outputs[0]),
                                       .scale = spec.scale,
                                       .zero_point = spec.zero_point,
                                       .low = spec.low,
                                       .high = spec.high,
                                       .rounding = static_cast<int32_t>(*rounding)};
  builder.Emit(NewCall(builder, node, program::FakeQuantizeCall{params}));
  return OkStatus();
}

}  // namespace bluestem::lower
