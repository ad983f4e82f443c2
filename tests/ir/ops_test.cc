// Every op of the registry: evaluated in f32 and in double, which must agree.
#include "bluestem/ir/ops/ops.h"

#include <gmock/gmock.h>

#include <cmath>
#include <random>
#include <set>

#include "bluestem/ir/evaluate.h"

namespace bluestem::ir {
namespace {

using testing::HasSubstr;

struct Case {
  const char* op;
  const char* text;
};

// One small graph or more for each op.
constexpr Case kCases[] = {
    {"Conv", R"(input %x : f32[2,5,6,4] %w = const f32[6,3,2,2] {0.5,-1,0.25,2,-0.75}
       %y = Conv(%x, %w, f32[6]{1,2,3,4,5,6}) {strides=[2,1], pads=[1,0,2,1], groups=2})"},
    {"Conv", R"(input %x : f32[1,4,5,6] %w = const f32[2,4,3,3] {0.5,-1,0.25,2,-0.75}
       %y = Conv(%x, %w) {dilations=[2,1], pads=[2,1,2,1], layout="NCHW"})"},
    {"Dense", R"(input %x : f32[2,5] %y = Dense(%x, f32[3,5]{1,-1,0.5}, f32[3]{0.1,0.2,0.3}))"},
    {"BatchNorm", R"(input %x : f32[1,2,2,3] %y = BatchNorm(%x, f32[3]{1,-2,0}, f32[3]{0.5},
       f32[3]{0.1,0.2,0.3}, f32[3]{1,2,0.5}) {epsilon=0.001})"},
    {"BatchNorm", R"(input %x : f32[2,3,2,2] %y = BatchNorm(%x, f32[3]{1,-2,0}, f32[3]{0.5},
       f32[3]{0.1,0.2,0.3}, f32[3]{1,2,0.5}) {epsilon=0.001, layout="NCHW"})"},
    {"Quant", R"(input %x : f32[1,4,4,2] %y = Quant(%x, f32[2]{0.3,0.4}, f32[]{0})
       {bits=2, signed=0, rounding="HALF_UP"})"},
    {"Quant", R"(input %x : f32[3,4] %y = Quant(%x, f32[]{0.25}, f32[]{0})
       {bits=4, signed=1, narrow=1})"},
    {"MultiThreshold", R"(input %x : f32[2,3,2,2] %y = MultiThreshold(%x,
       f32[3,2]{-0.5,0.1,0.2,0.3,0,0.7}) {scale=0.5, bias=-0.25, layout="NCHW"})"},
    {"MultiThreshold", "input %x : f32[2,3] %y = MultiThreshold(%x, f32[1,3]{-0.5,0.1,0.6})"},
    {"RealThreshold", R"(input %x : f32[2,5,3]
       %y = RealThreshold(%x, f32[3,2]{-0.5,0.1,0.2,0.3,0,0.7}) {bits=2, levels=3})"},
    {"Quantize", R"(input %x : f32[2,5,3]
       %y = Quantize(%x, f32[3]{0.1,0.2,0.4}) {zero_point=2, bits=3, low=-2})"},
    {"BinaryQuant", "input %x : f32[3,4] %y = BinaryQuant(%x, f32[3,1]{1,2,3})"},
    {"Relu", "input %x : f32[3,4] %y = Relu(%x)"},
    {"LeakyRelu", "input %x : f32[3,4] %y = LeakyRelu(%x) {alpha=0.1}"},
    {"Clip", "input %x : f32[3,4] %y = Clip(%x) {min=-0.5, max=0.5}"},
    {"Sigmoid", "input %x : f32[3,4] %y = Sigmoid(%x)"},
    {"Tanh", "input %x : f32[3,4] %y = Tanh(%x)"},
    {"HardSigmoid", "input %x : f32[3,4] %y = HardSigmoid(%x) {alpha=0.25, beta=0.5}"},
    {"Abs", "input %x : f32[3,4] %y = Abs(%x)"},
    {"Neg", "input %x : f32[3,4] %y = Neg(%x)"},
    {"Exp", "input %x : f32[3,4] %y = Exp(%x)"},
    {"Sqrt", "input %x : f32[3,4] %a = Abs(%x) %y = Sqrt(%a)"},
    {"Log", "input %x : f32[3,4] %a = Abs(%x) %y = Log(%a)"},
    {"Floor", "input %x : f32[3,4] %y = Floor(%x)"},
    {"Ceil", "input %x : f32[3,4] %y = Ceil(%x)"},
    {"Round", "input %x : f32[3,4] %y = Round(%x)"},
    {"Identity", "input %x : f32[3,4] %y = Identity(%x)"},
    {"Add", "input %x : f32[2,3,4] %y = Add(%x, f32[3,1]{1,2,3})"},
    {"Sub", "input %x : f32[3,1] %y = Sub(%x, f32[2,1,4]{1,2,3})"},
    {"Mul", "input %x : f32[2,3,4] %y = Mul(%x, %x)"},
    {"Div", "input %x : f32[2,3] %y = Div(%x, f32[]{3})"},
    {"Min", "input %x : f32[2,3] %y = Min(%x, f32[]{0.1})"},
    {"Max", "input %x : f32[2,3] %y = Max(%x, f32[]{0.1})"},
    {"Pow", "input %x : f32[2,3] %a = Abs(%x) %y = Pow(%a, f32[]{1.5})"},
    {"MaxPool", R"(input %x : f32[2,5,5,3]
       %y = MaxPool(%x) {kernel=[3,2], strides=[2,2], pads=[1,0,1,1]})"},
    {"MaxPool", R"(input %x : f32[2,3,5,5] %y = MaxPool(%x) {kernel=[2,2], layout="NCHW"})"},
    {"AvgPool", R"(input %x : f32[2,5,5,3]
       %y = AvgPool(%x) {kernel=[3,2], strides=[2,2], pads=[1,0,1,1]})"},
    {"AvgPool", R"(input %x : f32[2,5,5,3]
       %y = AvgPool(%x) {kernel=[3,3], pads=[1,1,1,1], count_include_pad=1})"},
    {"GlobalAvgPool", "input %x : f32[2,5,4,3] %y = GlobalAvgPool(%x)"},
    {"GlobalMaxPool", R"(input %x : f32[2,5,4,3] %y = GlobalMaxPool(%x) {layout="NCHW"})"},
    {"SpaceToDepth", "input %x : f32[1,4,6,3] %y = SpaceToDepth(%x) {block=2}"},
    {"DepthToSpace", R"(input %x : f32[1,2,3,8] %y = DepthToSpace(%x) {block=2, mode="CRD"})"},
    {"Pad", "input %x : f32[2,3] %y = Pad(%x) {pads=[1,0,0,2], value=0.5}"},
    {"ResizeNearest", "input %x : f32[1,2,3,2] %y = ResizeNearest(%x) {scale_h=2, scale_w=3}"},
    {"Concat", "input %x : f32[2,3] %y = Concat(%x, f32[2,1]{7}, %x) {axis=-1}"},
    {"Reshape", "input %x : f32[2,3,4] %y = Reshape(%x) {shape=[4,-1]}"},
    {"Transpose", "input %x : f32[2,3,4] %y = Transpose(%x) {perm=[2,0,1]}"},
    {"Slice", R"(input %x : f32[4,6] %y = Slice(%x)
       {starts=[-3,1], ends=[100,6], axes=[0,1], steps=[1,2]})"},
    {"Slice", R"(input %x : f32[4,6] %y = Slice(%x)
       {starts=[100,-2], ends=[0,-100], axes=[0,1], steps=[-1,-2]})"},
    {"ReduceMean", "input %x : f32[2,3,4] %y = ReduceMean(%x) {axes=[0,2]}"},
    {"ReduceMax", "input %x : f32[2,3,4] %y = ReduceMax(%x) {axes=[1], keepdims=0}"},
    {"ReduceSum", "input %x : f32[2,3,4] %y = ReduceSum(%x) {axes=[-1], keepdims=0}"},
    {"Softmax", "input %x : f32[2,3,4] %y = Softmax(%x) {axis=1}"},
    {"QConv", R"(input %x : u8[2,4,4,4] quant(scale=0.5, bits=2, levels=4)
       %w = const s8[4,3,3,2] {1,-1,-1,1,1}
       %y = QConv(%x, %w, s32[4,3]{-2,0,3,-1,1,4,5,2,-3,-1,0,1}, s8[4]{1,1,-1,1})
       {x_bits=2, w_bits=1, groups=2, pads=[1,1,1,1], pad_value=1, epilogue="threshold",
        scale=0.5, bits=2, levels=4})"},
    {"QConv", R"(input %x : u8[2,4,4,4] quant(scale=0.5, bits=2, levels=4)
       input %r : u8[2,4,4,4] quant(scale=0.5, bits=2, levels=4)
       %w = const s8[4,3,3,4] {1,-1,-1,1,1}
       %y = QConv(%x, %w, s32[4,3]{-2,0,3,-1,1,4,5,2,-3,-1,0,1}, s8[4]{1,1,-1,1}, %r,
       s32[4]{3,-2,1,40}) {x_bits=2, w_bits=1, pads=[1,1,1,1], epilogue="threshold",
       residual_bits=2, scale=0.5, bits=2, levels=4})"},
    {"QConv", R"(input %x : u8[1,4,4,3] quant(scale=0.5, bits=8, levels=256)
       %w = const s8[4,2,2,3] {1,-7,5,3,0}
       %y = QConv(%x, %w, f32[4]{0.1,0.2}, f32[4]{-1,1}) {x_bits=8, w_bits=4,
       strides=[2,2], epilogue="affine", activation="relu"})"},
    {"QConv", R"(input %x : u8[1,4,4,3] quant(scale=0.5, bits=8, levels=256)
       %w = const s8[4,2,2,3] {1,-7,5,3,0}
       %y = QConv(%x, %w) {x_bits=8, w_bits=4, dilations=[2,2], epilogue="raw"})"},
    {"Threshold", R"(input %x : u8[1,3,3,2] quant(scale=1.0, bits=8, levels=256)
       %w = const s8[2,1,1,2] {1,-1,-1,1}
       %a = QConv(%x, %w) {x_bits=8, w_bits=1, epilogue="raw"}
       %y = Threshold(%a, s32[2,1]{3,-3}, s8[2]{1,-1}) {bits=1, levels=2})"},
    {"Lookup", R"(input %x : u8[2,3] quant(scale=1.0, bits=8, levels=256)
       %y = Lookup(%x, u8[256]{3,2,1,0}) {scale=0.5, bits=2})"},
    {"Quantize", R"(input %x : f32[3,5] %y = Quantize(%x)
       {scale=0.2, zero_point=3, bits=3, rounding="HALF_UP"})"},
    {"Dequantize", R"(input %x : u8[3,5] quant(scale=0.3, zero_point=7, bits=8, levels=256)
       %y = Dequantize(%x))"},
};

