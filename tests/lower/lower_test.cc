#include "bluestem/lower/lower.h"

#include <gmock/gmock.h>

#include <random>

#include "bluestem/ir/evaluate.h"
#include "bluestem/ir/ops/ops.h"
#include "bluestem/lower/rules.h"
#include "bluestem/runtime/session.h"

namespace bluestem::lower {
namespace {

using ir::Attributes;
using ir::Graph;
using ir::ValueId;
using testing::HasSubstr;

std::mt19937 random_source(11);  // NOLINT(cert-msc51-cpp): the same graphs in every run

Tensor RandomF32(Shape shape) {
  Tensor tensor(DType::kF32, std::move(shape));
  std::normal_distribution<float> normal;
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.data<float>()[i] = normal(random_source);
  return tensor;
}

template <typename T>
Tensor RandomInts(Shape shape, int low, int high) {
  Tensor tensor(DTypeOf<T>(), std::move(shape));
  std::uniform_int_distribution<int> uniform(low, high);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.data<T>()[i] = static_cast<T>(uniform(random_source));
  }
  return tensor;
}

Attributes Codes(int64_t bits) {
  return Attributes()
      .Set("scale", 0.5)
      .Set("zero_point", int64_t{0})
      .Set("bits", bits)
      .Set("levels", int64_t{1} << bits);
}

// A graph under construction whose nodes are known to be right.
struct Net {
  Graph graph;
  int count = 0;

