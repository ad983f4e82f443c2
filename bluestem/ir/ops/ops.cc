#include "bluestem/ir/ops/ops.h"

#include <algorithm>

#include "bluestem/ir/ops/families.h"

namespace bluestem::ir {
namespace {

using enum AttributeKind;

constexpr AttributeDef kLayout = {"layout", kText};
constexpr AttributeDef kStrides = {"strides", kInts};
constexpr AttributeDef kPads = {"pads", kInts};
constexpr AttributeDef kDilations = {"dilations", kInts};
constexpr AttributeDef kGroups = {"groups", kInt};
constexpr AttributeDef kKernel = {"kernel", kInts, true};
constexpr AttributeDef kCountIncludePad = {"count_include_pad", kInt};
constexpr AttributeDef kBlock = {"block", kInt, true};
constexpr AttributeDef kMode = {"mode", kText};
constexpr AttributeDef kAlpha = {"alpha", kFloat};
constexpr AttributeDef kBeta = {"beta", kFloat};
constexpr AttributeDef kAxes = {"axes", kInts, true};
constexpr AttributeDef kKeepDims = {"keepdims", kInt};
constexpr AttributeDef kRounding = {"rounding", kText};
// The meaning of output codes (QuantInfo).
constexpr AttributeDef kScale = {"scale", kFloat};
constexpr AttributeDef kZeroPoint = {"zero_point", kInt};
constexpr AttributeDef kBits = {"bits", kInt};
constexpr AttributeDef kLevels = {"levels", kInt};

constexpr OpDef kOps[] = {
    {"Conv",
     2,
     3,
     InferConv,
     EvaluateConv,
     DoubleConv,
     {kStrides, kPads, kDilations, kGroups, kLayout}},
    {"Dense", 2, 3, InferDense, EvaluateDense, DoubleDense, {}},
    {"BatchNorm",
     5,
     5,
     InferBatchNorm,
     EvaluateBatchNorm,
     DoubleBatchNorm,
     {{"epsilon", kFloat, true}, kLayout}},
    {"Quant",
     3,
     3,
     InferQuant,
     EvaluateQuant,
     DoubleQuant,
     {{"bits", kInt, true}, {"signed", kInt, true}, {"narrow", kInt}, kRounding}},
    {"BinaryQuant", 2, 2, InferBinaryQuant, EvaluateBinaryQuant, DoubleBinaryQuant, {}},
    {"MultiThreshold",
     2,
     2,
     InferMultiThreshold,
     EvaluateMultiThreshold,
     DoubleMultiThreshold,
     {kScale, {"bias", kFloat}, kLayout}},
    {"Relu", 1, 1, InferUnary, EvaluateUnary, DoubleUnary, {}},
    {"LeakyRelu", 1, 1, InferUnary, EvaluateUnary, DoubleUnary, {kAlpha}},
    {"Clip",
     1,
     1,
     InferUnary,
     EvaluateUnary,
     DoubleUnary,
     {{"min", kFloat, true}, {"max", kFloat, true}}},
    {"Sigmoid", 1, 1, InferUnary, EvaluateUnary, DoubleUnary, {}},
    {"Tanh", 1, 1, InferUnary, EvaluateUnary, DoubleUnary, {}},
    {"HardSigmoid", 1, 1, InferUnary, EvaluateUnary, DoubleUnary, {kAlpha, kBeta}},
    {"Abs", 1, 1, InferUnary, EvaluateUnary, DoubleUnary, {}},
    {"Neg", 1, 1, InferUnary, EvaluateUnary, DoubleUnary, {}},
    {"Exp", 1, 1, InferUnary, EvaluateUnary, DoubleUnary, {}},
    {"Sqrt", 1, 1, InferUnary, EvaluateUnary, DoubleUnary, {}},
    {"Log", 1, 1, InferUnary, EvaluateUnary, DoubleUnary, {}},
    {"Floor", 1, 1, InferUnary, EvaluateUnary, DoubleUnary, {}},
    {"Ceil", 1, 1, InferUnary, EvaluateUnary, DoubleUnary, {}},
    {"Round", 1, 1, InferUnary, EvaluateUnary, DoubleUnary, {}},
    {"Identity", 1, 1, InferIdentity, EvaluateIdentity, EvaluateIdentity, {}},
    {"Add", 2, 2, InferBinary, EvaluateBinary, DoubleBinary, {}},
    {"Sub", 2, 2, InferBinary, EvaluateBinary, DoubleBinary, {}},
    {"Mul", 2, 2, InferBinary, EvaluateBinary, DoubleBinary, {}},
    {"Div", 2, 2, InferBinary, EvaluateBinary, DoubleBinary, {}},
    {"Min", 2, 2, InferBinary, EvaluateBinary, DoubleBinary, {}},
    {"Max", 2, 2, InferBinary, EvaluateBinary, DoubleBinary, {}},
    {"Pow", 2, 2, InferBinary, EvaluateBinary, DoubleBinary, {}},
    {"MaxPool", 1, 1, InferMaxPool, EvaluatePool, DoublePool, {kKernel, kStrides, kPads, kLayout}},
    {"AvgPool",
     1,
     1,
     InferAvgPool,
     EvaluatePool,
     DoublePool,
     {kKernel, kStrides, kPads, kCountIncludePad, kLayout}},
    {"GlobalAvgPool", 1, 1, InferGlobalAvgPool, EvaluatePool, DoublePool, {kLayout}},
    {"GlobalMaxPool", 1, 1, InferGlobalMaxPool, EvaluatePool, DoublePool, {kLayout}},
    {"SpaceToDepth",
     1,
     1,
     InferSpaceToDepth,
     EvaluateSpaceToDepth,
     EvaluateSpaceToDepth,
     {kBlock, kMode, kLayout}},
    {"DepthToSpace",
     1,
     1,
     InferDepthToSpace,
     EvaluateDepthToSpace,
     EvaluateDepthToSpace,
     {kBlock, kMode, kLayout}},
    {"Pad", 1, 1, InferPad, EvaluatePad, EvaluatePad, {{"pads", kInts, true}, {"value", kFloat}}},
    {"ResizeNearest",
     1,
     1,
     InferResizeNearest,
     EvaluateResizeNearest,
     EvaluateResizeNearest,
     {{"scale_h", kInt, true}, {"scale_w", kInt, true}, kLayout}},
    {"Concat", 1, kManyInputs, InferConcat, EvaluateConcat, EvaluateConcat, {{"axis", kInt, true}}},
    {"Reshape", 1, 1, InferReshape, EvaluateReshape, EvaluateReshape, {{"shape", kInts, true}}},
    {"Transpose",
     1,
     1,
     InferTranspose,
     EvaluateTranspose,
     EvaluateTranspose,
     {{"perm", kInts, true}}},
    {"Slice",
     1,
     1,
     InferSlice,
     EvaluateSlice,
     EvaluateSlice,
     {{"starts", kInts, true}, {"ends", kInts, true}, kAxes, {"steps", kInts}}},
    {"ReduceMean", 1, 1, InferReduce, EvaluateReduce, DoubleReduce, {kAxes, kKeepDims}},
    {"ReduceMax", 1, 1, InferReduce, EvaluateReduce, DoubleReduce, {kAxes, kKeepDims}},
    {"ReduceSum", 1, 1, InferReduce, EvaluateReduce, DoubleReduce, {kAxes, kKeepDims}},
    {"Softmax", 1, 1, InferSoftmax, EvaluateSoftmax, DoubleSoftmax, {{"axis", kInt, true}}},
    {"QConv",
     2,
     6,
     InferQConv,
     EvaluateQConv,
     DoubleQConv,
     {kStrides,
      kPads,
      kDilations,
      kGroups,
      {"pad_value", kInt},
      {"x_bits", kInt, true},
      {"w_bits", kInt, true},
      {"epilogue", kText, true},
      {"residual_bits", kInt},
      {"activation", kText},
      kScale,
      kZeroPoint,
      kBits,
      kLevels}},
    {"Threshold",
     3,
     3,
     InferThreshold,
     EvaluateThreshold,
     DoubleThreshold,
     {kScale, kZeroPoint, kBits, kLevels}},
    {"RealThreshold",
     2,
     2,
     InferRealThreshold,
     EvaluateRealThreshold,
     DoubleRealThreshold,
     {kScale, kZeroPoint, kBits, kLevels}},
    {"Lookup",
     2,
     2,
     InferLookup,
     EvaluateLookup,
     EvaluateLookup,
     {kScale, kZeroPoint, kBits, kLevels}},
    {"Quantize",
     1,
     2,
     InferQuantize,
     EvaluateQuantize,
     DoubleQuantize,
     {kScale, kZeroPoint, kBits, kLevels, kRounding, {"low", kInt}}},
    {"Dequantize", 1, 1, InferDequantize, EvaluateDequantize, DoubleDequantize, {}},
};

}  // namespace

const AttributeDef* OpDef::FindAttribute(const std::string& attribute) const {
  for (const AttributeDef& def : attributes) {
    if (def.name == nullptr) return nullptr;
    if (attribute == def.name) return &def;
  }
  return nullptr;
}

std::span<const OpDef> AllOps() {
  return kOps;
}

const OpDef* FindOp(const std::string& name) {
  const auto it = std::find_if(std::begin(kOps), std::end(kOps),
                               [&](const OpDef& def) { return name == def.name; });
  return it == std::end(kOps) ? nullptr : &*it;
}

}  // namespace bluestem::ir
