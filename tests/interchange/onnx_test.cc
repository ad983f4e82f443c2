// ONNX files made here, node by node: what is read, what is refused, and that what is written reads
// back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "bluestem/interchange/interchange.h"
#include "bluestem/ir/evaluate.h"
#include "onnx/onnx.pb.h"
#include "tests/interchange/onnx_model.h"

namespace bluestem::interchange {
namespace {

using testing::HasSubstr;

TEST(Onnx, GemmScalesTurnsAndAdds) {
  Model model({1, 2});
  model.Floats("w", {2, 3}, {1, 2, 3, 4, 5, 6}).Floats("c", {3}, {10, 20, 30});
  onnx::NodeProto& gemm = model.Node("Gemm", {"x", "w", "c"});
  SetFloat(gemm, "alpha", 2);
  SetFloat(gemm, "beta", 0.5F);
  EXPECT_EQ(model.Run({1, 10}), (Values{2 * 41 + 5, 2 * 52 + 10, 2 * 63 + 15}));
}

TEST(Onnx, MatMulTurnsQuantizedWeightsInside) {
  Model model({1, 2});
  model.Floats("w", {2, 3}, {-1, 2, -3, 4, -5, 6}).Floats("s", {1, 3}, {1, 2, 3});
  model.Node("BipolarQuant", {"w", "s"}, {"q"}).set_domain("onnx.brevitas");
  model.Node("MatMul", {"x", "q"});
  EXPECT_EQ(model.Run({1, 10}), (Values{-1 + 10, 2 - 20, -3 + 30}));
  const auto graph = model.Parse();
  ASSERT_EQ(graph->nodes.size(), 2U);
  EXPECT_EQ(graph->nodes[0].op, "BinaryQuant");
  EXPECT_EQ(graph->nodes[0].name, "the_BipolarQuant");
  EXPECT_EQ(graph->nodes[1].op, "Dense");
}

TEST(Onnx, QuantIsReadInAllThreeDomains) {
  for (const char* domain :
       {"onnx.brevitas", "finn.custom_op.general", "qonnx.custom_op.general"}) {
    for (const char* op : {"Quant", "IntQuant"}) {
      Model model({1, 4});
      model.Floats("s", {}, {0.5F}).Floats("z", {}, {0}).Floats("b", {}, {3});
      onnx::NodeProto& quant = model.Node(op, {"x", "s", "z", "b"});
      quant.set_domain(domain);
      SetInt(quant, "signed", 1);
      SetInt(quant, "narrow", 0);
      EXPECT_EQ(model.Run({0.25F, 0.75F, 9, -9}), (Values{0, 1, 1.5, -2})) << domain;
    }
  }
}

TEST(Onnx, AutoPadPutsTheOddPixelWhereItsNameSays) {
  for (const bool upper : {true, false}) {
    Model model({1, 1, 1, 3});
    model.Floats("w", {1, 1, 1, 2}, {1, 10});
    SetText(model.Node("Conv", {"x", "w"}), "auto_pad", upper ? "SAME_UPPER" : "SAME_LOWER");
    EXPECT_EQ(model.Run({1, 2, 3}), upper ? (Values{21, 32, 3}) : (Values{10, 21, 32}));
  }
}

TEST(Onnx, CeilModeMakesTheLastCutWindow) {
  Model max({1, 1, 1, 5});
  onnx::NodeProto& pool = max.Node("MaxPool", {"x"});
  SetInts(pool, "kernel_shape", {1, 2});
  SetInts(pool, "strides", {1, 2});
  SetInt(pool, "ceil_mode", 1);
  EXPECT_EQ(max.Run({1, 2, 3, 4, 5}), (Values{2, 4, 5}));
  Model mean({1, 1, 1, 5});
  onnx::NodeProto& average = mean.Node("AveragePool", {"x"});
  SetInts(average, "kernel_shape", {1, 2});
  SetInts(average, "strides", {1, 2});
  SetInt(average, "ceil_mode", 1);
  EXPECT_EQ(mean.Run({1, 2, 3, 4, 5}), (Values{1.5, 3.5, 5}));
}

TEST(Onnx, ReadsQonnxsChannelsLastOps) {
  Model model({1, 1, 3, 2});
  model.Floats("w", {1, 1, 2, 2}, {1, 100, 10, 1000});
  model.Node("Conv", {"x", "w"}).set_domain("qonnx.custom_op.channels_last");
  // Pixels (1,2), (3,4), (5,6); weights [kw][channel].
  EXPECT_EQ(model.Run({1, 2, 3, 4, 5, 6}), (Values{1 + 30 + 200 + 4000, 3 + 50 + 400 + 6000}));
  EXPECT_EQ(model.Parse()->value(model.Parse()->outputs[0]).shape, (Shape{1, 1, 2, 1}));
}

TEST(Onnx, LinesAreMapsOfOneRow) {
  Model model({1, 1, 5});
  model.Floats("w", {1, 1, 3}, {1, 10, 100});
  onnx::NodeProto& conv = model.Node("Conv", {"x", "w"}, {"c"});
  SetInts(conv, "pads", {1, 0});
  SetInts(conv, "strides", {2});
  onnx::NodeProto& pool = model.Node("MaxPool", {"c"});
  SetInts(pool, "kernel_shape", {2});
  EXPECT_EQ(model.Run({1, 2, 3, 4, 5}), (Values{432}));
  EXPECT_EQ(model.Parse()->value(model.Parse()->outputs[0]).shape, (Shape{1, 1, 1}));
}

TEST(Onnx, SoftmaxBefore13FlattensAndFrom13DoesNot) {
  Model old({1, 2, 2}, 11);
  old.Node("Softmax", {"x"});
  for (const double value : old.Run({0, 0, 0, 0})) EXPECT_DOUBLE_EQ(value, 0.25);
  Model now({1, 2, 2}, 13);
  now.Node("Softmax", {"x"});
  for (const double value : now.Run({0, 0, 0, 0})) EXPECT_DOUBLE_EQ(value, 0.5);
}

TEST(Onnx, ClipTakesAttributesOrInputs) {
  Model old({1, 3}, 9);
  onnx::NodeProto& clip = old.Node("Clip", {"x"});
  SetFloat(clip, "min", -1);
  SetFloat(clip, "max", 2);
  EXPECT_EQ(old.Run({-5, 0, 5}), (Values{-1, 0, 2}));
  Model now({1, 3}, 13);
  now.Floats("max", {}, {2}).Node("Clip", {"x", "", "max"});
  EXPECT_EQ(now.Run({-5, 0, 5}), (Values{-5, 0, 2}));
}

TEST(Onnx, SliceAndSplitTakeBothForms) {
  Model old({1, 4}, 9);
  onnx::NodeProto& slice = old.Node("Slice", {"x"});
  SetInts(slice, "starts", {1});
  SetInts(slice, "ends", {-1});
  SetInts(slice, "axes", {1});
  EXPECT_EQ(old.Run({1, 2, 3, 4}), (Values{2, 3}));
  Model now({1, 4}, 13);
  now.Ints("s", {0}).Ints("e", {4}).Ints("a", {1}).Ints("t", {2});
  now.Node("Slice", {"x", "s", "e", "a", "t"});
  EXPECT_EQ(now.Run({1, 2, 3, 4}), (Values{1, 3}));
  Model back({1, 4}, 13);  // as torch.flip is exported
  back.Ints("s", {-1}).Ints("e", {INT64_MIN}).Ints("a", {1}).Ints("t", {-1});
  back.Node("Slice", {"x", "s", "e", "a", "t"});
  EXPECT_EQ(back.Run({1, 2, 3, 4}), (Values{4, 3, 2, 1}));
  Model split({1, 4}, 13);
  split.Ints("sizes", {1, 3});
  SetInt(split.Node("Split", {"x", "sizes"}, {"p", "q"}), "axis", 1);
  split.Node("Identity", {"q"});
  EXPECT_EQ(split.Run({1, 2, 3, 4}), (Values{2, 3, 4}));
}

TEST(Onnx, ShapeArithmeticFoldsToAReshape) {
  Model model({1, 2, 3, 4});
  model.Ints("zero", {0}).Ints("minus", {-1});
  model.Node("Shape", {"x"}, {"shape"});
  model.Node("Gather", {"shape", "zero"}, {"batch"});
  SetInt(model.Node("Concat", {"batch", "minus"}, {"wanted"}), "axis", 0);
  model.Node("Reshape", {"x", "wanted"});
  const auto graph = model.Parse();
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  ASSERT_EQ(graph->nodes.size(), 1U);
  EXPECT_EQ(graph->value(graph->outputs[0]).shape, (Shape{1, 24}));
}

TEST(Onnx, TheBatchBecomesOneWithANote) {
  for (const int64_t batch : {int64_t{-1}, int64_t{16}}) {
    Model model({batch, 3, 2, 2});
    model.Ints("shape", {batch == -1 ? -1 : batch, 12}).Node("Reshape", {"x", "shape"});
    const auto graph = model.Parse();
    ASSERT_TRUE(graph.ok()) << graph.status().message();
    EXPECT_EQ(graph->value(graph->outputs[0]).shape, (Shape{1, 12}));
    ASSERT_EQ(graph->notes.size(), 1U);
    EXPECT_THAT(graph->notes[0], HasSubstr("becomes 1"));
  }
}

TEST(Onnx, TheBatchBecomesWhatIsAskedFor) {
  for (const int64_t declared : {-1, 1, 4, 16}) {
    Model model({declared, 3, 2, 2});
    model.Ints("shape", {declared, 12}).Node("Reshape", {"x", "shape"});
    const auto graph = model.Parse(4);
    ASSERT_TRUE(graph.ok()) << graph.status().message();
    EXPECT_EQ(graph->value(graph->inputs[0]).shape, (Shape{4, 3, 2, 2}));
    EXPECT_EQ(graph->value(graph->outputs[0]).shape, (Shape{4, 12}));
    ASSERT_EQ(graph->notes.size(), declared == 4 ? 0U : 1U);
    if (declared == 16) {
      EXPECT_EQ(graph->notes[0], "input \"x\": the batch is 16; it becomes 4");
    }
  }
}

TEST(Onnx, ResizeBySizesKeepsTheBatchThatIsAskedFor) {
  Model model({2, 1, 1, 2});
  onnx::NodeProto& resize =
      model.Ints("sizes", {2, 1, 1, 4}).Node("Resize", {"x", "", "", "sizes"});
  SetText(resize, "coordinate_transformation_mode", "asymmetric");
  SetText(resize, "nearest_mode", "floor");
  for (const int64_t batch : {1, 2, 3}) {
    const auto graph = model.Parse(batch);
    ASSERT_TRUE(graph.ok()) << graph.status().message();
    EXPECT_EQ(graph->value(graph->outputs[0]).shape, (Shape{batch, 1, 1, 4}));
  }
}

TEST(Onnx, AFileSaysWithWhichBatchItIsRead) {
  Model model({-1, 2});
  model.Node("Relu", {"x"});
  const auto batch_of = [](const Bytes& bytes, int64_t asked) {
    const auto graph = ParseOnnx(bytes, "test.onnx", asked);
    EXPECT_TRUE(graph.ok()) << graph.status().message();
    return graph.ok() ? graph->value(graph->inputs[0]).shape[0] : 0;
  };
  const Bytes four = WithBatch(model.Serialized(), 4);
  EXPECT_EQ(batch_of(four, 0), 4);
  EXPECT_EQ(batch_of(four, 3), 3);
  EXPECT_EQ(batch_of(WithBatch(four, 1), 0), 1);  // the last one holds
  for (const int64_t wrong : {0, 65}) {
    const Status status = ParseOnnx(WithBatch(four, wrong), "test.onnx").status();
    EXPECT_EQ(status.code(), Code::kInvalidData);
    EXPECT_THAT(status.message(),
                HasSubstr(fmt::format("bluestem.batch is \"{}\"; expected 1 to 64", wrong)));
  }
}

TEST(Onnx, NodesMayStandInAnyOrder) {
  Model model({1, 2});
  model.Node("Neg", {"a"});
  model.Node("Relu", {"x"}, {"a"});
  EXPECT_EQ(model.Run({-1, 2}), (Values{0, -2}));
}

TEST(Onnx, PReluTakesOneSlopeAChannel) {
  Model model({1, 2, 1, 2});
  model.Floats("slope", {2, 1, 1}, {0.5F, 2}).Node("PRelu", {"x", "slope"});
  EXPECT_EQ(model.Run({-4, 3, -1, 5}), (Values{-2, 3, -2, 5}));
}

TEST(Onnx, ResizeNearestTakesScalesAndSizes) {
  Model model({1, 1, 1, 2});
  model.Floats("scales", {4}, {1, 1, 2, 3});
  onnx::NodeProto& resize = model.Node("Resize", {"x", "", "scales"});
  SetText(resize, "coordinate_transformation_mode", "asymmetric");
  SetText(resize, "nearest_mode", "floor");
  EXPECT_EQ(model.Run({1, 2}), (Values{1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2}));
  Model sizes({1, 1, 1, 2});
  sizes.Ints("sizes", {1, 1, 1, 4}).Node("Resize", {"x", "", "", "sizes"});
  EXPECT_EQ(sizes.Run({1, 2}), (Values{1, 1, 2, 2}));
}

TEST(Onnx, HalfPrecisionWeightsBecomeF32) {
  Model model({1, 2});
  onnx::TensorProto& tensor = *model.proto().mutable_graph()->add_initializer();
  tensor.set_name("h");
  tensor.set_data_type(onnx::TensorProto::FLOAT16);
  tensor.add_dims(2);
  const uint16_t halves[] = {0x3e00, 0x0001};  // 1.5, 2^-24
  tensor.set_raw_data(halves, sizeof(halves));
  model.Node("Add", {"x", "h"});
  EXPECT_EQ(model.Run({0, 0}), (Values{1.5, std::ldexp(1.0, -24)}));
}

TEST(Onnx, RefusesWithTheOpTheNodeAndWhatToDo) {
  Model im2col({1, 2});
  im2col.Node("Im2Col", {"x"}).set_domain("qonnx.custom_op.general");
  EXPECT_EQ(im2col.Parse().status().code(), Code::kUnsupported);
  EXPECT_THAT(im2col.Refusal(),
              HasSubstr("test.onnx: node \"the_Im2Col\" (Im2Col): op \"Im2Col\" of "
                        "domain \"qonnx.custom_op.general\" is not supported: "
                        "export before"));
  Model gelu({1, 2});
  gelu.Node("Gelu", {"x"});
  EXPECT_THAT(gelu.Refusal(), HasSubstr("use Relu"));
  Model typo({1, 2});
  typo.Node("Rellu", {"x"});
  EXPECT_THAT(typo.Refusal(), HasSubstr("the nearest that is: Relu"));
}

TEST(Onnx, RefusesBadFiles) {
  EXPECT_THAT(ParseOnnx({}, "a").status().message(), HasSubstr("a: an ONNX model without nodes"));
  Model good({1, 2});
  good.Node("Relu", {"x"});
  std::string bytes = good.proto().SerializeAsString();
  bytes.resize(bytes.size() - 5);
  const auto cut = ParseOnnx(Bytes(bytes.begin(), bytes.end()), "a");
  EXPECT_EQ(cut.status().code(), Code::kInvalidData);
  EXPECT_THAT(cut.status().message(), HasSubstr("cut short"));

  Model idle({1, 2});
  idle.Node("Identity", {"x"});
  EXPECT_THAT(idle.Refusal(), HasSubstr("computes nothing"));

  Model cycle({1, 2});
  cycle.Node("Add", {"x", "b"}, {"a"});
  cycle.Node("Relu", {"a"}, {"b"});
  cycle.Node("Neg", {"a"});
  EXPECT_THAT(cycle.Refusal(), HasSubstr("the graph has a cycle through node \"the_Add\""));

  Model missing({1, 2});
  missing.Node("Add", {"x", "nowhere"});
  EXPECT_THAT(missing.Refusal(), HasSubstr("\"the_Add\" reads \"nowhere\", which nothing makes"));

  Model huge({1, 2});
  huge.Floats("w", {int64_t{1} << 40, int64_t{1} << 40}, {1}).Node("Add", {"x", "w"});
  EXPECT_THAT(huge.Refusal(), HasSubstr("claims the shape"));
  Model lying({1, 2});
  lying.Floats("w", {1000, 1000, 1000}, {1}).Node("Add", {"x", "w"});
  EXPECT_THAT(lying.Refusal(), HasSubstr("but holds 0 and 1"));

  Model mismatch({1, 3, 8, 8});
  mismatch.Floats("w", {1, 2, 1, 1}, {1, 2}).Node("Conv", {"x", "w"});
  EXPECT_THAT(mismatch.Refusal(), HasSubstr("node \"the_Conv\" (Conv)"));
  EXPECT_THAT(mismatch.Refusal(), HasSubstr("[1,3,8,8]"));
  EXPECT_THAT(mismatch.Refusal(), HasSubstr("[1,2,1,1]"));

  Model open({1, -1});
  open.Node("Relu", {"x"});
  EXPECT_THAT(open.Refusal(), HasSubstr("axis 1 has no fixed extent (\"N\")"));
  Model newer({1, 2}, 99);
  newer.Node("Relu", {"x"});
  EXPECT_THAT(newer.Refusal(), HasSubstr("opset 99; 7 to 20 are supported"));

  Model external({1, 2});
  external.Floats("w", {1}, {1}).Node("Add", {"x", "w"});
  external.proto().mutable_graph()->mutable_initializer(0)->set_data_location(
      onnx::TensorProto::EXTERNAL);
  EXPECT_THAT(external.Refusal(), HasSubstr("keeps its data in another file"));

  Model scale({1, 2});
  scale.Floats("z", {}, {0}).Floats("b", {}, {2}).Node("Abs", {"x"}, {"s"});
  scale.Node("Quant", {"x", "s", "z", "b"}).set_domain("onnx.brevitas");
  EXPECT_THAT(scale.Refusal(), HasSubstr("scale (\"the_Abs\") must be a constant"));
}

// What ONNX can say of the IR, in both layouts: the graph that is read back computes the same.
TEST(ToOnnx, ReadsBackAsWhatItComputes) {
  const char* const graphs[] = {
      R"(input %x : f32[1,6,6,4] %w = const f32[8,3,3,4] {0.5,-1,0.25,2,-0.75}
         %q = BinaryQuant(%w, f32[]{0.5}) %c = Conv(%x, %q) {pads=[1,1,1,1]}
         %b = BatchNorm(%c, f32[8]{1,-2,0.5}, f32[8]{0.5}, f32[8]{0.1,0.2}, f32[8]{1,2,0.5})
         {epsilon=0.001} %a = Quant(%b, f32[]{0.5}, f32[]{0}) {bits=2, signed=0, rounding="HALF_UP"}
         %s = SpaceToDepth(%a) {block=2} %p = MaxPool(%s) {kernel=[2,2]}
         %g = GlobalAvgPool(%p) %f = Reshape(%g) {shape=[1,32]}
         %d = Dense(%f, f32[3,32]{1,-1,0.5,2}, f32[3]{1}) %y = Softmax(%d) {axis=1})",
      R"(input %x : f32[1,4,6,6] %w = const f32[8,2,3,3] {0.5,-1,0.25,2,-0.75}
         %c = Conv(%x, %w, f32[8]{1,2}) {strides=[2,2], groups=2, layout="NCHW"}
         %b = BatchNorm(%c, f32[8]{1,-2,0.5}, f32[8]{0.5}, f32[8]{0.1,0.2}, f32[8]{1,2,0.5})
         {epsilon=0.001, layout="NCHW"} %r = Relu(%b)
         %q = Quant(%r, f32[8,1,1]{0.5,0.25}, f32[]{0}) {bits=3, signed=1, narrow=1}
         %t = DepthToSpace(%q) {block=2, mode="CRD", layout="NCHW"}
         %v = AvgPool(%t) {kernel=[2,2], pads=[1,1,0,0], count_include_pad=1, layout="NCHW"}
         %z = ResizeNearest(%v) {scale_h=2, scale_w=1, layout="NCHW"}
         %y = GlobalMaxPool(%z) {layout="NCHW"})",
      R"(input %x : f32[1,3,4] %a = LeakyRelu(%x) {alpha=0.125} %b = Clip(%a) {min=-1.0, max=inf}
         %c = HardSigmoid(%b) {alpha=0.25, beta=0.5} %d = Concat(%c, %x) {axis=2}
         %e = Pad(%d) {pads=[0,1,0,0,0,2], value=0.5} %f = Slice(%e)
         {starts=[0,-1], ends=[2,-9], axes=[0,2], steps=[1,-2]} %g = Transpose(%f) {perm=[2,0,1]}
         %h = ReduceSum(%g) {axes=[1], keepdims=0} %i = ReduceMean(%h) {axes=[0]}
         %j = Abs(%i) %k = Sqrt(%j) %l = Exp(%k) %m = Tanh(%l) %n = Sigmoid(%m) %o = Neg(%n)
         %p = Max(%o, f32[]{0.1}) %q = Min(%p, f32[]{0.9}) %r = Div(%q, f32[]{3})
         %s = Pow(%r, f32[]{2}) %t = Sub(%s, f32[4]{1,2,3,4}) %u = Identity(%t)
         %v = ReduceMax(%u) {axes=[0]} %w = Mul(%v, %v) %y = Add(%w, %v))"};
  std::mt19937 random(3);
  for (const char* text : graphs) {
    const auto graph = ir::FromText(std::string("graph \"g\" ") + text + " output %y");
    ASSERT_TRUE(graph.ok()) << graph.status().message();
    const auto bytes = ToOnnx(*graph);
    ASSERT_TRUE(bytes.ok()) << bytes.status().message();
    const auto back = ParseOnnx(*bytes, "back");
    ASSERT_TRUE(back.ok()) << back.status().message();
    Tensor input(DType::kF32, graph->value(graph->inputs[0]).shape);
    for (int64_t i = 0; i < input.size(); ++i) {
      input.data<float>()[i] = static_cast<float>(random() % 4096) / 1024 - 2;
    }
    const auto wanted = ir::EvaluateDouble(*graph, {input});
    const auto got = ir::EvaluateDouble(*back, {input});
    ASSERT_TRUE(wanted.ok() && got.ok());
    ASSERT_EQ((*got)[0].shape(), (*wanted)[0].shape());
    for (int64_t i = 0; i < (*got)[0].size(); ++i) {
      EXPECT_NEAR((*got)[0].At(i), (*wanted)[0].At(i), 1e-12) << text;
    }
  }
}