Tensor RandomInput(const Value& value, std::mt19937& random) {
  Tensor tensor(DType::kF64, value.shape);
  const double levels = value.quant == nullptr ? 0 : value.quant->levels;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const double unit = static_cast<double>(random()) / 4294967296.0;
    tensor.data<double>()[i] = value.dtype == DType::kU8 ? std::floor(unit * levels) : unit * 4 - 2;
  }
  return tensor.Cast(value.dtype);
}

TEST(Registry, EveryOpHasACase) {
  std::set<std::string> covered;
  for (const Case& one : kCases) covered.insert(one.op);
  for (const OpDef& def : AllOps()) {
    EXPECT_EQ(covered.count(def.name), 1U) << "add a case for " << def.name << " to this file";
  }
}

TEST(Registry, EveryRowIsComplete) {
  std::set<std::string> names;
  for (const OpDef& def : AllOps()) {
    EXPECT_TRUE(names.insert(def.name).second) << def.name;
    EXPECT_NE(def.infer, nullptr) << def.name;
    EXPECT_NE(def.evaluate, nullptr) << def.name;
    EXPECT_NE(def.evaluate_double, nullptr) << def.name;
  }
}

TEST(EveryOp, SinglePrecisionAgreesWithDouble) {
  std::mt19937 random(1);
  for (const Case& one : kCases) {
    const auto graph = FromText(std::string("graph \"g\" ") + one.text + " output %y");
    ASSERT_TRUE(graph.ok()) << one.text << ": " << graph.status().message();
    EXPECT_EQ(graph->nodes.back().op, one.op);
    std::vector<Tensor> inputs;
    for (const ValueId id : graph->inputs) inputs.push_back(RandomInput(graph->value(id), random));
    const auto single = Evaluate(*graph, inputs);
    const auto wide = EvaluateDouble(*graph, inputs);
    ASSERT_TRUE(single.ok() && wide.ok()) << one.text;
    const Tensor& a = (*single)[0];
    const Tensor& b = (*wide)[0];
    ASSERT_EQ(a.shape(), graph->value(graph->outputs[0]).shape) << one.text;
    ASSERT_EQ(a.shape(), b.shape()) << one.text;
    const bool integers = a.dtype() != DType::kF32;
    EXPECT_EQ(b.dtype(), integers ? a.dtype() : DType::kF64) << one.text;
    for (int64_t i = 0; i < a.size(); ++i) {
      const double tolerance = integers ? 0 : 2e-6 * std::max(1.0, std::fabs(b.At(i)));
      ASSERT_NEAR(a.At(i), b.At(i), tolerance) << one.text << " at " << i;
    }
  }
}

