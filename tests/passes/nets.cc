#include "tests/passes/nets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "bluestem/ir/evaluate.h"

namespace bluestem::passes {

using ir::Attributes;
using ir::ValueId;

ValueId Net::Input(Shape shape) {
  return graph.AddInput("image", DType::kF32, std::move(shape));
}

ValueId Net::Constant(Shape shape, double low, double high) {
  std::uniform_real_distribution<double> uniform(low, high);
  Tensor tensor(DType::kF32, std::move(shape));
  for (int64_t i = 0; i < tensor.size(); ++i)
    tensor.data<float>()[i] = static_cast<float>(uniform(random_));
  return graph.AddConstant("c", std::move(tensor));
}

ValueId Net::Scalar(double value) {
  return graph.AddConstant("c", Tensor::Of<float>({}, {static_cast<float>(value)}));
}

ValueId Net::Node(const std::string& op, std::vector<ValueId> inputs, Attributes attributes) {
  auto value =
      graph.Append(op, op + std::to_string(count_++), std::move(inputs), std::move(attributes));
  EXPECT_TRUE(value.ok()) << value.status().message();
  return *value;
}

int64_t Net::Channels(ValueId x) const {
  const Shape& shape = graph.value(x).shape;
  return layout_ == "NCHW" ? shape[1] : shape.back();
}

Attributes Net::Layout(Attributes attributes) const {
  if (layout_ == "NCHW") attributes.Set("layout", layout_);
  return attributes;
}

ValueId Net::Conv(ValueId x, int64_t co, int64_t kernel, int64_t bits, bool per_channel, bool bias,
                  int64_t groups) {
  const int64_t ci = Channels(x) / groups;
  const bool first = layout_ == "NCHW";
  ValueId w =
      Constant(first ? Shape{co, ci, kernel, kernel} : Shape{co, kernel, kernel, ci}, -1, 1);
  const ValueId scale = per_channel ? Constant({co, 1, 1, 1}, 0.05, 0.3) : Scalar(0.17);
  if (bits == 1) w = Node("BinaryQuant", {w, scale});
  if (bits > 1 && bits < 32) {
    w = Node("Quant", {w, scale, Scalar(0)},
             Attributes().Set("bits", bits).Set("signed", int64_t{1}).Set("narrow", int64_t{1}));
  }
  std::vector<ValueId> inputs = {x, w};
  if (bias) inputs.push_back(Constant({co}, -0.5, 0.5));
  const int64_t pad = kernel / 2;
  return Node("Conv", inputs,
              Layout(Attributes().Set("pads", Shape{pad, pad, pad, pad}).Set("groups", groups)));
}

ValueId Net::Dense(ValueId x, int64_t co, int64_t bits) {
  ValueId w = Constant({co, graph.value(x).shape[1]}, -1, 1);
  if (bits == 1) w = Node("BinaryQuant", {w, Scalar(0.25)});
  return Node("Dense", {x, w});
}

ValueId Net::BatchNorm(ValueId x, bool falling) {
  const int64_t c = Channels(x);
  return Node("BatchNorm",
              {x, Constant({c}, falling ? -1.5 : 0.2, 1.5), Constant({c}, -0.5, 0.5),
               Constant({c}, -1, 1), Constant({c}, 0.01, 2)},
              Layout(Attributes().Set("epsilon", 1e-3)));
}

ValueId Net::Quant(ValueId x, double scale, int64_t bits, bool is_signed, bool narrow,
                   const std::string& rounding, double zero_point) {
  return Node("Quant", {x, Scalar(scale), Scalar(zero_point)},
              Attributes()
                  .Set("bits", bits)
                  .Set("signed", int64_t{is_signed})
                  .Set("narrow", int64_t{narrow})
                  .Set("rounding", rounding));
}

ValueId Net::MaxPool(ValueId x, int64_t kernel) {
  return Node(
      "MaxPool", {x},
      Layout(Attributes().Set("kernel", Shape{kernel, kernel}).Set("strides", Shape{2, 2})));
}

ir::Graph Net::Finish(std::vector<ValueId> outputs) {
  graph.outputs = std::move(outputs);
  const Status status = ir::Verify(graph);
  EXPECT_TRUE(status.ok()) << status.message();
  return graph;
}

int Outcome::Count(const std::string& op) const {
  return static_cast<int>(std::count_if(after.nodes.begin(), after.nodes.end(),
                                        [&](const ir::Node& node) { return node.op == op; }));
}

std::string Outcome::Explain() const {
  std::string text;
  for (const Decision& decision : decisions) {
    text += fmt::format("{} [{}]: {}\n", decision.node, decision.pass, decision.text);
  }
  for (const ir::Node& node : after.nodes) {
    text += fmt::format("{} {} {}{}\n", node.op, node.name,
                        DTypeName(after.value(node.outputs[0]).dtype),
                        ShapeText(after.value(node.outputs[0]).shape));
  }
  return text;
}

namespace {

// Draws an input of `after` and sets `real` to what the graph before reads for it.
Tensor DrawInput(const ir::Value& before, const ir::Value& after, std::mt19937& random,
                 Tensor& real) {
  Tensor drawn(after.dtype, after.shape);
  Tensor values(DType::kF32, after.shape);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::uniform_int_distribution<int> byte(0, 255);
  for (int64_t i = 0; i < drawn.size(); ++i) {
    if (after.dtype == DType::kU8) {
      drawn.data<uint8_t>()[i] = static_cast<uint8_t>(byte(random));
      values.data<float>()[i] =
          static_cast<float>((drawn.data<uint8_t>()[i] - after.quant->zero_point)) *
          static_cast<float>(after.quant->scale);
    } else {
      values.data<float>()[i] = drawn.data<float>()[i] = uniform(random);
    }
  }
  real = before.shape == after.shape ? values
         : before.shape.size() == 4 && after.shape[3] == before.shape[1]
             ? values.Transposed({0, 3, 1, 2})
             : values.Reshaped(before.shape);
  return drawn;
}

}  // namespace

Outcome RunAndCompare(const ir::Graph& before, const Options& options, int images, uint32_t seed) {
  Outcome outcome;
  outcome.after = before;
  const Status status = Run(outcome.after, options, outcome.decisions);
  EXPECT_TRUE(status.ok()) << status.message();
  if (!status.ok()) return outcome;
  std::mt19937 random(seed);
  for (int image = 0; image < images; ++image) {
    std::vector<Tensor> reals;
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < before.inputs.size(); ++i) {
      Tensor real;
      inputs.push_back(DrawInput(before.value(before.inputs[i]),
                                 outcome.after.value(outcome.after.inputs[i]), random, real));
      reals.push_back(std::move(real));
    }
    const auto wanted = ir::EvaluateDouble(before, reals);
    const auto got = ir::Evaluate(outcome.after, inputs);
    EXPECT_TRUE(wanted.ok() && got.ok());
    if (!wanted.ok() || !got.ok()) return outcome;
    for (size_t o = 0; o < wanted->size(); ++o) {
      EXPECT_EQ((*wanted)[o].shape(), (*got)[o].shape())
          << "outputs keep the model's declared shape";
      if ((*wanted)[o].shape() != (*got)[o].shape()) return outcome;
      double greatest = 1e-30;
      double worst = 0;
      for (int64_t i = 0; i < (*wanted)[o].size(); ++i) {
        greatest = std::max(greatest, std::fabs((*wanted)[o].At(i)));
        worst = std::max(worst, std::fabs((*wanted)[o].At(i) - (*got)[o].At(i)));
      }
      outcome.worst = std::max(outcome.worst, worst);
      outcome.worst_relative = std::max(outcome.worst_relative, worst / greatest);
    }
  }
  return outcome;
}

}  // namespace bluestem::passes
