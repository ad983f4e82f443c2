// The whole pipeline on small networks: quantized values are equal, real ones within the rounding
// of f32.
#include <gtest/gtest.h>

#include <cmath>

#include "bluestem/ir/evaluate.h"
#include "bluestem/passes/passes.h"
#include "tests/passes/nets.h"

namespace bluestem::passes {
namespace {

// An f32 sum of n products is within about n * 2^-24 of the sum of magnitudes; the networks here
// sum at most a few hundred.
constexpr double kF32 = 1e-4;

// A Dequantize rounds code * scale to f32 once; the double evaluation does not.
constexpr double kOneRounding = 1.2e-7;

TEST(Pipeline, MakesThresholdsOfConvBatchNormQuant) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    Net net(seed);
    auto x = net.Quant(net.Input({1, 6, 5, 3}), 1.0 / 255, 8);
    x = net.Quant(net.BatchNorm(net.Conv(x, 8, 3, 1), true), 2.0 / 3, 2, false, false, "HALF_UP");
    x = net.Quant(net.BatchNorm(net.Conv(x, 7, 3, 4, true, true), true), 0.3, 3, true,
                  seed % 2 == 0);
    x = net.Quant(net.Node("Relu", {net.Conv(x, 5, 1, 2)}), 0.11, 4);
    const Outcome outcome = RunAndCompare(net.Finish({x}), {}, 3, seed);
    EXPECT_EQ(outcome.Count("QConv"), 3) << outcome.Explain();
    EXPECT_EQ(outcome.after.nodes.size(), 4u) << outcome.Explain();
    EXPECT_LE(outcome.worst_relative, kOneRounding) << seed << outcome.Explain();
  }
}

TEST(Pipeline, RemovesChannelsFirst) {
  for (uint32_t seed = 0; seed < 8; ++seed) {
    Net net(seed, "NCHW");
    auto x = net.Quant(net.Input({1, 3, 8, 6}), 1.0 / 255, 8);
    x = net.Quant(net.BatchNorm(net.Conv(x, 8, 3, 1), true), 0.5, 2);
    x = net.MaxPool(x);
    x = net.Quant(net.BatchNorm(net.Conv(x, 6, 3, 4, true), true), 0.5, 2);
    x = net.Node("Reshape", {x}, ir::Attributes().Set("shape", Shape{1, -1}));
    x = net.Dense(x, 5, 1);
    const Outcome outcome = RunAndCompare(net.Finish({x}), {}, 3, seed);
    EXPECT_EQ(outcome.Count("QConv"), 3) << outcome.Explain();
    EXPECT_EQ(outcome.Count("Transpose"), 0) << outcome.Explain();
    EXPECT_EQ(outcome.after.value(outcome.after.inputs[0]).shape, (Shape{1, 8, 6, 3}));
    EXPECT_EQ(outcome.after.value(outcome.after.inputs[0]).name, "image");
    EXPECT_LE(outcome.worst_relative, kF32) << outcome.Explain();
  }
}

TEST(Pipeline, KeepsTheOutputsDeclaredLayoutAndName) {
  Net net(3, "NCHW");
  auto x = net.Conv(net.Quant(net.Input({1, 3, 4, 4}), 1.0 / 255, 8), 12, 3, 8);
  x = net.Node("DepthToSpace", {x},
               ir::Attributes()
                   .Set("block", int64_t{2})
                   .Set("mode", std::string("CRD"))
                   .Set("layout", std::string("NCHW")));
  x = net.Quant(net.Node("Relu", {x}), 1.0 / 255, 8);
  const ir::Graph before = net.Finish({x});
  const Outcome outcome = RunAndCompare(before);
  EXPECT_EQ(outcome.after.value(outcome.after.outputs[0]).name, before.value(x).name);
  EXPECT_EQ(outcome.after.value(outcome.after.outputs[0]).shape, (Shape{1, 3, 8, 8}));
  EXPECT_EQ(outcome.Count("QConv"), 1) << outcome.Explain();
  EXPECT_EQ(outcome.Count("Quantize"), 0) << outcome.Explain();
  EXPECT_LE(outcome.worst_relative, kOneRounding);
}

