// E(M(x)) becomes M(E(x)), where E works element by element and M moves elements or takes a
// maximum: so that a quantizer and what it follows stand directly after the convolution that they
// fold into. The same f32 values result, bit for bit.
#include <algorithm>

#include "bluestem/passes/catalogue.h"
#include "bluestem/passes/rewrite.h"

namespace bluestem::passes {
namespace {

using ir::Node;
using ir::ValueId;

// An elementwise node with one data operand; the others are constants.
struct Elementwise {
  size_t data = 0;           // which input
  bool per_channel = false;  // some constant varies over the last axis
  bool rises = false;        // never falls in any channel, exactly: a maximum may be taken after it
};

bool AllAtLeastZero(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return value >= 0; });
}

// Reads constant operand `i`; false where it is neither one number nor one a channel.
bool ReadConstant(const ir::Graph& graph, const Node& node, size_t i, const Shape& shape,
                  Elementwise& e) {
  if (!PerChannelOf(graph, node.inputs[i], shape)) return false;
  e.per_channel = e.per_channel || !UniformOf(graph, node.inputs[i]);
  return true;
}

std::optional<Elementwise> ReadBinary(const ir::Graph& graph, const Node& node,
                                      const Shape& shape) {
  Elementwise e;
  e.data = graph.IsConstant(node.inputs[0]) ? 1 : 0;
  const size_t other = 1 - e.data;
  if (graph.value(node.inputs[e.data]).shape != shape ||
      !ReadConstant(graph, node, other, shape, e)) {
    return std::nullopt;
  }
  const auto values = *PerChannelOf(graph, node.inputs[other], shape);
  if (node.op == "Mul") e.rises = AllAtLeastZero(values);
  if (node.op == "Div")
    e.rises = e.data == 0 && AllAtLeastZero(values) && !std::count(values.begin(), values.end(), 0);
  if (node.op == "Sub") e.rises = e.data == 0;
  if (node.op == "Add" || node.op == "Min" || node.op == "Max") e.rises = true;
  return e;
}

std::optional<Elementwise> Read(const ir::Graph& graph, const Node& node) {
  const Shape& shape = graph.value(node.outputs[0]).shape;
  Elementwise e;
  if (IsBinary(node.op)) return ReadBinary(graph, node, shape);
  if (IsUnary(node.op)) {
    e.rises = node.op == "Relu" || node.op == "Clip" || node.op == "Floor" || node.op == "Ceil" ||
              node.op == "Round" ||
              (node.op == "LeakyRelu" && node.attributes.Float("alpha", 0.01) >= 0) ||
              (node.op == "HardSigmoid" && node.attributes.Float("alpha", 0.2) >= 0);
    return e;
  }
  if (node.op == "MultiThreshold") {
    e.per_channel = graph.value(node.inputs[1]).shape[0] != 1;
    e.rises = node.attributes.Float("scale", 1) >= 0;
    return e;
  }
  if (node.op == "Quant" || node.op == "BinaryQuant") {
    for (size_t i = 1; i < node.inputs.size(); ++i) {
      if (!ReadConstant(graph, node, i, shape, e)) return std::nullopt;
    }
    e.rises = AllAtLeastZero(*PerChannelOf(graph, node.inputs[1], shape));
    return e;
  }
  if (node.op == "BatchNorm") {
    e.per_channel = true;
    e.rises = AllAtLeastZero(*PerChannelOf(graph, node.inputs[1], shape));
    return e;
  }
  return std::nullopt;
}

// True where a convolution makes `value`, perhaps through elementwise ops: what rises to it costs
// nothing there.
bool ComesFromConv(const ir::Graph& graph, ValueId value) {
  for (const Node* node = graph.Producer(value); node != nullptr; node = graph.Producer(value)) {
    if (node->op == "Conv") return true;
    const auto e = Read(graph, *node);
    if (!e) return false;
    value = node->inputs[e->data];
  }
  return false;
}

// Says whether `e` may rise above the movement `m`.
bool MayRise(const ir::Graph& graph, const Node& m, const Elementwise& e) {
  const Shape& x = graph.value(m.inputs[0]).shape;
  const Shape& y = graph.value(m.outputs[0]).shape;
  if (m.op == "MaxPool") return e.rises && ComesFromConv(graph, m.inputs[0]);
  if (m.op == "ResizeNearest") return true;
  if (m.op == "Slice") return !e.per_channel && ComesFromConv(graph, m.inputs[0]);
  if (m.op == "Reshape")
    return !e.per_channel || (!x.empty() && !y.empty() && x.back() == y.back());
  if (m.op == "Transpose") {
    const auto perm = m.attributes.Ints("perm");
    return !e.per_channel || perm.back() + 1 == static_cast<int64_t>(perm.size());
  }
  return !e.per_channel &&
         (m.op == "SpaceToDepth" || m.op == "DepthToSpace" || m.op == "Concat" || m.op == "Pad");
}

