// Ops of ONNX that become several of ours, its own quantizers, and rankings that are left out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/interchange/onnx_model.h"

namespace bluestem::interchange {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pointwise;

TEST(OnnxComposed, ActivationsAreTheirFormulas) {
  const double x = -0.75;
  const double e = std::exp(x);
  struct {
    const char* op;
    double below, above;  // at -0.75 and at 2
  } const cases[] = {
      {"Elu", e - 1, 2},
      {"Celu", e - 1, 2},
      {"Selu", 1.0507009873554805 * 1.6732632423543772 * (e - 1), 1.0507009873554805 * 2},
      {"Softplus", std::log(1 + e), std::log(1 + std::exp(2.0))},
      {"Softsign", x / 1.75, 2.0 / 3},
      {"Mish", x * std::tanh(std::log(1 + e)), 2 * std::tanh(std::log(1 + std::exp(2.0)))}};
  for (const auto& one : cases) {
    Model model({1, 2}, 18);
    model.Node(one.op, {"x"});
    EXPECT_THAT(model.Run({static_cast<float>(x), 2}),
                ElementsAre(DoubleNear(one.below, 1e-6), DoubleNear(one.above, 1e-6)))
        << one.op;
  }
}

TEST(OnnxComposed, LogSoftmaxIsTheLogarithmOfSoftmax) {
  for (const int64_t opset : {11, 13}) {
    Model model({1, 2, 2}, opset);
    SetInt(model.Node("LogSoftmax", {"x"}), "axis", 1);
    // Before 13 all axes from 1 on are one; from 13 axis 1 alone.
    const double all = std::log(std::exp(1) + std::exp(2) + std::exp(3) + std::exp(4));
    const double first = std::log(std::exp(1) + std::exp(3));
    const double second = std::log(std::exp(2) + std::exp(4));
    const Values wanted = opset < 13 ? Values{1 - all, 2 - all, 3 - all, 4 - all}
                                     : Values{1 - first, 2 - second, 3 - first, 4 - second};
    EXPECT_THAT(model.Run({1, 2, 3, 4}), Pointwise(DoubleNear(1e-6), wanted));
  }
}

TEST(OnnxComposed, ARankingAtTheEndIsLeftOutWithANote) {
  Model model({1, 3});
  model.Node("Relu", {"x"}, {"scores"});
  model.Ints("k", {1}).Node("TopK", {"scores", "k"}, {"values", "y"});
  model.proto().mutable_graph()->add_output()->set_name("values");
  const auto graph = model.Parse();
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  EXPECT_EQ(graph->outputs.size(), 1U);
  EXPECT_THAT(graph->notes.at(0), HasSubstr("node \"the_TopK\" (TopK) is left out"));
  Model middle({1, 3});
  SetInt(middle.Node("ArgMax", {"x"}, {"best"}), "axis", 1);
  middle.Node("Relu", {"best"});
  EXPECT_THAT(middle.Refusal(), HasSubstr("other nodes read its output \"best\""));
}

TEST(OnnxComposed, ResizeInterpolatesAsEachModeSays) {
  struct {
    const char *mode, *transform;
    Values wanted;  // of 0, 3 over three pixels
  } const cases[] = {{"linear", "align_corners", {0, 1.5, 3}},
                     {"linear", "half_pixel", {0, 1.5, 3}},
                     {"linear", "asymmetric", {0, 2, 3}},
                     {"nearest", "asymmetric", {0, 0, 3}}};
  for (const auto& one : cases) {
    Model model({1, 1, 1, 2});
    model.Floats("scales", {4}, {1, 1, 1, 1.5F});
    onnx::NodeProto& node = model.Node("Resize", {"x", "", "scales"});
    SetText(node, "mode", one.mode);
    SetText(node, "coordinate_transformation_mode", one.transform);
    SetText(node, "nearest_mode", "floor");
    EXPECT_THAT(model.Run({0, 3}), Pointwise(DoubleNear(1e-6), one.wanted))
        << one.mode << " " << one.transform;
  }
  Model antialias({1, 1, 2, 2});
  antialias.Floats("scales", {4}, {1, 1, 2, 2});
  onnx::NodeProto& node = antialias.Node("Resize", {"x", "", "scales"});
  SetText(node, "mode", "linear");
  SetInt(node, "antialias", 1);
  EXPECT_THAT(antialias.Refusal(), HasSubstr("with antialias"));
}

TEST(OnnxComposed, ConvTransposeSpreadsEachPixelOverItsStride) {
  // One row: y[2i + k] += x[i] * w[k].
  Model model({1, 1, 1, 3});
  model.Floats("w", {1, 2, 1, 3}, {1, 10, 100, -1, -10, -100}).Floats("b", {2}, {0.5F, 0});
  onnx::NodeProto& node = model.Node("ConvTranspose", {"x", "w", "b"});
  SetInts(node, "strides", {2, 2});
  SetInts(node, "pads", {0, 1, 0, 0});
  SetInts(node, "output_padding", {0, 1});
  EXPECT_EQ(model.Run({1, 2, 3}), (Values{10.5, 102.5, 20.5, 203.5, 30.5, 300.5, 0.5, -10, -102,
                                          -20, -203, -30, -300, 0}));
  Model wrong({1, 1, 2, 2});
  wrong.Floats("w", {1, 1, 2, 2}, {1, 2, 3, 4});
  SetInts(wrong.Node("ConvTranspose", {"x", "w"}), "dilations", {2, 2});
  EXPECT_THAT(wrong.Refusal(), HasSubstr("no dilation"));
}

TEST(OnnxComposed, ExpandRepeats) {
  Model model({1, 2, 1});
  model.Ints("shape", {1, 2, 3}).Node("Expand", {"x", "shape"});
  EXPECT_EQ(model.Run({4, 5}), (Values{4, 4, 4, 5, 5, 5}));
}

// Adds a tensor of one byte an element.
void Bytes8(Model& model, const std::string& name, int32_t type, const Shape& shape,
            const std::vector<int>& values) {
  onnx::TensorProto& tensor = *model.proto().mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(type);
  for (const int64_t extent : shape) tensor.add_dims(extent);
  for (const int value : values) tensor.add_int32_data(value);
}

TEST(OnnxComposed, QuantizeAndDequantizeAreOneQuantizer) {
  Model model({1, 6});
  model.Floats("s", {}, {0.5F});
  Bytes8(model, "z", onnx::TensorProto::UINT8, {}, {3});
  model.Node("QuantizeLinear", {"x", "s", "z"}, {"q"});
  model.Node("Relu", {"d"});
  model.Node("DequantizeLinear", {"q", "s", "z"}, {"d"});
  // Ties go to even before the zero point is added: 0.25 is 0.5 steps, 0.75 is 1.5.
  EXPECT_EQ(model.Run({-9, 0.25F, 0.75F, 1.25F, 1, 500}), (Values{0, 0, 1, 1, 1, 126}));
}

TEST(OnnxComposed, DequantizedBytesAreQuantizedWeights) {
  Model model({1, 2});
  model.Floats("s", {2}, {0.5F, 0.25F});
  Bytes8(model, "w", onnx::TensorProto::INT8, {2, 2}, {3, -4, 127, -128});
  SetInt(model.Node("DequantizeLinear", {"w", "s"}, {"d"}), "axis", 0);
  SetInt(model.Node("Gemm", {"x", "d"}), "transB", 1);
  EXPECT_EQ(model.Run({1, 10}), (Values{1.5 - 20, 31.75 - 320}));
  int quantizers = 0;
  const auto graph = model.Parse();
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  for (const ir::Node& node : graph->nodes) quantizers += node.op == "Quant" ? 1 : 0;
  EXPECT_EQ(quantizers, 1);
}

TEST(OnnxComposed, RefusesArithmeticOnIntegers) {
  Model other({1, 2});
  other.Floats("s", {}, {0.5F}).Floats("t", {}, {0.25F});
  other.Node("QuantizeLinear", {"x", "s"}, {"q"});
  other.Node("DequantizeLinear", {"q", "t"});
  EXPECT_THAT(other.Refusal(), HasSubstr("is not made by QuantizeLinear of the same scale"));
  Model integer({1, 2});
  integer.Node("ConvInteger", {"x", "x"});
  EXPECT_THAT(integer.Refusal(), HasSubstr("(ConvInteger)"));
  EXPECT_THAT(integer.Refusal(), HasSubstr("(QDQ)"));
}

}  // namespace
}  // namespace bluestem::interchange