TEST(Pipeline, PoolsCodesOrRawAccumulators) {
  for (const bool falling : {false, true}) {
    Net net(11);
    auto x = net.Quant(net.Input({1, 8, 8, 4}), 0.05, 8);
    x = net.MaxPool(net.Conv(x, 6, 3, 1));
    x = net.Quant(net.BatchNorm(x, falling), 0.7, 2);
    const Outcome outcome = RunAndCompare(net.Finish({x}));
    EXPECT_EQ(outcome.Count("Threshold"), falling ? 1 : 0) << outcome.Explain();
    EXPECT_EQ(outcome.Count("MaxPool"), 1);
    for (const ir::Node& node : outcome.after.nodes) {
      if (node.op == "MaxPool") {
        EXPECT_EQ(outcome.after.value(node.outputs[0]).dtype, falling ? DType::kS32 : DType::kU8);
      }
    }
    EXPECT_LE(outcome.worst_relative, kOneRounding) << outcome.Explain();
  }
}

TEST(Pipeline, RefusesAMaximumOfFallingChannels) {
  Net net(12);
  auto x = net.Quant(net.Input({1, 8, 8, 4}), 0.05, 8);
  x = net.MaxPool(net.BatchNorm(net.Conv(x, 6, 3, 1), true));
  x = net.Quant(net.BatchNorm(x, true), 0.7, 2);
  const Outcome outcome = RunAndCompare(net.Finish({x}));
  EXPECT_NE(outcome.Explain().find("a maximum is taken of what falls"), std::string::npos)
      << outcome.Explain();
}

TEST(Pipeline, MakesBinaryActivationsExact) {
  for (uint32_t seed = 0; seed < 6; ++seed) {
    Net net(seed);
    auto x =
        net.Node("Reshape", {net.Input({1, 1, 6, 6})}, ir::Attributes().Set("shape", Shape{1, 36}));
    x = net.Node("Sub", {net.Node("Mul", {x, net.Scalar(2)}), net.Scalar(1)});
    x = net.Node("BinaryQuant", {x, net.Scalar(0.5)});
    x = net.Node("BinaryQuant", {net.BatchNorm(net.Dense(x, 16, 1), true), net.Scalar(1.5)});
    x = net.Node("BinaryQuant", {net.BatchNorm(net.Dense(x, 16, 1), true), net.Scalar(1)});
    x = net.Dense(x, 10, 1);
    Options options;
    options.input_codes = InputCodes{};
    const Outcome outcome = RunAndCompare(net.Finish({x}), options, 10, seed);
    EXPECT_EQ(outcome.Count("QConv"), 3) << outcome.Explain();
    EXPECT_LE(outcome.worst_relative, kF32) << outcome.Explain();
  }
}

TEST(Pipeline, ReadsPixelsThroughATable) {
  Net net(5);
  auto x =
      net.Node("Reshape", {net.Input({1, 1, 8, 8})}, ir::Attributes().Set("shape", Shape{1, 64}));
  x = net.Node("Sub", {net.Node("Mul", {x, net.Scalar(2)}), net.Scalar(1)});
  x = net.Quant(x, 1, 2, true, true);
  x = net.Quant(net.BatchNorm(net.Dense(x, 12, 1), true), 1, 2, true, true);
  Options options;
  options.input_codes = InputCodes{};
  const Outcome outcome = RunAndCompare(net.Finish({x}), options, 10);
  EXPECT_EQ(outcome.Count("Lookup"), 1) << outcome.Explain();
  EXPECT_EQ(outcome.Count("Dequantize"), 1) << outcome.Explain();
  EXPECT_EQ(outcome.after.value(outcome.after.inputs[0]).dtype, DType::kU8);
  EXPECT_EQ(outcome.worst, 0) << outcome.Explain();
}