// Emits E over one input of the movement. Constants lose the shape that fitted below.
Result<ValueId> EmitAbove(Rewriter& rewriter, const Node& node, const Elementwise& e, ValueId x) {
  std::vector<ValueId> inputs;
  ir::Graph& graph = rewriter.graph();
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (i == e.data) {
      inputs.push_back(x);
      continue;
    }
    const ValueId constant = node.inputs[i];
    if (node.op == "MultiThreshold") {
      inputs.push_back(constant);
      continue;
    }
    const Tensor tensor = *ConstantOf(graph, constant);
    if (const auto uniform = UniformOf(graph, constant); uniform && node.op != "BatchNorm") {
      inputs.push_back(
          tensor.size() == 1 && tensor.shape().empty()
              ? constant
              : graph.AddConstant(graph.value(constant).name,
                                  Tensor::Of<float>({}, {static_cast<float>(*uniform)})));
    } else {
      inputs.push_back(
          tensor.shape().size() == 1
              ? constant
              : graph.AddConstant(graph.value(constant).name, tensor.Reshaped({tensor.size()})));
    }
  }
  return rewriter.Emit(node.op, node.name, inputs, node.attributes);
}

// The value that padding has above: E of the value below.
Result<double> PadValueAbove(const ir::Graph& graph, const Node& node, const Elementwise& e,
                             double value) {
  ir::Graph single;
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    Tensor operand = Tensor::Of<float>({1}, {static_cast<float>(value)});
    if (i != e.data && node.op == "MultiThreshold") {
      operand = *ConstantOf(graph, node.inputs[i]);
    } else if (i != e.data) {
      operand = Tensor::Of<float>({}, {static_cast<float>(*UniformOf(graph, node.inputs[i]))});
    }
    inputs.push_back(single.AddConstant("x", std::move(operand)));
  }
  BLUESTEM_ASSIGN_OR_RETURN(const ValueId y,
                            single.Append(node.op, node.name, inputs, node.attributes));
  single.outputs = {y};
  BLUESTEM_ASSIGN_OR_RETURN(const Tensor result, EvaluateConstantNode(single, single.nodes[0]));
  return result.At(0);
}

Result<bool> Raise(Rewriter& rewriter, const Node& node) {
  ir::Graph& graph = rewriter.graph();
  const auto e = Read(graph, node);
  if (!e || rewriter.OnlyUser(node.inputs[e->data]) != &node) return false;
  const Node* movement = graph.Producer(rewriter.Now(node.inputs[e->data]));
  if (movement == nullptr || !MayRise(graph, *movement, *e)) return false;
  const Node m = *movement;
  ir::Attributes attributes = m.attributes;
  if (m.op == "Pad") {
    BLUESTEM_ASSIGN_OR_RETURN(const double value,
                              PadValueAbove(graph, node, *e, attributes.Float("value", 0)));
    attributes.Set("value", value);
  }
  if (m.op == "Reshape") attributes.Set("shape", graph.value(m.outputs[0]).shape);
  std::vector<ValueId> inputs;
  for (const ValueId x : m.inputs) {
    BLUESTEM_ASSIGN_OR_RETURN(const ValueId above, EmitAbove(rewriter, node, *e, x));
    inputs.push_back(above);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const ValueId value, rewriter.Emit(m.op, m.name, inputs, attributes));
  rewriter.Replace(node.outputs[0], value);
  return true;
}

}  // namespace

Result<int> RaiseElementwise(ir::Graph& graph, PassContext& context) {
  int changes = 0;
  while (true) {  // each round moves some node up by one movement; there are finitely many above it
    Rewriter rewriter(graph);
    for (const Node& node : rewriter.old_nodes()) {
      BLUESTEM_ASSIGN_OR_RETURN(const bool raised, Raise(rewriter, node));
      if (!raised) BLUESTEM_RETURN_IF_ERROR(rewriter.Keep(node));
    }
    const int round = rewriter.Finish();
    BLUESTEM_ASSIGN_OR_RETURN([[maybe_unused]] const int removed, RemoveDeadCode(graph, context));
    if (round == 0) return changes;
    changes += round;
  }
}

}  // namespace bluestem::passes