  ValueId Input(Shape shape) { return graph.AddInput("x", DType::kF32, std::move(shape)); }
  ValueId Constant(Tensor tensor) {
    return graph.AddConstant("c" + std::to_string(count++), std::move(tensor));
  }
  ValueId Add(const std::string& op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    auto id = graph.Append(op, op + std::to_string(count++), std::move(inputs), attributes);
    BLUESTEM_CHECK(id.ok(), id.status().message().c_str());
    return *id;
  }
  ValueId Quantized(ValueId x, int64_t bits) { return Add("Quantize", {x}, Codes(bits)); }
};

// The program of `net` gives the same bytes as the reference evaluation, on every ISA of this
// machine.
void ExpectAgreement(Net& net, std::vector<ValueId> outputs) {
  net.graph.outputs = std::move(outputs);
  const Tensor x = RandomF32(net.graph.value(net.graph.inputs[0]).shape);
  const auto expected = ir::Evaluate(net.graph, {x});
  ASSERT_TRUE(expected.ok()) << expected.status().message();
  std::vector<Decision> decisions;
  auto program = Lower(net.graph, "hash", decisions);
  ASSERT_TRUE(program.ok()) << program.status().message();
  const auto shared = std::make_shared<const program::Program>(std::move(*program));
  for (const char* isa : {"", "portable"}) {
    auto session = runtime::Interpret(shared, isa);
    ASSERT_TRUE(session.ok()) << session.status().message();
    const auto got = (*session)->Run({x});
    ASSERT_TRUE(got.ok()) << got.status().message();
    EXPECT_TRUE(*got == *expected) << program::ToText(*shared);
  }
}

TEST(Lower, QConvWithThresholdsEqualsTheReference) {
  for (const int64_t stride : {1, 2}) {
    Net net;
    const ValueId x = net.Quantized(net.Input({1, 9, 7, 5}), 2);
    Tensor weights = RandomInts<int8_t>({33, 3, 3, 5}, 0, 1);
    for (int64_t i = 0; i < weights.size(); ++i) {
      weights.data<int8_t>()[i] = static_cast<int8_t>(2 * weights.data<int8_t>()[i] - 1);
    }
    Tensor thresholds(DType::kS32, {33, 3});
    Tensor directions(DType::kS8, {33});
    for (int32_t c = 0; c < 33; ++c) {
      directions.data<int8_t>()[c] = c % 3 == 0 ? -1 : 1;
      for (int32_t k = 0; k < 3; ++k) {
        thresholds.data<int32_t>()[c * 3 + k] = (c % 3 == 0 ? -1 : 1) * (k * 5 - 5);
      }
    }
    const ValueId y = net.Add(
        "QConv", {x, net.Constant(weights), net.Constant(thresholds), net.Constant(directions)},
        Codes(2)
            .Set("strides", std::vector<int64_t>{stride, stride})
            .Set("pads", std::vector<int64_t>{1, 1, 1, 1})
            .Set("x_bits", int64_t{2})
            .Set("w_bits", int64_t{1})
            .Set("epilogue", std::string("threshold")));
    ExpectAgreement(net, {y});
  }
}

TEST(Lower, QConvAffineAndRawEqualTheReference) {
  Net net;
  const ValueId x = net.Quantized(net.Input({1, 6, 5, 8}), 4);
  const ValueId w = net.Constant(RandomInts<int8_t>({12, 1, 1, 8}, -7, 7));
  const Attributes common = Attributes().Set("x_bits", int64_t{4}).Set("w_bits", int64_t{4});
  Attributes affine = common;
  affine.Set("epilogue", std::string("affine")).Set("activation", std::string("relu"));
  Attributes raw = common;
  raw.Set("epilogue", std::string("raw"));
  const ValueId a = net.Add(
      "QConv", {x, w, net.Constant(RandomF32({12})), net.Constant(RandomF32({12}))}, affine);
  const ValueId r = net.Add("QConv", {x, w}, raw);
  const ValueId pooled = net.Add("MaxPool", {r},
                                 Attributes()
                                     .Set("kernel", std::vector<int64_t>{2, 2})
                                     .Set("strides", std::vector<int64_t>{2, 1}));
  const ValueId t =
      net.Add("Threshold",
              {pooled, net.Constant(Tensor::Of<int32_t>({12, 1}, std::vector<int32_t>(12, 3))),
               net.Constant(Tensor::Of<int8_t>({12}, std::vector<int8_t>(12, 1)))},
              Codes(1));
  ExpectAgreement(net, {a, t});
}

TEST(Lower, RealConvolutionsEqualTheReference) {
  Net net;
  const ValueId x = net.Input({1, 7, 6, 4});
  const ValueId conv =
      net.Add("Conv", {x, net.Constant(RandomF32({10, 3, 3, 2})), net.Constant(RandomF32({10}))},
              Attributes()
                  .Set("groups", int64_t{2})
                  .Set("pads", std::vector<int64_t>{1, 0, 1, 2})
                  .Set("dilations", std::vector<int64_t>{2, 1}));
  const ValueId norm = net.Add("BatchNorm",
                               {conv, net.Constant(RandomF32({10})), net.Constant(RandomF32({10})),
                                net.Constant(RandomF32({10})),
                                net.Constant(Tensor::Of<float>({10}, std::vector<float>(10, 2)))},
                               Attributes().Set("epsilon", 1e-5));
  const ValueId pooled = net.Add("GlobalAvgPool", {norm});
  const ValueId flat =
      net.Add("Reshape", {pooled}, Attributes().Set("shape", std::vector<int64_t>{1, 10}));
  const ValueId dense = net.Add("Dense", {flat, net.Constant(RandomF32({3, 10}))});
  ExpectAgreement(net, {net.Add("Softmax", {dense}, Attributes().Set("axis", int64_t{1}))});
}

TEST(Lower, AConvolutionTakesItsBatchNormAndReluAlong) {
  for (const bool shared : {false, true}) {
    Net net;
    const ValueId conv =
        net.Add("Conv", {net.Input({1, 5, 5, 3}), net.Constant(RandomF32({9, 3, 3, 3}))});
    const ValueId norm =
        net.Add("BatchNorm",
                {conv, net.Constant(RandomF32({9})), net.Constant(RandomF32({9})),
                 net.Constant(RandomF32({9})),
                 net.Constant(Tensor::Of<float>({9}, std::vector<float>(9, 0.5f)))},
                Attributes().Set("epsilon", 1e-5));
    const ValueId relu = net.Add("Relu", {norm});
    std::vector<ValueId> outputs = {relu};
    if (shared) outputs.push_back(norm);  // then the Relu must not be taken along
    ExpectAgreement(net, outputs);
    std::vector<Decision> decisions;
    const auto program = Lower(net.graph, "hash", decisions);
    ASSERT_TRUE(program.ok());
    EXPECT_EQ(program->calls.size(), shared ? 2u : 1u) << program::ToText(*program);
  }
}

TEST(Lower, AReshapedOutputIsWrittenInPlace) {
  Net net;
  const ValueId relu = net.Add("Relu", {net.Input({1, 2, 3, 4})});
  const ValueId flat =
      net.Add("Reshape", {relu}, Attributes().Set("shape", std::vector<int64_t>{1, 24}));
  const ValueId twice = net.Add("Add", {relu, relu});
  ExpectAgreement(net, {flat, twice});
  std::vector<Decision> decisions;
  const auto program = Lower(net.graph, "hash", decisions);
  ASSERT_TRUE(program.ok());
  EXPECT_EQ(program->calls.size(), 2u) << program::ToText(*program);
}

TEST(Lower, SignedQuantizersRoundAroundTheirOwnZero) {
  Net net;
  const ValueId x = net.Input({1, 4, 4, 3});
  Attributes attributes = Codes(3);
  attributes.Set("zero_point", int64_t{3}).Set("levels", int64_t{7}).Set("low", int64_t{-3});
  attributes.Set("rounding", std::string("ROUND_TO_ZERO"));
  ExpectAgreement(net, {net.Add("Quantize", {x}, attributes)});
}

TEST(Lower, QuantizersOfManyBitsEqualTheReference) {
  Net net;
  const ValueId x = net.Input({1, 4, 4, 3});
  const ValueId scale = net.graph.AddConstant("scale", Tensor::Of<float>({}, {1.0F / 300}));
  const ValueId zero = net.graph.AddConstant("zero", Tensor::Of<float>({}, {0.25F}));
  std::vector<ValueId> outputs;
  for (const int64_t bits : {3, 9, 32}) {
    outputs.push_back(net.Add("Quant", {x, scale, zero},
                              Attributes().Set("bits", bits).Set("signed", int64_t{1})));
  }
  ExpectAgreement(net, outputs);
}

TEST(Lower, ThresholdsOfRealValuesEqualTheReference) {
  Net net;
  const ValueId x = net.Input({1, 4, 4, 3});
  const ValueId few =
      net.graph.AddConstant("few", Tensor::Of<float>({3, 2}, {-0.5F, 0.1F, 0.2F, 0.3F, 0, 0.7F}));
  const ValueId scales = net.graph.AddConstant("scales", Tensor::Of<float>({3}, {0.3F, 1e-3F, 7}));
  std::vector<ValueId> outputs = {
      net.Add("RealThreshold", {x, few}, Codes(2).Set("levels", int64_t{3}))};
  for (const char* rounding : {"ROUND", "HALF_UP", "FLOOR", "CEIL", "HALF_TO_ZERO"}) {
    Attributes attributes = Codes(4);
    attributes.Set("scale", 1.0).Set("zero_point", int64_t{8}).Set("low", int64_t{-8});
    attributes.Set("rounding", std::string(rounding));
    outputs.push_back(net.Add("Quantize", {x, scales}, attributes));
  }
  ExpectAgreement(net, outputs);
}

TEST(Lower, MovesEqualTheReference) {
  Net net;
  const ValueId x = net.Input({1, 4, 6, 8});
  const ValueId codes = net.Quantized(x, 3);
  const auto block = [](const char* mode) {
    return Attributes().Set("block", int64_t{2}).Set("mode", std::string(mode));
  };
  std::vector<ValueId> outputs;
  for (const char* mode : {"DCR", "CRD"}) {
    outputs.push_back(net.Add("SpaceToDepth", {codes}, block(mode)));
    outputs.push_back(net.Add("DepthToSpace", {x}, block(mode)));
  }
  outputs.push_back(
      net.Add("Transpose", {x}, Attributes().Set("perm", std::vector<int64_t>{0, 3, 1, 2})));
  outputs.push_back(net.Add("Concat", {codes, codes, codes}, Attributes().Set("axis", int64_t{2})));
  outputs.push_back(net.Add("Slice", {x},
                            Attributes()
                                .Set("starts", std::vector<int64_t>{1, -3})
                                .Set("ends", std::vector<int64_t>{4, 100})
                                .Set("axes", std::vector<int64_t>{1, 3})
                                .Set("steps", std::vector<int64_t>{2, 1})));
  for (const ValueId turned : {x, codes}) {
    outputs.push_back(net.Add("Slice", {turned},
                              Attributes()
                                  .Set("starts", std::vector<int64_t>{-1})
                                  .Set("ends", std::vector<int64_t>{-7})
                                  .Set("axes", std::vector<int64_t>{2})
                                  .Set("steps", std::vector<int64_t>{-1})));
  }
  outputs.push_back(net.Add(
      "Pad", {codes},
      Attributes().Set("pads", std::vector<int64_t>{0, 1, 2, 0, 0, 0, 1, 3}).Set("value", 5.0)));
  outputs.push_back(net.Add("ResizeNearest", {x},
                            Attributes().Set("scale_h", int64_t{2}).Set("scale_w", int64_t{3})));
  ExpectAgreement(net, outputs);
}

TEST(Lower, PointwiseOpsEqualTheReference) {
  Net net;
  const ValueId x = net.Input({1, 3, 4, 5});
  std::vector<ValueId> outputs;
  for (const char* op :
       {"Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "Abs", "Neg", "Exp"}) {
    outputs.push_back(net.Add(op, {x}));
  }
  outputs.push_back(net.Add("Clip", {x}, Attributes().Set("min", -0.5).Set("max", 0.25)));
  outputs.push_back(net.Add("Sqrt", {net.Add("Abs", {x})}));
  const ValueId row = net.Constant(RandomF32({4, 1}));
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Min", "Max"}) {
    outputs.push_back(net.Add(op, {row, x}));
  }
  outputs.push_back(net.Add("Pow", {x, net.Constant(Tensor::Of<float>({}, {2}))}));
  const ValueId codes = net.Quantized(x, 8);
  outputs.push_back(net.Add("Dequantize", {codes}));
  outputs.push_back(
      net.Add("Lookup", {codes, net.Constant(RandomInts<uint8_t>({256}, 0, 3))}, Codes(2)));
  ExpectAgreement(net, outputs);
}

TEST(Lower, ReductionsOverAnyAxesEqualTheReference) {
  Net net;
  const ValueId x = net.Input({1, 3, 4, 5});
  std::vector<ValueId> outputs;
  for (const char* op : {"ReduceMean", "ReduceMax", "ReduceSum"}) {
    for (const std::vector<int64_t>& axes : {std::vector<int64_t>{1, 2}, {-1}, {1, 3}}) {
      outputs.push_back(net.Add(op, {x}, Attributes().Set("axes", axes)));
    }
  }
  for (const int64_t axis : {1, 3}) {
    outputs.push_back(net.Add("Softmax", {x}, Attributes().Set("axis", axis)));
  }
  outputs.push_back(net.Add("AvgPool", {x},
                            Attributes()
                                .Set("kernel", std::vector<int64_t>{3, 2})
                                .Set("pads", std::vector<int64_t>{1, 1, 1, 0})));
  ExpectAgreement(net, outputs);
}

TEST(Lower, AnOutputThatIsAnInputOrAnotherOutputIsCopied) {
  Net net;
  const ValueId x = net.Input({1, 2, 3, 4});
  const ValueId y = net.Add("Relu", {x});
  const ValueId view =
      net.Add("Reshape", {y}, Attributes().Set("shape", std::vector<int64_t>{6, 4}));
  ExpectAgreement(net, {x, y, view});
}

TEST(Lower, EqualConstantsAreStoredOnce) {
  Net net;
  const ValueId x = net.Input({1, 1, 1, 64});
  const Tensor same = RandomF32({64});
  const ValueId y = net.Add("Add", {net.Add("Add", {x, net.Constant(same)}), net.Constant(same)});
  net.graph.outputs = {y};
  std::vector<Decision> decisions;
  EXPECT_EQ(Lower(net.graph, "", decisions)->constants.size(), 256u);
}

TEST(Lower, ABatchThatWasNotSplitIsRefusedWithTheNode) {
  Net net;
  const ValueId x = net.Input({2, 4, 4, 1});
  net.graph.outputs = {net.Add("Conv", {x, net.Constant(RandomF32({1, 1, 1, 1}))})};
  std::vector<Decision> decisions;
  const Status status = Lower(net.graph, "", decisions).status();
  EXPECT_EQ(status.code(), Code::kUnsupported);
  EXPECT_THAT(status.message(), HasSubstr("(Conv): the batch is 2 (shape [2,4,4,1])"));
  EXPECT_THAT(status.message(), HasSubstr("the pass split_batch makes a call an image"));
}

TEST(Lower, EveryConvolutionExplainsItsKernels) {
  Net net;
  const ValueId x = net.Input({1, 4, 4, 8});
  net.graph.outputs = {net.Add("Conv", {x, net.Constant(RandomF32({8, 3, 3, 8}))})};
  std::vector<Decision> decisions;
  ASSERT_TRUE(Lower(net.graph, "", decisions).ok());
  ASSERT_EQ(decisions.size(), 1u);
  EXPECT_THAT(decisions[0].text, HasSubstr("avx2: fconv"));
  EXPECT_THAT(decisions[0].text, HasSubstr("neon_dot: fconv"));
  EXPECT_THAT(decisions[0].text, HasSubstr("neon: fconv"));
}

TEST(LowerRules, EveryOpHasARuleOrIsTakenAwayByThePasses) {
  for (const ir::OpDef& op : ir::AllOps()) {
    const std::string name = op.name;
    const bool gone = name == "BinaryQuant" || name == "MultiThreshold";
    EXPECT_EQ(FindRule(name) == nullptr, gone) << name << ": add a row to lower/rules.cc";
  }
}

}  // namespace
}  // namespace bluestem::lower