TEST(Pipeline, KeepsTiesOfScoresTies) {
  // Scores of signed codes: whole sums times one factor. Equal sums must not be rounded apart by a
  // zero point's share in b.
  Net net(6);
  auto x = net.Quant(net.Input({3, 24}), 0.4, 2, true, true);
  x = net.Node("Add",
               {net.Node("Mul", {net.Dense(x, 40, 1), net.Scalar(0.0417)}), net.Scalar(-1.1)});
  const ir::Graph before = net.Finish({x});
  const Outcome outcome = RunAndCompare(before);
  EXPECT_EQ(outcome.Count("QConv"), 1) << outcome.Explain();
  EXPECT_NE(outcome.Explain().find("takes the zero point off"), std::string::npos)
      << outcome.Explain();
  Tensor input(DType::kF32, {3, 24});
  for (int64_t i = 0; i < input.size(); ++i)
    input.data<float>()[i] = static_cast<float>(i % 5) * 0.3f - 0.6f;
  const auto wanted = ir::EvaluateDouble(before, {input});
  const auto got = ir::Evaluate(outcome.after, {input});
  ASSERT_TRUE(wanted.ok() && got.ok());
  int ties = 0;
  for (int64_t i = 0; i < 120; ++i) {
    for (int64_t k = 0; k < i; ++k) {
      // Different whole sums lie a factor apart, far more than this.
      if (std::fabs((*wanted)[0].At(i) - (*wanted)[0].At(k)) > 1e-6) continue;
      ++ties;
      EXPECT_EQ((*got)[0].At(i), (*got)[0].At(k));
    }
  }
  EXPECT_GT(ties, 100);
}

TEST(Pipeline, LeavesResidualSumsRealAndExact) {
  Net net(8);
  auto x = net.Quant(net.Input({1, 6, 6, 8}), 0.02, 8);
  auto y = net.Quant(net.BatchNorm(net.Conv(x, 8, 3, 1), true), 0.5, 2);
  auto z = net.BatchNorm(net.Conv(y, 8, 3, 1), true);
  z = net.Node("Add", {z, y});
  z = net.Quant(net.Node("Relu", {z}), 0.5, 2);
  z = net.Conv(z, 4, 1, 1);
  const Outcome outcome = RunAndCompare(net.Finish({z}));
  EXPECT_EQ(outcome.Count("QConv"), 3) << outcome.Explain();
  EXPECT_EQ(outcome.Count("Quantize"), 1) << outcome.Explain();
  EXPECT_LE(outcome.worst_relative, kF32) << outcome.Explain();
}

TEST(Pipeline, SplitsQuantizersOfOneZeroPointAChannel) {
  Net net(9);
  auto x = net.Input({1, 5, 5, 4});
  const auto zero = net.graph.AddConstant("zero", Tensor::Of<float>({4}, {0, 1, -1, 2}));
  x = net.Node("Quant", {x, net.Constant({4}, 0.05, 0.2), zero},
               ir::Attributes().Set("bits", int64_t{3}).Set("signed", int64_t{1}));
  const Outcome outcome = RunAndCompare(net.Finish({x}));
  EXPECT_EQ(outcome.Count("Quant"), 0) << outcome.Explain();
  EXPECT_LE(outcome.worst_relative, kOneRounding) << outcome.Explain();
}

TEST(Pipeline, FoldsMultiThresholdsIntoTheConvolution) {
  for (const bool shared : {false, true}) {
    for (const double bias : {-1.0, -2.0, 0.3}) {  // codes of half steps, of whole steps, none
      Net net(11, "NCHW");
      auto x = net.Quant(net.Input({1, 4, 6, 6}), 0.2, 2);
      x = net.BatchNorm(net.Conv(x, 8, 3, 1), true);
      const auto t = net.Constant({shared ? 1 : 8, 3}, -2, 2);
      x = net.Node(
          "MultiThreshold", {net.MaxPool(x), t},
          ir::Attributes().Set("scale", 2.0).Set("bias", bias).Set("layout", std::string("NCHW")));
      x = net.Conv(x, 5, 1, 1);
      const Outcome outcome = RunAndCompare(net.Finish({x}));
      EXPECT_EQ(outcome.Count("RealThreshold"), 0) << outcome.Explain();
      EXPECT_EQ(outcome.Count("QConv"), bias == 0.3 ? 1 : 2) << outcome.Explain();
      EXPECT_LE(outcome.worst_relative, kF32) << outcome.Explain();
    }
  }
}

