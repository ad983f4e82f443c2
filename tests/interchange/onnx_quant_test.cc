// The quantizers of QONNX and FINN, and whole numbers: what each node computes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/interchange/onnx_model.h"

namespace bluestem::interchange {
namespace {

using testing::HasSubstr;

onnx::NodeProto& Quantizer(Model& model, const std::string& op,
                           const std::vector<std::string>& inputs) {
  onnx::NodeProto& node = model.Node(op, inputs);
  node.set_domain("qonnx.custom_op.general");
  return node;
}

TEST(OnnxQuant, EveryRoundingModeOfQonnxTakesTiesItsWay) {
  struct {
    const char* mode;
    Values wanted;
  } const cases[] = {{"ROUND", {2, -2, 0, 1, -1}},       {"half_even", {2, -2, 0, 1, -1}},
                     {"CEIL", {3, -2, 1, 1, 0}},         {"FLOOR", {2, -3, 0, 0, -1}},
                     {"UP", {3, -3, 1, 1, -1}},          {"DOWN", {2, -2, 0, 0, 0}},
                     {"HALF_UP", {3, -3, 1, 1, -1}},     {"HALF_DOWN", {2, -2, 0, 1, -1}},
                     {"ROUND_TO_ZERO", {2, -2, 0, 0, 0}}};
  for (const auto& one : cases) {
    Model model({1, 5});
    model.Floats("s", {}, {1}).Floats("z", {}, {0}).Floats("b", {}, {4});
    SetText(Quantizer(model, "Quant", {"x", "s", "z", "b"}), "rounding_mode", one.mode);
    EXPECT_EQ(model.Run({2.5F, -2.5F, 0.5F, 0.75F, -0.75F}), one.wanted) << one.mode;
  }
  Model wrong({1, 5});
  wrong.Floats("s", {}, {1}).Floats("z", {}, {0}).Floats("b", {}, {4});
  SetText(Quantizer(wrong, "Quant", {"x", "s", "z", "b"}), "rounding_mode", "STOCHASTIC");
  EXPECT_THAT(wrong.Refusal(), HasSubstr("rounding_mode \"STOCHASTIC\"; expected one of ROUND"));
}

TEST(OnnxQuant, OneSignedBitIsTheSign) {
  Model model({1, 3});
  model.Floats("s", {}, {0.5F}).Floats("z", {}, {0}).Floats("b", {}, {1});
  Quantizer(model, "Quant", {"x", "s", "z", "b"});
  EXPECT_EQ(model.Run({-7, 0, 7}), (Values{-0.5, 0.5, 0.5}));
}

TEST(OnnxQuant, TruncOneDropsLowBitsAndKeepsTheScale) {
  Model model({1, 4});
  model.Floats("s", {}, {0.5F}).Floats("z", {}, {0}).Floats("in", {}, {8}).Floats("out", {}, {5});
  Quantizer(model, "Trunc", {"x", "s", "z", "in", "out"});
  // Codes 15, 16, -1 and 31.4 of 0.5; three bits go.
  EXPECT_EQ(model.Run({7.5F, 8, -0.5F, 15.7F}), (Values{0.5, 1, -0.5, 1.5}));
}

TEST(OnnxQuant, TruncTwoClipsAndTakesTheOutputScale) {
  Model model({1, 4});
  model.Floats("s", {}, {0.5F}).Floats("z", {}, {0}).Floats("in", {}, {8});
  model.Floats("t", {}, {4}).Floats("out", {}, {2});
  onnx::NodeProto& node = Quantizer(model, "Trunc", {"x", "s", "z", "in", "t", "out"});
  SetInt(node, "signed", 0);
  SetText(node, "rounding_mode", "ROUND");
  EXPECT_EQ(model.Run({5.5F, 6, -3, 100}), (Values{4, 8, 0, 12}));
  Model wrong({1, 4});
  wrong.Floats("s", {}, {0}).Floats("z", {}, {0}).Floats("in", {}, {8}).Floats("out", {}, {5});
  Quantizer(wrong, "Trunc", {"x", "s", "z", "in", "out"});
  EXPECT_THAT(wrong.Refusal(), HasSubstr("expected scales above 0"));
}

TEST(OnnxQuant, MultiThresholdCountsByTheChannelOfItsLayout) {
  const std::vector<float> thresholds = {0, 1, 10, 20};
  Model first({1, 2, 1, 2});
  first.Floats("t", {2, 2}, thresholds);
  Quantizer(first, "MultiThreshold", {"x", "t"});
  EXPECT_EQ(first.Run({0, 1, 10, 9}), (Values{1, 2, 1, 0}));
  Model last({1, 1, 2, 2});
  last.Floats("t", {2, 2}, thresholds);
  onnx::NodeProto& node = Quantizer(last, "MultiThreshold", {"x", "t"});
  SetText(node, "data_layout", "NHWC");
  SetFloat(node, "out_scale", 2);
  SetFloat(node, "out_bias", -1);
  EXPECT_EQ(last.Run({0, 20, -1, 10}), (Values{1, 3, -1, 1}));
  Model shared({1, 3});
  shared.Floats("t", {1, 1}, {0.5F});
  Quantizer(shared, "MultiThreshold", {"x", "t"});
  EXPECT_EQ(shared.Run({0.25F, 0.5F, 1}), (Values{0, 1, 1}));
}

TEST(OnnxQuant, SignKnowsZero) {
  Model model({1, 5});
  model.Node("Sign", {"x"});
  EXPECT_EQ(model.Run({-3, -0.0F, 0, 1e-45F, 2}), (Values{-1, 0, 0, 1, 1}));
}

TEST(OnnxQuant, WholeNumbersRoundTiesToEven) {
  struct {
    const char* op;
    Values wanted;
  } const cases[] = {{"Floor", {2, -3, 1}}, {"Ceil", {3, -2, 2}}, {"Round", {2, -2, 2}}};
  for (const auto& one : cases) {
    Model model({1, 3});
    model.Node(one.op, {"x"});
    EXPECT_EQ(model.Run({2.5F, -2.5F, 1.5F}), one.wanted) << one.op;
  }
}

}  // namespace
}  // namespace bluestem::interchange
