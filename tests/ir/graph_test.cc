#include "bluestem/ir/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bluestem/ir/evaluate.h"

namespace bluestem::ir {
namespace {

using testing::HasSubstr;

Graph Parsed(const std::string& text) {
  auto graph = FromText("graph \"g\" " + text);
  EXPECT_TRUE(graph.ok()) << graph.status().message();
  return graph.ok() ? std::move(graph).value() : Graph();
}

std::string Refusal(const std::string& text) {
  const auto graph = FromText("graph \"g\"\n" + text);
  EXPECT_FALSE(graph.ok()) << text;
  return graph.ok() ? "" : graph.status().message();
}

TEST(Graph, NamesAreMadeUnique) {
  Graph graph;
  const ValueId x = graph.AddInput("x", DType::kF32, {2});
  const ValueId a = graph.Append("Relu", "x", {x}).value();
  const ValueId b = graph.Append("Relu", "x", {a}).value();
  EXPECT_EQ(graph.value(a).name, "x_1");
  EXPECT_EQ(graph.value(b).name, "x_2");
  graph.outputs = {b};
  EXPECT_TRUE(Verify(graph).ok()) << Verify(graph).message();
}

TEST(Graph, ReplaceUsesReachesNodesAndOutputs) {
  Graph graph = Parsed("input %x : f32[2] %a = Relu(%x) %b = Neg(%a) output %b, %a");
  const ValueId a = graph.nodes[0].outputs[0];
  EXPECT_EQ(graph.UseCount(a), 2);
  graph.ReplaceUses(a, graph.inputs[0]);
  EXPECT_EQ(graph.UseCount(a), 0);
  EXPECT_EQ(graph.nodes[1].inputs[0], graph.inputs[0]);
  EXPECT_EQ(graph.outputs[1], graph.inputs[0]);
  EXPECT_EQ(graph.Users(graph.inputs[0]).size(), 2U);
}

TEST(Graph, MismatchNamesNodeOpAndBothShapes) {
  const std::string conv = Refusal(
      "input %x : f32[1,8,8,3] %w = const f32[4,3,3,2] {0}\n"
      "%first = Conv(%x, %w) output %first");
  EXPECT_THAT(conv, HasSubstr("node \"first\" (Conv)"));
  EXPECT_THAT(conv, HasSubstr("[1,8,8,3]"));
  EXPECT_THAT(conv, HasSubstr("[4,3,3,2]"));
  const std::string add = Refusal("input %x : f32[1,3] %s = Add(%x, f32[2]{0}) output %s");
  EXPECT_THAT(add, HasSubstr("[1,3] and [2]"));
}

TEST(Graph, WrongGraphsAreRefused) {
  struct Wrong {
    const char* text;
    const char* message;
  };
  const Wrong cases[] = {
      {"input %x : f32[2] %y = Frob(%x) output %y", "2:24: \"Frob\" is not an op"},
      {"input %x : f32[2] %y = Relu(%z) output %y", "%z is not defined before"},
      {"input %x : f32[2] %x = Relu(%x) output %x", "%x is defined twice"},
      {"input %x : f32[2] %y = Relu(%x) {alpha=1} output %y", "\"alpha\" is not an attribute"},
      {"input %x : f32[2] %y = Relu(%x, %x) output %y", "has 2 inputs; the op takes 1"},
      {"input %x : f32[0] output %x", "each extent must be 1 or more"},
      {"input %x : f32[65536,65536] output %x", "too large"},
      {"input %x : f32[9223372036854775807,9223372036854775807] output %x", "too large"},
      {"input %x : f32[1,1,1,1,1,1,1] output %x", "at most 6"},
      {"input %x : f16[2] output %x", "\"f16\" is not an element type"},
      {"%c = const u8[2] {1, 256} output %c", "256 is not a value of u8"},
      {"%c = const f32[2] {1, 2, 3} output %c", "3 elements for a tensor of 2"},
      {"%c = const f32[2000,2000] {1, 2} output %c", "elements for a tensor of 4000000"},
      {"input %x : f32[2] %y = Relu(%x) : f32[3] output %y", "%y is f32[2], not f32[3]"},
      {"input %x : f32[2]", "the graph has no output"},
      {"input %x : f32[4] %y = Reshape(%x) {shape=[3,-1]} output %y", "cannot reshape [4]"},
      {"input %x : f32[4] %y = Transpose(%x) {perm=[1]} output %y", "not a permutation"},
      {"input %x : f32[4] %y = Slice(%x) {starts=[4], ends=[9], axes=[0]} output %y", "is empty"},
      {"input %x : f32[4] %y = Slice(%x) {starts=[0], ends=[9], axes=[0], steps=[-1]} output %y",
       "slice 0:9 of axis 0 of [4] by steps of -1 is empty"},
      {"input %x : f32[4] %y = Slice(%x) {starts=[0], ends=[4], axes=[0], steps=[0]} output %y",
       "step 0 on axis 0: expected steps forwards or backwards"},
      {"input %x : f32[1,4,4,1] %y = MaxPool(%x) {kernel=[2,2], pads=[2,0,0,0]} output %y",
       "must be smaller than the window"},
      {"input %x : f32[1,4,4,1] %y = MaxPool(%x) {kernel=[5,5]} output %y", "does not fit a map"},
      {"input %x : f32[1,4] %y = Quant(%x, f32[]{-1}, f32[]{0}) {bits=2, signed=0} output %y",
       "must be finite and above 0"},
      {"input %x : f32[1,4] %y = Quant(%x, f32[]{1}, f32[]{0}) {bits=40, signed=0} output %y",
       "1 to 31 bits"},
      {"input %x : f32[1,4] %y = Quant(%x, f32[2,1]{1}, f32[]{0}) {bits=4, signed=0} output %y",
       "wider than the data's [1,4]"},
      {"input %x : u8[1,4] %y = Dequantize(%x) output %y", "codes without a scale"},
      {"input %x : u8[1,4] %y = Relu(%x) output %y", "is u8; the op needs f32"},
      {"input %x : f32[2] output \"x", "2:26: expected \"%\""},
      {"input %x : f32[2] output %\"x", "a quoted text without an end"},
  };
  for (const Wrong& one : cases) EXPECT_THAT(Refusal(one.text), HasSubstr(one.message)) << one.text;
}

TEST(Verify, FindsEachBrokenInvariant) {
  const char* text = "input %x : f32[2] %a = Relu(%x) %b = Neg(%a) output %b";
  Graph swapped = Parsed(text);
  std::swap(swapped.nodes[0], swapped.nodes[1]);
  EXPECT_THAT(Verify(swapped).message(), HasSubstr("before it is made"));
  Graph twice = Parsed(text);
  twice.nodes[1].outputs = twice.nodes[0].outputs;
  EXPECT_THAT(Verify(twice).message(), HasSubstr("made already"));
  Graph stale = Parsed(text);
  stale.value(stale.nodes[0].outputs[0]).shape = {3};
  EXPECT_THAT(Verify(stale).message(), HasSubstr("stored as f32[3] but follows as f32[2]"));
  EXPECT_TRUE(InferShapes(stale).ok());
  EXPECT_TRUE(Verify(stale).ok());
  Graph loose = Parsed(text);
  loose.outputs = {99};
  EXPECT_THAT(Verify(loose).message(), HasSubstr("made by no node"));
  Graph named = Parsed(text);
  named.nodes[1].name = named.nodes[0].name;
  EXPECT_THAT(Verify(named).message(), HasSubstr("two nodes are named"));
  Graph unknown = Parsed(text);
  unknown.nodes[0].op = "Frob";
  EXPECT_EQ(Verify(unknown).code(), Code::kUnsupported);
  Graph outside = Parsed(text);
  outside.nodes[0].inputs = {77};
  EXPECT_THAT(Verify(outside).message(), HasSubstr("not a value of the graph"));
}

TEST(Text, KeepsNamesNumbersAndCodes) {
  const char* text =
      "graph \"a \\\"b\\\" \\x0a\"\n"
      "input %\"in put\" : u8[1,3] quant(scale=0.6666666865348816, zero_point=1, bits=2, "
      "levels=3)\n"
      "%real = Dequantize(%\"in put\") : f32[1,3] @\"scope/node name\"\n"
      "%c = const f32[3] {1e-45, -0, inf}\n"
      "%sum = Add(%real, %c) : f32[1,3]\n"
      "output %sum, %real\n";
  const auto graph = FromText(text);
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  EXPECT_EQ(graph->name, "a \"b\" \n");
  EXPECT_EQ(graph->nodes[0].name, "scope/node name");
  EXPECT_EQ(ToText(*graph), text);
}

TEST(Evaluate, RefusesInputsThatDoNotFit) {
  const Graph graph = Parsed("input %x : f32[2] %y = Relu(%x) output %y");
  EXPECT_THAT(Evaluate(graph, {}).status().message(), HasSubstr("has 1 inputs, got 0"));
  EXPECT_THAT(Evaluate(graph, {Tensor(DType::kU8, {2})}).status().message(),
              HasSubstr("input \"x\" is f32[2], got u8[2]"));
}

TEST(DoubleEvaluator, ShowsEveryNodeAndReusesConstants) {
  const Graph graph = Parsed(
      "input %x : f32[2] %q = BinaryQuant(f32[2]{-3,4}, f32[]{0.5})\n"
      "%y = Mul(%x, %q) output %y");
  const auto evaluator = DoubleEvaluator::Prepare(graph);
  ASSERT_TRUE(evaluator.ok());
  for (const float scale : {1.0F, 2.0F}) {
    std::vector<std::string> seen;
    const auto outputs = evaluator->Run(
        {Tensor::Of<float>({2}, {scale, scale})},
        [&](const Node& node, const std::vector<Tensor>&) { seen.push_back(node.name); });
    EXPECT_EQ((*outputs)[0], Tensor::Of<double>({2}, {-0.5 * scale, 0.5 * scale}));
    EXPECT_EQ(seen, (std::vector<std::string>{"q", "y"}));
  }
}

}  // namespace
}  // namespace bluestem::ir