TEST(Pipeline, FoldsOneScaleAChannelAroundADepthwiseConvolution) {
  Net net(12);
  auto x = net.Quant(net.Input({1, 6, 6, 4}), 0.02, 8);
  x = net.BatchNorm(net.Conv(x, 8, 3, 4), false);
  x = net.Node("Quant", {net.Node("Relu", {x}), net.Constant({8}, 0.05, 0.4), net.Scalar(0)},
               ir::Attributes().Set("bits", int64_t{4}).Set("signed", int64_t{0}));
  x = net.Conv(x, 8, 3, 4, true, false, 8);
  x = net.Quant(net.BatchNorm(x, true), 0.3, 4);
  x = net.Conv(x, 3, 1, 4);
  const Outcome outcome = RunAndCompare(net.Finish({x}));
  EXPECT_EQ(outcome.Count("QConv"), 3) << outcome.Explain();
  EXPECT_EQ(outcome.Count("Mul"), 0) << outcome.Explain();
  EXPECT_LE(outcome.worst_relative, kF32) << outcome.Explain();
}

TEST(Pipeline, LooksUpThresholdsAndWholeNumbersBetweenCodes) {
  Net net(13);
  auto x = net.Quant(net.Input({1, 5, 5, 4}), 0.1, 4, true);
  x = net.Node("Floor", {net.Node("Mul", {x, net.Scalar(3)})});
  x = net.Node("MultiThreshold", {x, net.Constant({1, 7}, -2, 2)},
               ir::Attributes().Set("bias", -4.0));
  x = net.Conv(x, 3, 3, 1);
  const Outcome outcome = RunAndCompare(net.Finish({x}));
  EXPECT_EQ(outcome.Count("Lookup"), 1) << outcome.Explain();
  EXPECT_EQ(outcome.Count("QConv"), 1) << outcome.Explain();
  EXPECT_LE(outcome.worst_relative, kF32) << outcome.Explain();
}

TEST(Pipeline, TakesWeightsThatWereTurnedFromChannelsLast) {
  Net net(16, "NCHW");
  const auto w =
      net.Node("Quant", {net.Constant({5, 3, 3, 4}, -1, 1), net.Scalar(0.1), net.Scalar(0)},
               ir::Attributes().Set("bits", int64_t{4}).Set("signed", int64_t{1}));
  const auto turned = net.Node("Transpose", {w}, ir::Attributes().Set("perm", Shape{0, 3, 1, 2}));
  const auto x = net.Node("Conv", {net.Quant(net.Input({1, 4, 6, 6}), 0.2, 2), turned},
                          ir::Attributes().Set("layout", std::string("NCHW")));
  const Outcome outcome = RunAndCompare(net.Finish({x}));
  EXPECT_EQ(outcome.Count("QConv"), 1) << outcome.Explain();
  EXPECT_LE(outcome.worst_relative, kF32) << outcome.Explain();
}

TEST(Pipeline, FoldsCodesOfConstants) {
  Net net(15);
  const auto w = net.Node("BinaryQuant", {net.Constant({4, 6}, -1, 1), net.Scalar(0.5)});
  const auto x = net.Dense(net.Input({1, 6}), 4, 32);
  const auto y = net.Node("Dense", {net.Quant(w, 0.25, 4, true), w});
  const Outcome outcome = RunAndCompare(net.Finish({x, y}));
  EXPECT_LE(outcome.worst_relative, kF32) << outcome.Explain();
}

TEST(Pipeline, TakesWholeConstantsAsWeights) {
  Net net(14);
  auto x = net.Quant(net.Input({1, 5, 5, 4}), 0.1, 4, true);
  std::vector<float> weights;
  for (int i = 0; i < 3 * 3 * 3 * 4; ++i) weights.push_back(static_cast<float>(i * 7 % 15 - 7));
  const auto w = net.graph.AddConstant("w", Tensor::Of<float>({3, 3, 3, 4}, weights));
  x = net.Node("Conv", {x, w}, ir::Attributes().Set("pads", Shape{1, 1, 1, 1}));
  const Outcome outcome = RunAndCompare(net.Finish({x}));
  EXPECT_EQ(outcome.Count("QConv"), 1) << outcome.Explain();
  EXPECT_EQ(outcome.after.nodes.back().attributes.Int("w_bits"), 4) << outcome.Explain();
  EXPECT_LE(outcome.worst_relative, kF32) << outcome.Explain();
}

