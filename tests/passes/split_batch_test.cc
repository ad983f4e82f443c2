// Networks of a batch: split into images they give the bits of the reference on the whole batch,
// and of the same network on each image alone.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>

#include "bluestem/ir/evaluate.h"
#include "bluestem/kernels/isa.h"
#include "bluestem/lower/lower.h"
#include "bluestem/runtime/compiled_model.h"
#include "tests/passes/nets.h"

namespace bluestem::passes {
namespace {

using ir::Attributes;
using ir::ValueId;
using testing::HasSubstr;

// Convolutions of codes and of reals, thresholds, pools, a shortcut, movements and a matrix
// product, all of them random.
ir::Graph Mixed(int64_t n, uint32_t seed) {
  Net net(seed);
  auto x = net.Quant(net.Input({n, 8, 6, 3}), 1.0 / 255, 8);
  x = net.Quant(net.BatchNorm(net.Conv(x, 8, 3, 1), true), 0.5, 2);
  auto y = net.Quant(net.BatchNorm(net.Conv(x, 8, 3, 1), true), 0.5, 2);
  y = net.MaxPool(net.Node("Concat", {x, y}, Attributes().Set("axis", int64_t{3})));
  y = net.Quant(net.BatchNorm(net.Conv(y, 12, 3, 4, true), true), 0.4, 3);
  y = net.Node("Add", {net.Conv(y, 12, 1, 2), y});  // stays real
  y = net.Node("SpaceToDepth",
               {net.Node("Pad", {y}, Attributes().Set("pads", Shape{0, 0, 1, 0, 0, 0, 0, 0}))},
               Attributes().Set("block", int64_t{2}));
  y = net.Node("Relu", {net.BatchNorm(net.Conv(y, 6, 1, 32), true)});
  y = net.Node("Mul", {y, net.Constant({1, 1, 1, 6}, -1, 1)});
  const ValueId scores =
      net.Node("Softmax", {net.Node("GlobalAvgPool", {y})}, Attributes().Set("axis", int64_t{3}));
  y = net.Quant(net.Node("Reshape", {y}, Attributes().Set("shape", Shape{n, -1})), 0.3, 2);
  return net.Finish(
      {net.Dense(y, 5, 1), scores, net.Node("ReduceMax", {y}, Attributes().Set("axes", Shape{0}))});
}

ir::Graph Passed(ir::Graph graph, bool split) {
  Options options;
  if (!split) options.disabled = {"split_batch"};
  std::vector<Decision> decisions;
  const Status status = Run(graph, options, decisions);
  EXPECT_TRUE(status.ok()) << status.message();
  return graph;
}

std::shared_ptr<const program::Program> MustLower(const ir::Graph& graph) {
  std::vector<lower::Decision> decisions;
  auto program = lower::Lower(graph, "", decisions);
  EXPECT_TRUE(program.ok()) << program.status().message();
  return std::make_shared<const program::Program>(std::move(program).value());
}

std::vector<Tensor> MustRun(const std::shared_ptr<const program::Program>& program,
                            const std::string& device, const std::string& isa, const Tensor& x) {
  auto model = runtime::CompiledModel::Compile(program, {.device = device, .isa = isa});
  EXPECT_TRUE(model.ok()) << model.status().message();
  runtime::InferRequest request = model->CreateRequest();
  EXPECT_TRUE(request.SetInput(model->inputs()[0].name, x).ok());
  const Status status = request.Infer();
  EXPECT_TRUE(status.ok()) << status.message();
  std::vector<Tensor> outputs;
  for (const auto& info : model->outputs()) outputs.push_back(request.Output(info.name).value());
  return outputs;
}

Tensor RandomCodes(const Shape& shape, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> byte(0, 255);
  Tensor x(DType::kU8, shape);
  for (int64_t i = 0; i < x.size(); ++i) x.data<uint8_t>()[i] = static_cast<uint8_t>(byte(random));
  return x;
}

// Returns part `i` of `n` equal ones of the first axis, as the bytes that they are.
std::string PartOf(const Tensor& whole, int64_t i, int64_t n) {
  const auto bytes = static_cast<size_t>(whole.bytes() / n);
  const auto* first = reinterpret_cast<const char*>(whole.raw());
  return {first + bytes * static_cast<size_t>(i), bytes};
}

class SplitBatches : public testing::TestWithParam<int64_t> {};

TEST_P(SplitBatches, EveryInstructionSetEqualsTheReferenceOnTheWhole) {
  for (uint32_t seed = 0; seed < 3; ++seed) {
    const ir::Graph whole = Passed(Mixed(GetParam(), seed), false);
    const auto program = MustLower(Passed(Mixed(GetParam(), seed), true));
    ASSERT_EQ(whole.value(whole.inputs[0]).dtype, DType::kU8);
    const Tensor x = RandomCodes(whole.value(whole.inputs[0]).shape, seed);
    const auto wanted = ir::Evaluate(whole, {x});
    ASSERT_TRUE(wanted.ok()) << wanted.status().message();
    EXPECT_EQ(MustRun(program, "REFERENCE", "", x), *wanted) << program::ToText(*program);
    int tried = 0;
    for (const kernels::Isa isa : kernels::kIsas) {
      if (isa == kernels::Isa::kReference) continue;
      if (!runtime::Interpret(program, kernels::IsaName(isa)).ok()) continue;
      EXPECT_EQ(MustRun(program, "CPU", kernels::IsaName(isa), x), *wanted)
          << kernels::IsaName(isa);
      ++tried;
    }
    EXPECT_GE(tried, 1);
  }
}

TEST_P(SplitBatches, EachImageHasTheBitsThatItHasAlone) {
  const int64_t n = GetParam();
  for (uint32_t seed = 10; seed < 13; ++seed) {
    const auto together = MustLower(Passed(Mixed(n, seed), true));
    const auto alone = MustLower(Passed(Mixed(1, seed), true));
    const Tensor x = RandomCodes(together->inputs[0].shape, seed);
    const std::vector<Tensor> got = MustRun(together, "CPU", "", x);
    for (int64_t i = 0; i < n; ++i) {
      Tensor image(DType::kU8, alone->inputs[0].shape);
      const std::string bytes = PartOf(x, i, n);
      std::memcpy(image.data<uint8_t>(), bytes.data(), bytes.size());
      const std::vector<Tensor> wanted = MustRun(alone, "CPU", "", image);
      for (const size_t output : {size_t{0}, size_t{1}}) {  // the third goes over all images
        EXPECT_EQ(PartOf(got[output], i, n), PartOf(wanted[output], 0, 1)) << i;
      }
    }
  }
}

// What the engine takes: 1-bit weights, 2-bit codes, and enough of both to pay for the way there.
ir::Graph ForEngine(int64_t n) {
  Net net(7);
  auto x = net.Quant(net.Input({n, 16, 16, 3}), 1.0 / 255, 8);
  for (int i = 0; i < 4; ++i) {
    x = net.Quant(net.BatchNorm(net.Conv(x, 128, 3, 1), true), 0.5, 2);
    if (i == 1) x = net.MaxPool(x);
  }
  x = net.Node("Reshape", {x}, Attributes().Set("shape", Shape{n, -1}));
  return net.Finish({net.Dense(x, 5, 1)});
}

int64_t CallsOnEngine(const program::Program& program) {
  const auto placement = runtime::PlaceOn(program, "HETERO:FPGA-MODEL,CPU", {});
  EXPECT_TRUE(placement.ok()) << placement.status().message();
  return std::count_if(placement->calls.begin(), placement->calls.end(), [&](const auto& call) {
    return placement->devices[call.device]->name() == "FPGA-MODEL";
  });
}

TEST_P(SplitBatches, TheEngineTakesTheCallsOfEachImage) {
  const auto together = MustLower(Passed(ForEngine(GetParam()), true));
  EXPECT_GE(CallsOnEngine(*together), 3 * GetParam()) << program::ToText(*together);
  const Tensor x = RandomCodes(together->inputs[0].shape, 1);
  EXPECT_EQ(MustRun(together, "HETERO:FPGA-MODEL,CPU", "", x), MustRun(together, "CPU", "", x));
}

// Weights are packed once: n images need the constants of one and not a byte more.
TEST_P(SplitBatches, AllImagesShareTheConstants) {
  const auto together = MustLower(Passed(Mixed(GetParam(), 1), true));
  const auto alone = MustLower(Passed(Mixed(1, 1), true));
  EXPECT_EQ(together->constants, alone->constants);
}

INSTANTIATE_TEST_SUITE_P(Images, SplitBatches, testing::Values(2, 3, 5));

int CountOf(const ir::Graph& graph, const std::string& op) {
  return static_cast<int>(std::count_if(graph.nodes.begin(), graph.nodes.end(),
                                        [&](const ir::Node& node) { return node.op == op; }));
}

TEST(SplitBatch, AChainIsCutOnceAndJoinedOnce) {
  Net net(3);
  auto x = net.Quant(net.Input({4, 8, 8, 3}), 1.0 / 255, 8);
  x = net.Quant(net.BatchNorm(net.Conv(x, 8, 3, 1), true), 0.5, 2);
  x = net.MaxPool(net.Quant(net.BatchNorm(net.Conv(x, 8, 3, 1), true), 0.5, 2));
  x = net.Node("Reshape", {x}, Attributes().Set("shape", Shape{4, -1}));
  const ir::Graph graph = Passed(net.Finish({net.Dense(x, 5, 1)}), true);
  EXPECT_EQ(CountOf(graph, "Slice"), 4);
  EXPECT_EQ(CountOf(graph, "Concat"), 1);
  EXPECT_EQ(CountOf(graph, "QConv"), 9);  // the product has a row an image
  EXPECT_EQ(CountOf(graph, "MaxPool"), 4);
}

TEST(SplitBatch, WhatIsReadWholeAndByImageIsJoinedAsWell) {
  Net net(4);
  const auto x =
      net.Node("MaxPool", {net.Input({3, 4, 4, 2})}, Attributes().Set("kernel", Shape{2, 2}));
  const auto turned = net.Node("Transpose", {x}, Attributes().Set("perm", Shape{1, 0, 2, 3}));
  const auto pooled = net.Node("AvgPool", {turned}, Attributes().Set("kernel", Shape{3, 1}));
  const ir::Graph before = net.Finish({x, net.Node("Relu", {x}), pooled});
  const Outcome outcome = RunAndCompare(before);
  EXPECT_LE(outcome.worst, 1e-6) << outcome.Explain();  // f32 against double
  EXPECT_EQ(outcome.Count("MaxPool"), 3) << outcome.Explain();
  EXPECT_EQ(outcome.Count("Slice"), 6) << outcome.Explain();
  EXPECT_EQ(outcome.after.value(outcome.after.outputs[0]).name, before.value(x).name);
}

TEST(SplitBatch, AConstantOfAnEntryAnImageIsNotShared) {
  Net net(5);
  auto x = net.MaxPool(net.Input({2, 4, 4, 2}));
  x = net.MaxPool(net.Node("Add", {x, net.Constant({2, 1, 1, 2}, -1, 1)}), 1);
  const Outcome outcome = RunAndCompare(net.Finish({x}));
  EXPECT_LE(outcome.worst, 1e-6) << outcome.Explain();  // f32 against double
  EXPECT_EQ(outcome.Count("Add"), 1) << outcome.Explain();
}

TEST(SplitBatch, MoreThan256ImagesAreRefusedWithTheNumber) {
  Net net(6);
  const ir::Graph graph = Passed(net.Finish({net.MaxPool(net.Input({257, 2, 2, 1}))}), true);
  std::vector<lower::Decision> decisions;
  const Status status = lower::Lower(graph, "", decisions).status();
  EXPECT_EQ(status.code(), Code::kUnsupported);
  EXPECT_THAT(status.message(), HasSubstr("the batch is 257 (shape [257,2,2,1])"));
  EXPECT_THAT(status.message(), HasSubstr("of up to 256"));
}

}  // namespace
}  // namespace bluestem::passes