// Nine weights are no whole bytes; they stay as they are.
TEST(ToOnnx, SignsTakeABitEach) {
  for (const int64_t channels : {64, 1}) {
    const Shape shape = {channels, 3, 3, channels == 1 ? 1 : 32};
    std::mt19937 random(7);
    std::vector<float> weights(static_cast<size_t>(ElementCount(shape)));
    for (float& w : weights) w = static_cast<float>(random() % 5) - 2.0F;
    weights[1] = -0.0F;
    ir::Graph graph;
    const ir::ValueId x = graph.AddInput("x", DType::kF32, {1, 4, 4, shape[3]});
    const ir::ValueId w = graph.AddConstant("w", Tensor::Of<float>(shape, weights));
    const ir::ValueId scale = graph.AddConstant("scale", Tensor::Of<float>({}, {0.5F}));
    const ir::ValueId q = *graph.Append("BinaryQuant", "q", {w, scale});
    graph.outputs = {*graph.Append("Conv", "c", {x, q})};
    const auto bytes = ToOnnx(graph);
    ASSERT_TRUE(bytes.ok()) << bytes.status().message();
    EXPECT_LT(bytes->size(), weights.size() / 8 + 2000);
    const auto back = ParseOnnx(*bytes, "back");
    ASSERT_TRUE(back.ok()) << back.status().message();
    const auto node = std::find_if(back->nodes.begin(), back->nodes.end(),
                                   [](const ir::Node& n) { return n.op == "BinaryQuant"; });
    ASSERT_NE(node, back->nodes.end());
    const Tensor& read = *back->value(node->inputs[0]).constant;
    ASSERT_EQ(read.shape(), shape);
    for (int64_t i = 0; i < read.size(); ++i)
      ASSERT_EQ(read.At(i) >= 0, weights[static_cast<size_t>(i)] >= 0) << i;
  }
}

TEST(ToOnnx, RefusesIntegerOps) {
  const auto graph =
      ir::FromText("graph \"g\" input %x : f32[2] %y = Quantize(%x) {scale=1.0, bits=2} output %y");
  EXPECT_THAT(ToOnnx(*graph).status().message(), HasSubstr("node \"y\" (Quantize)"));
}

}  // namespace
}  // namespace bluestem::interchange
