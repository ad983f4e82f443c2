#include "bench/lmnet.h"

#include <random>

#include "bluestem/base/check.h"
#include "bluestem/ir/graph.h"
#include "bluestem/lower/lower.h"
#include "bluestem/passes/passes.h"

namespace bluestem::bench {
namespace {

// Builds LmnetV1 node by node with random constants: what a trained graph of it has.
class LmnetBuilder {
 public:
  ir::ValueId Block(ir::ValueId x, int64_t co, int64_t kernel) {
    const ir::ValueId conv = Conv(x, co, kernel, true);
    return Add("Quant", {Norm(conv, co), Scalar(2.0 / 3), Scalar(0)},
               ir::Attributes()
                   .Set("bits", int64_t{2})
                   .Set("signed", int64_t{0})
                   .Set("narrow", int64_t{0})
                   .Set("rounding", std::string("ROUND")));
  }
  ir::ValueId Conv(ir::ValueId x, int64_t co, int64_t kernel, bool binary) {
    const int64_t ci = graph.value(x).shape.back();
    ir::ValueId w = Uniform({co, kernel, kernel, ci}, -1, 1);
    if (binary) w = Add("BinaryQuant", {w, Scalar(0.05)});
    const int64_t pad = kernel / 2;
    return Add("Conv", {x, w},
               ir::Attributes().Set("pads", Shape{pad, pad, pad, pad}).Set("groups", int64_t{1}));
  }
  ir::ValueId Norm(ir::ValueId x, int64_t c) {
    return Add(
        "BatchNorm",
        {x, Uniform({c}, 0.5, 1.5), Uniform({c}, 0, 1), Uniform({c}, -1, 1), Uniform({c}, 0.5, 2)},
        ir::Attributes().Set("epsilon", 1e-3));
  }
  ir::ValueId SpaceToDepth(ir::ValueId x) {
    return Add("SpaceToDepth", {x}, ir::Attributes().Set("block", int64_t{2}));
  }
  ir::ValueId Add(const std::string& op, std::vector<ir::ValueId> inputs,
                  ir::Attributes attributes = {}) {
    auto value =
        graph.Append(op, op + std::to_string(count_++), std::move(inputs), std::move(attributes));
    BLUESTEM_CHECK(value.ok(), value.status().message().c_str());
    return *value;
  }
  ir::ValueId Scalar(double value) {
    return graph.AddConstant("c", Tensor::Of<float>({}, {static_cast<float>(value)}));
  }

  ir::Graph graph;

 private:
  ir::ValueId Uniform(Shape shape, float low, float high) {
    std::uniform_real_distribution<float> draw(low, high);
    Tensor tensor(DType::kF32, std::move(shape));
    for (int64_t i = 0; i < tensor.size(); ++i) tensor.data<float>()[i] = draw(random_);
    return graph.AddConstant("c", std::move(tensor));
  }
  std::mt19937 random_{1};
  int count_ = 0;
};

ir::Graph MakeLmnet() {
  LmnetBuilder net;
  ir::ValueId x = net.graph.AddInput("image", DType::kF32, {1, 32, 32, 3});
  x = net.Block(net.Block(x, 32, 3), 64, 3);
  x = net.Block(net.Block(net.SpaceToDepth(x), 128, 3), 64, 3);
  x = net.SpaceToDepth(net.Block(net.SpaceToDepth(x), 128, 3));
  x = net.Add("Relu", {net.Norm(net.Conv(x, 64, 1, true), 64)});
  x = net.Conv(x, 10, 1, false);
  x = net.Add("GlobalAvgPool", {x});
  x = net.Add("Reshape", {x}, ir::Attributes().Set("shape", Shape{1, 10}));
  net.graph.outputs = {net.Add("Softmax", {x}, ir::Attributes().Set("axis", int64_t{1}))};
  return std::move(net.graph);
}

}  // namespace

program::Program LmnetProgram() {
  ir::Graph graph = MakeLmnet();
  passes::Options options;
  options.input_codes = passes::InputCodes{};
  std::vector<passes::Decision> decisions;
  const Status passed = passes::Run(graph, options, decisions);
  BLUESTEM_CHECK(passed.ok(), passed.message().c_str());
  std::vector<lower::Decision> lowered;
  auto program = lower::Lower(graph, "", lowered);
  BLUESTEM_CHECK(program.ok(), program.status().message().c_str());
  return std::move(*program);
}

}  // namespace bluestem::bench