TEST(EveryOp, TextReadsBackAsTheSameText) {
  for (const Case& one : kCases) {
    const auto graph = FromText(std::string("graph \"g\" ") + one.text + " output %y");
    ASSERT_TRUE(graph.ok()) << one.text << ": " << graph.status().message();
    const std::string text = ToText(*graph);
    const auto again = FromText(text);
    ASSERT_TRUE(again.ok()) << text << ": " << again.status().message();
    EXPECT_EQ(ToText(*again), text);
    std::mt19937 random(2);
    std::vector<Tensor> inputs;
    for (const ValueId id : graph->inputs) inputs.push_back(RandomInput(graph->value(id), random));
    EXPECT_EQ((*Evaluate(*graph, inputs))[0], (*Evaluate(*again, inputs))[0]) << text;
  }
}

TEST(QConv, RefusesAResidualThatDoesNotFit) {
  const auto refusal = [](const std::string& shape, const std::string& inputs,
                          const std::string& attributes) {
    const std::string text =
        "graph \"g\" input %x : u8[1,2,2,1] quant(scale=0.5, bits=2, levels=4) input %r : u8" +
        shape +
        " quant(scale=0.5, bits=2, levels=4) %w = const s8[2,1,1,1] {1,-1} "
        "%y = QConv(%x, %w, s32[2,1]{0,1}, s8[2]{1,1}" +
        inputs + ") {x_bits=2, w_bits=1, epilogue=\"threshold\", bits=1, levels=2" + attributes +
        "} output %y";
    return FromText(text).status().message();
  };
  EXPECT_EQ(refusal("[1,2,2,2]", ", %r, s32[2]{3,4}", ", residual_bits=2"), "");
  EXPECT_THAT(refusal("[1,2,2,1]", ", %r, s32[2]{3,4}", ", residual_bits=2"),
              HasSubstr("the residual has shape [1,2,2,1]; expected [1,2,2,2]"));
  EXPECT_THAT(refusal("[1,2,2,2]", ", %r, s32[1]{3}", ", residual_bits=2"),
              HasSubstr("ratios has shape [1]"));
  EXPECT_THAT(refusal("[1,2,2,2]", ", %r, s32[2]{3,4}", ""), HasSubstr("must be 1 to 8"));
  EXPECT_THAT(refusal("[1,2,2,2]", "", ", residual_bits=2"), HasSubstr("without a residual"));
  EXPECT_THAT(refusal("[1,2,2,2]", ", %r", ", residual_bits=2"), HasSubstr("takes 4 inputs"));
}

