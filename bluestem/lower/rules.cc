#include "bluestem/lower/rules.h"

#include <algorithm>

namespace bluestem::lower {
namespace {

constexpr Rule kRules[] = {
    {"QConv", LowerQConv},
    {"Conv", LowerConv},
    {"Dense", LowerDense},
    {"BatchNorm", LowerBatchNorm},
    {"MaxPool", LowerPool},
    {"AvgPool", LowerPool},
    {"GlobalAvgPool", LowerPool},
    {"GlobalMaxPool", LowerPool},
    {"Identity", LowerAlias},
    {"Reshape", LowerAlias},
    {"Transpose", LowerTranspose},
    {"Concat", LowerConcat},
    {"Slice", LowerSlice},
    {"Pad", LowerPad},
    {"SpaceToDepth", LowerSpace},
    {"DepthToSpace", LowerSpace},
    {"ResizeNearest", LowerResize},
    {"Relu", LowerUnary},
    {"LeakyRelu", LowerUnary},
    {"Clip", LowerUnary},
    {"Sigmoid", LowerUnary},
    {"Tanh", LowerUnary},
    {"HardSigmoid", LowerUnary},
    {"Abs", LowerUnary},
    {"Neg", LowerUnary},
    {"Exp", LowerUnary},
    {"Sqrt", LowerUnary},
    {"Log", LowerUnary},
    {"Floor", LowerUnary},
    {"Ceil", LowerUnary},
    {"Round", LowerUnary},
    {"Add", LowerBinary},
    {"Sub", LowerBinary},
    {"Mul", LowerBinary},
    {"Div", LowerBinary},
    {"Min", LowerBinary},
    {"Max", LowerBinary},
    {"Pow", LowerBinary},
    {"Quant", LowerFakeQuantize},
    {"Quantize", LowerQuantize},
    {"Dequantize", LowerDequantize},
    {"Lookup", LowerLookup},
    {"Threshold", LowerThreshold},
    {"RealThreshold", LowerRealThreshold},
    {"ReduceMean", LowerReduce},
    {"ReduceMax", LowerReduce},
    {"ReduceSum", LowerReduce},
    {"Softmax", LowerSoftmax},
};

}  // namespace

const Rule* FindRule(const std::string& op) {
  const auto it = std::find_if(std::begin(kRules), std::end(kRules),
                               [&](const Rule& rule) { return op == rule.op; });
  return it == std::end(kRules) ? nullptr : &*it;
}

program::Call NewCall(Builder& builder, const ir::Node& node, program::CallParams params) {
  program::Call call;
  call.op = node.name;
  call.comment =
      fmt::format("{} {}: {} to {}", node.op, node.name, Describe(builder.value(node.inputs[0])),
                  Describe(builder.value(node.outputs[0])));
  call.params = params;
  call.inputs = {builder.Read(node.inputs[0])};
  call.output = builder.Write(node.outputs[0]);
  return call;
}

kernels::CopyParams DenseCopy(int64_t element_bytes, int64_t count) {
  // Rows of 2^20 elements and a rest would need two calls; one element of an artefact's map never
  // comes near 2^31, so one axis is enough.
  BLUESTEM_CHECK(count <= INT32_MAX, "a copy of more than 2^31 elements");
  kernels::CopyParams params{};
  params.element_bytes = static_cast<int32_t>(element_bytes);
  params.rank = 1;
  params.extent[0] = static_cast<int32_t>(count);
  params.x_stride[0] = 1;
  params.y_stride[0] = 1;
  return params;
}

Status NeedBatchOne(const Shape& shape) {
  if (shape.empty() || shape[0] == 1) return OkStatus();
  return Error(Code::kUnsupported,
               "the batch is {} (shape {}); windows run over one image: the pass split_batch makes "
               "a call an image, of up to 256",
               shape[0], ShapeText(shape));
}

}  // namespace bluestem::lower