TEST(Pipeline, RoundsSignedCodesAroundTheirOwnZero) {
  for (const char* rounding : {"ROUND", "HALF_UP", "FLOOR", "CEIL", "ROUND_TO_ZERO", "FROM_ZERO",
                               "HALF_FROM_ZERO", "HALF_TO_ZERO", "HALF_ODD"}) {
    Net net(10);
    // Halves everywhere: x + x over quarters, so that every tie is met.
    auto x = net.Quant(net.Input({1, 9, 9, 3}), 0.125, 4, true);
    x = net.Node("Add",
                 {x, net.Node("Transpose", {x}, ir::Attributes().Set("perm", Shape{0, 2, 1, 3}))});
    x = net.Quant(x, 0.25, 3, true, true, rounding);
    const Outcome outcome = RunAndCompare(net.Finish({x}));
    EXPECT_EQ(outcome.worst, 0) << rounding << outcome.Explain();
  }
}

TEST(Pipeline, KeepsRealNetworksReal) {
  Net net(4, "NCHW");
  auto x = net.Conv(net.Input({1, 1, 12, 12}), 4, 5, 32);
  x = net.Node("Relu", {net.Node("Add", {x, net.Constant({4, 1, 1}, -1, 1)})});
  x = net.MaxPool(x);
  x = net.BatchNorm(net.Conv(x, 6, 3, 32, false, true), true);
  x = net.Node("GlobalAvgPool", {x}, ir::Attributes().Set("layout", std::string("NCHW")));
  x = net.Node("Reshape", {x}, ir::Attributes().Set("shape", Shape{1, 6}));
  x = net.Node("Softmax", {net.Dense(x, 3, 32)}, ir::Attributes().Set("axis", int64_t{1}));
  const Outcome outcome = RunAndCompare(net.Finish({x}));
  EXPECT_EQ(outcome.Count("QConv"), 0);
  EXPECT_EQ(outcome.Count("Add"), 0) << outcome.Explain();
  EXPECT_EQ(outcome.Count("Transpose"), 0) << outcome.Explain();
  EXPECT_LE(outcome.worst_relative, kF32) << outcome.Explain();
}

TEST(Pipeline, RefusesAnUnknownPassByName) {
  Net net(1);
  ir::Graph graph = net.Finish({net.Node("Relu", {net.Input({1, 2})})});
  Options options;
  options.disabled = {"layuot"};
  std::vector<Decision> decisions;
  const Status status = passes::Run(graph, options, decisions);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("layout"), std::string::npos);
}

TEST(Pipeline, RefusesAccumulatorsBeyond32Bits) {
  // 2^24 weights of 127 on 8-bit codes: 2^24 * 127 * 255 is far beyond 2^31; a Dense this wide is
  // cheap enough to build.
  Net net(2);
  const int64_t k = 1 << 17;
  auto x = net.Quant(net.Input({1, k}), 1.0 / 255, 8);
  auto w = net.Node("Quant", {net.Constant({1, k}, 0.99, 1), net.Scalar(1.0 / 127), net.Scalar(0)},
                    ir::Attributes().Set("bits", int64_t{8}).Set("signed", int64_t{1}));
  const Outcome outcome = RunAndCompare(net.Finish({net.Node("Dense", {x, w})}), {}, 1);
  EXPECT_EQ(outcome.Count("QConv"), 0);
  EXPECT_NE(outcome.Explain().find("beyond 32 bits"), std::string::npos) << outcome.Explain();
}

TEST(Pipeline, EachPassSaysWhatHoldsAfter) {
  for (const Pass& pass : Pipeline()) {
    EXPECT_GT(std::string(pass.contract).size(), 10u) << pass.name;
    for (const Pass& other : Pipeline()) {
      EXPECT_TRUE(&pass == &other || std::string(pass.name) != other.name) << pass.name;
    }
  }
}

}  // namespace
}  // namespace bluestem::passes