// Values worked out by hand, so that both evaluations cannot be wrong alike.
struct Known {
  const char* text;
  std::vector<float> input;
  std::vector<float> output;
};

TEST(EveryOp, GivesTheValuesOfItsDefinition) {
  const std::vector<Known> cases = {
      {"input %x : f32[1,2,2,1] %y = SpaceToDepth(%x) {block=2}", {1, 2, 3, 4}, {1, 2, 3, 4}},
      {"input %x : f32[1,1,1,8] %y = DepthToSpace(%x) {block=2}",
       {0, 1, 2, 3, 4, 5, 6, 7},
       {0, 1, 2, 3, 4, 5, 6, 7}},
      {"input %x : f32[1,1,1,8] %y = DepthToSpace(%x) {block=2, mode=\"CRD\"}",
       {0, 1, 2, 3, 4, 5, 6, 7},
       {0, 4, 1, 5, 2, 6, 3, 7}},
      {"input %x : f32[5] %y = Quant(%x, f32[]{1}, f32[]{0}) {bits=3, signed=1}",
       {0.5F, 1.5F, -0.5F, 9, -9},
       {0, 2, 0, 3, -4}},
      {"input %x : f32[5] %y = Quant(%x, f32[]{1}, f32[]{0}) {bits=3, signed=1, narrow=1, "
       "rounding=\"HALF_UP\"}",
       {0.5F, 1.5F, -0.5F, 9, -9},
       {1, 2, 0, 3, -3}},
      {"input %x : f32[3] %y = BinaryQuant(%x, f32[]{2})", {0, -0.0F, -1}, {2, 2, -2}},
      {"input %x : f32[1,1,3,1] %y = AvgPool(%x) {kernel=[1,2], pads=[0,1,0,0]}",
       {2, 4, 8},
       {2, 3, 6}},
      {"input %x : f32[1,1,3,1] %y = AvgPool(%x) {kernel=[1,2], pads=[0,1,0,0], "
       "count_include_pad=1}",
       {2, 4, 8},
       {1, 3, 6}},
      {"input %x : f32[2,2] %y = Dense(%x, f32[1,2]{10, 1}, f32[1]{100})",
       {1, 2, 3, 4},
       {112, 134}},
      {"input %x : f32[1,1,3,1] %w = const f32[1,1,2,1] {1, 10} %y = Conv(%x, %w)",
       {1, 2, 3},
       {21, 32}},
      {"input %x : f32[5] %y = Slice(%x) {starts=[-1], ends=[-6], axes=[0], steps=[-1]}",
       {1, 2, 3, 4, 5},
       {5, 4, 3, 2, 1}},
      {"input %x : f32[5] %y = Slice(%x) {starts=[9], ends=[-5], axes=[0], steps=[-3]}",
       {1, 2, 3, 4, 5},
       {5, 2}},
      {"input %x : f32[5] %y = Slice(%x) {starts=[-2], ends=[-6], axes=[0], "
       "steps=[-9223372036854775807]}",
       {1, 2, 3, 4, 5},
       {4}},
      {"input %x : f32[1,2,1,1] %w = const f32[1,1,1,1] {3} %y = ResizeNearest(%x) {scale_h=2, "
       "scale_w=1}",
       {1, 2},
       {1, 1, 2, 2}},
  };
  for (const Known& one : cases) {
    const auto graph = FromText(std::string("graph \"g\" ") + one.text + " output %y");
    ASSERT_TRUE(graph.ok()) << one.text << ": " << graph.status().message();
    const Tensor input = Tensor::Of<float>(graph->value(graph->inputs[0]).shape, one.input);
    const Tensor single = (*Evaluate(*graph, {input}))[0];
    const Tensor wide = (*EvaluateDouble(*graph, {input}))[0];
    ASSERT_EQ(single.size(), static_cast<int64_t>(one.output.size())) << one.text;
    for (int64_t i = 0; i < single.size(); ++i) {
      EXPECT_EQ(single.At(i), one.output[static_cast<size_t>(i)]) << one.text << " at " << i;
      EXPECT_EQ(wide.At(i), one.output[static_cast<size_t>(i)]) << one.text << " at " << i;
    }
  }
}

}  // namespace
}  // namespace bluestem::ir
