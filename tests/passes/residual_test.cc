// Sums of a convolution and codes: integers where each code counts for a whole number of sums.
#include "bluestem/passes/residual.h"

#include <gtest/gtest.h>

#include "bluestem/ir/evaluate.h"
#include "tests/passes/nets.h"

namespace bluestem::passes {
namespace {

using ir::Attributes;
using ir::ValueId;

constexpr double kOneRounding = 1.2e-7;  // of a Dequantize

// Networks of 2-bit codes of one scale, 2/3, and binary weights of scale 1/4, whose norms make a
// code as much as some sums.
struct ResidualNet : Net {
  explicit ResidualNet(uint32_t seed) : Net(seed) {}

  static constexpr double kStep = 2.0 / 3;

  ValueId Codes(ValueId x) { return Quant(x, kStep, 2, false, false, "HALF_UP"); }
  ValueId Start(const Shape& shape) { return Codes(Node("Mul", {Input(shape), Scalar(3)})); }

  // A 3x3 convolution and a norm: a code of the residual counts for ratios[c] sums.
  ValueId Normed(ValueId x, const std::vector<double>& ratios, int64_t stride = 1) {
    const auto channels = static_cast<int64_t>(ratios.size());
    const ValueId w = Node(
        "BinaryQuant", {Constant({channels, 3, 3, graph.value(x).shape[3]}, -1, 1), Scalar(0.25)});
    const ValueId y =
        Node("Conv", {x, w},
             Attributes().Set("pads", Shape{1, 1, 1, 1}).Set("strides", Shape{stride, stride}));
    std::vector<float> gamma;
    for (const double ratio : ratios) gamma.push_back(static_cast<float>(4 / ratio));
    return Node("BatchNorm",
                {y, graph.AddConstant("gamma", Tensor::Of<float>({channels}, gamma)),
                 Constant({channels}, -0.5, 2), Constant({channels}, -1, 1),
                 graph.AddConstant(
                     "var", Tensor::Of<float>({channels}, std::vector<float>(ratios.size(), 1)))},
                Attributes().Set("epsilon", 0.0));
  }
};

// Whether all convolutions give codes and nothing is summed in f32.
void ExpectWhole(const Outcome& outcome, int convolutions) {
  EXPECT_EQ(outcome.Count("QConv"), convolutions) << outcome.Explain();
  EXPECT_EQ(outcome.Count("Add") + outcome.Count("Sub"), 0) << outcome.Explain();
  EXPECT_EQ(outcome.Count("Quantize"), 1) << outcome.Explain();  // the input's
  EXPECT_LE(outcome.worst_relative, kOneRounding) << outcome.Explain();
}

std::vector<int32_t> RatiosOf(const Outcome& outcome) {
  std::vector<int32_t> ratios;
  for (const ir::Node& node : outcome.after.nodes) {
    if (node.inputs.size() != 6) continue;
    const Tensor& values = *outcome.after.value(node.inputs[5]).constant;
    ratios.insert(ratios.end(), values.data<int32_t>(), values.data<int32_t>() + values.size());
  }
  return ratios;
}

const std::vector<double> kRatios = {1, 2, 3, 4, 5, 8, -1, -2, -4, -7};

TEST(Residual, StaysIntegerWhereACodeIsAWholeNumberOfSums) {
  for (uint32_t seed = 0; seed < 10; ++seed) {
    ResidualNet net(seed);
    const auto x = net.Codes(net.Normed(net.Start({1, 7, 6, 8}), kRatios));
    const auto y = net.Normed(x, kRatios);
    const auto z = net.Codes(net.Node("Add", {seed % 2 == 0 ? y : x, seed % 2 == 0 ? x : y}));
    const Outcome outcome = RunAndCompare(net.Finish({z}), {}, 3, seed);
    ExpectWhole(outcome, 2);
    EXPECT_EQ(RatiosOf(outcome), std::vector<int32_t>(kRatios.begin(), kRatios.end()));
  }
}

TEST(Residual, IsReadByAsManyAsLike) {
  ResidualNet net(3);
  const auto x = net.Codes(net.Normed(net.Start({1, 6, 6, 8}), kRatios));
  const auto y = net.Codes(net.Node("Add", {net.Normed(x, kRatios), x}));
  const auto z = net.Codes(net.Node("Add", {net.Normed(y, kRatios), x}));
  const Outcome outcome = RunAndCompare(net.Finish({z, x}));
  ExpectWhole(outcome, 3);
  EXPECT_EQ(RatiosOf(outcome).size(), 2 * kRatios.size());
}

TEST(Residual, MayBePooledPickedAndPadded) {
  for (const bool pooled : {false, true}) {
    ResidualNet net(4);
    const std::vector<double> few(kRatios.begin(), kRatios.begin() + 6);
    const auto x = net.Codes(net.Normed(net.Start({1, 8, 8, 8}), few));
    const auto normed = net.Normed(x, kRatios, 2);  // before what is added to it
    const auto source = pooled ? net.MaxPool(x)
                               : net.Node("Slice", {x},
                                          Attributes()
                                              .Set("starts", Shape{0, 0})
                                              .Set("ends", Shape{8, 8})
                                              .Set("axes", Shape{1, 2})
                                              .Set("steps", Shape{2, 2}));
    const auto padded = net.Node(
        "Pad", {source}, Attributes().Set("pads", Shape{0, 0, 0, 0, 0, 0, 0, 4}).Set("value", 0.0));
    const auto y = net.Codes(net.Node("Add", {normed, padded}));
    ExpectWhole(RunAndCompare(net.Finish({y})), 2);
  }
}

TEST(Residual, MayBeSubtractedScaledAndFollowedByMore) {
  ResidualNet net(5);
  const auto x = net.Codes(net.Normed(net.Start({1, 6, 6, 8}), kRatios));
  const auto moved = net.Node("Add", {net.Node("Mul", {x, net.Scalar(2)}), net.Scalar(0.4)});
  auto y = net.Node("Sub", {net.Normed(x, kRatios), moved});
  y = net.Codes(net.Node("Relu", {net.Node("Mul", {y, net.Constant({10}, 0.5, 1.5)})}));
  const auto z = net.Codes(net.Node("Sub", {x, net.Normed(x, kRatios)}));
  const Outcome outcome = RunAndCompare(net.Finish({y, z}));
  ExpectWhole(outcome, 3);
  std::vector<int32_t> wanted;
  for (const double ratio : kRatios) wanted.push_back(static_cast<int32_t>(-2 * ratio));
  for (const double ratio : kRatios) wanted.push_back(static_cast<int32_t>(-ratio));
  EXPECT_EQ(RatiosOf(outcome), wanted);
}

TEST(Residual, StaysRealWhereACodeIsNoWholeNumberOfSums) {
  ResidualNet net(6);
  std::vector<double> ratios = kRatios;
  ratios[3] = 4.5;
  const auto x = net.Codes(net.Normed(net.Start({1, 6, 6, 8}), kRatios));
  const auto y = net.Codes(net.Node("Add", {net.Normed(x, ratios), x}));
  const Outcome outcome = RunAndCompare(net.Finish({y}));
  EXPECT_EQ(outcome.Count("QConv"), 2);
  EXPECT_EQ(outcome.Count("Add"), 1);
  EXPECT_NE(outcome.Explain().find("thresholds do not move by whole steps: channel 3, code 1"),
            std::string::npos)
      << outcome.Explain();
}

TEST(Residual, OfPooledSumsStaysReal) {
  ResidualNet net(7);
  const auto x = net.Codes(net.Normed(net.Start({1, 6, 6, 8}), kRatios));
  const auto y = net.Node("Add", {net.MaxPool(net.Normed(x, kRatios)), net.MaxPool(x)});
  const Outcome outcome = RunAndCompare(net.Finish({net.Codes(y)}));
  EXPECT_EQ(outcome.Count("Add"), 1);
  EXPECT_NE(outcome.Explain().find("stands beside a sum with codes"), std::string::npos)
      << outcome.Explain();
}

// FoldResidual against the chain itself, accumulator by accumulator: also where thresholds lie
// outside of the range, and where the accumulator does not matter.
TEST(Residual, GivesTheChainsCodesForEveryAccumulator) {
  ir::Graph graph;
  const ValueId x = graph.AddInput("x", DType::kF32, {1, 1});
  const ValueId y = *graph.Append("Quantize", "q", {x},
                                  Attributes()
                                      .Set("scale", 1.0)
                                      .Set("zero_point", int64_t{0})
                                      .Set("bits", int64_t{2})
                                      .Set("levels", int64_t{4}));
  const ChannelCoder coder(graph, *graph.Producer(y));
  std::vector<double> scales, offsets, codes;
  for (const double scale : {0.0, 0.01, 0.125, 0.25, 0.5, -0.01, -0.125, -0.5, 3.0}) {
    for (const double offset : {-40.0, -2.2, 0.3, 1.1, 40.0}) {
      for (const double code : {0.0, 0.5, 1.0, -1.0, 6.0, -300.0}) {
        scales.push_back(scale);
        offsets.push_back(offset);
        codes.push_back(code);
      }
    }
  }
  int whole = 0;
  for (size_t i = 0; i < scales.size(); ++i) {
    Chain chain;
    chain.scale = {scales[i]};
    chain.offset = {0};
    chain.steps = {{StepKind::kAdd, {offsets[i]}, {}}, {StepKind::kAdd, {}, {}}};
    Residual residual;
    residual.info = {.scale = 1, .zero_point = 0, .bits = 2, .levels = 4};
    for (int32_t c = 0; c < 4; ++c) residual.values.push_back({c * codes[i]});
    const auto folded = FoldResidual(chain, 1, residual, coder, {.low = {-9}, .high = {9}});
    if (!folded.ok()) continue;
    ++whole;
    for (int32_t acc = -9; acc <= 9; ++acc) {
      for (int32_t c = 0; c < 4; ++c) {
        chain.steps[1].p0 = {c * codes[i]};
        const int64_t value = acc + int64_t{folded->ratios.data<int32_t>()[0]} * c;
        const bool rises = folded->directions.data<int8_t>()[0] > 0;
        int32_t code = 0;
        for (int32_t k = 0; k < 3; ++k) {
          const int32_t t = folded->thresholds.data<int32_t>()[k];
          code += rises ? value >= t : value <= t;
        }
        ASSERT_EQ(code, coder.Code(0, chain.Apply(0, acc)))
            << scales[i] << " " << offsets[i] << " " << codes[i] << ": " << acc << ", " << c;
      }
    }
  }
  EXPECT_GT(whole, 200);
}

}  // namespace
}  // namespace bluestem::passes
