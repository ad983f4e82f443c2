// Whole residual networks: the graph, its passes' graph, the interpreted Program and the compiled
// one give the same bits.
#include "bluestem/ir/evaluate.h"
#include "bluestem/lower/lower.h"
#include "bluestem/passes/passes.h"
#include "tests/codegen/fixture.h"

namespace bluestem {
namespace {

using ir::Attributes;
using ir::ValueId;

Attributes Nchw() {
  return Attributes().Set("layout", std::string("NCHW"));
}

// f32 [1,8,12,12] -> codes; conv, codes; conv plus the codes before, codes; pool; conv of stride 2
// plus picked and padded codes, codes; mean -> f32 [1,40]. Every scale is a power of 2, so that f32
// is exact.
struct ResidualNetwork {
  ir::Graph graph;
  std::mt19937 random{9};  // NOLINT(cert-msc51-cpp): the same network in every run

  ValueId Node(const std::string& op, const std::string& name, std::vector<ValueId> inputs,
               const Attributes& attributes = {}) {
    const auto value = graph.Append(op, name, std::move(inputs), attributes);
    EXPECT_TRUE(value.ok()) << value.status().message();
    return *value;
  }
  ValueId Floats(const Shape& shape, const std::vector<float>& values) {
    return graph.AddConstant("c", Tensor::Of<float>(shape, values));
  }
  // One of `choices` a channel.
  ValueId Drawn(int64_t channels, const std::vector<float>& choices) {
    std::vector<float> values;
    for (int64_t c = 0; c < channels; ++c) values.push_back(choices[random() % choices.size()]);
    return Floats({channels}, values);
  }
  ValueId Codes(const std::string& name, ValueId x) {
    return Node("Quant", name, {x, Floats({}, {0.5F}), Floats({}, {0})},
                Attributes()
                    .Set("bits", int64_t{2})
                    .Set("signed", int64_t{0})
                    .Set("rounding", std::string("HALF_UP")));
  }
  ValueId Conv(const std::string& name, ValueId x, int64_t channels, int64_t stride) {
    const int64_t inputs = graph.value(x).shape[1];
    std::vector<float> weights;
    for (int64_t i = 0; i < channels * inputs * 9; ++i) {
      weights.push_back(random() % 2 == 0 ? -1.0F : 1.0F);
    }
    const ValueId w = Node("BinaryQuant", name + "/weights",
                           {Floats({channels, inputs, 3, 3}, weights), Floats({}, {0.25F})});
    x = Node("Conv", name, {x, w},
             Nchw()
                 .Set("pads", std::vector<int64_t>{1, 1, 1, 1})
                 .Set("strides", std::vector<int64_t>{stride, stride}));
    return Node("BatchNorm", name + "/norm",
                {x, Drawn(channels, {4, 2, 1, 0.5F, -1, -2}), Drawn(channels, {-0.5F, 0.75F, 1}),
                 Drawn(channels, {-0.5F, 0, 0.25F}), Drawn(channels, {1})},
                Nchw().Set("epsilon", 0.0));
  }

  ResidualNetwork() {
    ValueId x = Codes("input", graph.AddInput("x", DType::kF32, {1, 8, 12, 12}));
    x = Codes("one", Conv("conv1", x, 24, 1));
    x = Codes("two", Node("Add", "add2", {Conv("conv2", x, 24, 1), x}));
    x = Node("MaxPool", "pool", {x},
             Nchw()
                 .Set("kernel", std::vector<int64_t>{2, 2})
                 .Set("strides", std::vector<int64_t>{2, 2}));
    const ValueId normed = Conv("conv3", x, 40, 2);
    x = Node("Slice", "pixels", {x},
             Attributes()
                 .Set("starts", std::vector<int64_t>{0, 0})
                 .Set("ends", std::vector<int64_t>{6, 6})
                 .Set("axes", std::vector<int64_t>{2, 3})
                 .Set("steps", std::vector<int64_t>{2, 2}));
    x = Node(
        "Pad", "channels", {x},
        Attributes().Set("pads", std::vector<int64_t>{0, 0, 0, 0, 0, 16, 0, 0}).Set("value", 0.0));
    x = Codes("three", Node("Add", "add3", {normed, x}));
    x = Codes("four", Node("Add", "add4", {x, Conv("conv4", x, 40, 1)}));
    graph.outputs = {
        Node("ReduceSum", "sum", {x},
             Attributes().Set("axes", std::vector<int64_t>{2, 3}).Set("keepdims", int64_t{0}))};
  }
};

TEST(ResidualNetwork, GivesTheSameBitsAsAGraphAndAsAProgram) {
  const ir::Graph before = ResidualNetwork().graph;
  ir::Graph after = before;
  std::vector<passes::Decision> decisions;
  const Status run = passes::Run(after, {}, decisions);
  ASSERT_TRUE(run.ok()) << run.message();
  std::vector<lower::Decision> choices;
  auto lowered = lower::Lower(after, std::string(64, '5'), choices);
  ASSERT_TRUE(lowered.ok()) << lowered.status().message();
  const auto program = std::make_shared<const program::Program>(std::move(*lowered));
  int residuals = 0;
  for (const program::Call& call : program->calls) {
    const auto* params = std::get_if<kernels::QConvParams>(&call.params);
    residuals += params != nullptr && params->residual_bits == 2 ? 1 : 0;
    EXPECT_FALSE(std::holds_alternative<kernels::BinaryParams>(call.params)) << call.comment;
  }
  EXPECT_EQ(residuals, 3) << program::ToText(*program);

  const testing::TestFolder folder;
  const Status emitted =
      codegen::Emit(*program, folder.path() / "artefact", testing::Options({"x86-64"}));
  ASSERT_TRUE(emitted.ok()) << emitted.message();
  std::vector<std::unique_ptr<runtime::Session>> sessions;
  for (const std::string& isa : testing::IsasHere()) {
    for (const int32_t threads : {1, 2}) {
      auto interpreted = runtime::Interpret(program, isa, threads);
      auto compiled =
          runtime::LoadLibrary(testing::LibraryOf(folder.path() / "artefact"), isa, threads);
      ASSERT_TRUE(interpreted.ok() && compiled.ok());
      sessions.push_back(std::move(*interpreted));
      sessions.push_back(std::move(*compiled));
    }
  }
  for (uint32_t seed = 0; seed < 3; ++seed) {
    const std::vector<Tensor> inputs = testing::RandomInputs(*program, seed);
    const auto real =
        ir::Evaluate(before, {inputs[0].Transposed({0, 3, 1, 2})});  // the input is NHWC now
    const auto whole = ir::Evaluate(after, inputs);
    ASSERT_TRUE(real.ok() && whole.ok());
    EXPECT_EQ(*real, *whole);
    for (const auto& session : sessions) {
      const auto got = session->Run(inputs);
      ASSERT_TRUE(got.ok());
      EXPECT_EQ(*got, *real) << session->isa();
    }
  }
}

}  // namespace
}  // namespace bluestem
