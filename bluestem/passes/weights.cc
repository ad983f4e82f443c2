#include "bluestem/passes/weights.h"

#include <algorithm>
#include <cmath>

#include "bluestem/passes/catalogue.h"
#include "bluestem/passes/rewrite.h"
#include "bluestem/quant/threshold.h"

namespace bluestem::passes {
namespace {

using ir::Node;
using ir::ValueId;

// Returns the elements of `tensor` repeated to `shape` (numpy broadcasting; the shapes are known to
// fit).
Tensor BroadcastTo(const Tensor& tensor, const Shape& shape) {
  Tensor result(tensor.dtype(), shape);
  const size_t lead = shape.size() - tensor.shape().size();
  for (int64_t i = 0; i < result.size(); ++i) {
    int64_t rest = i;
    int64_t from = 0;
    int64_t stride = 1;
    for (size_t axis = shape.size(); axis-- > 0;) {
      const int64_t index = rest % shape[axis];
      rest /= shape[axis];
      if (axis < lead) continue;
      const int64_t extent = tensor.shape()[axis - lead];
      from += (extent == 1 ? 0 : index) * stride;
      stride *= extent;
    }
    result.data<float>()[i] = tensor.data<float>()[from];
  }
  return result;
}

// Returns the parameter of a quantizer (a scale, a zero point) after the movement that `node` is.
Tensor MoveParameter(const Tensor& parameter, const Shape& x, const Node& node,
                     const Shape& moved) {
  if (parameter.size() == 1) return parameter.Reshaped({});
  const Tensor full = BroadcastTo(parameter, x);
  return node.op == "Transpose" ? full.Transposed(node.attributes.Ints("perm"))
                                : full.Reshaped(moved);
}

// One scale for all weights of an output, or nothing.
Result<std::vector<double>> ScalePerOutput(const Tensor& scale, const Shape& shape) {
  const Tensor full = BroadcastTo(scale, shape);
  const int64_t outputs = shape[0];
  const int64_t each = full.size() / outputs;
  std::vector<double> result;
  for (int64_t co = 0; co < outputs; ++co) {
    const float first = full.data<float>()[co * each];
    for (int64_t i = 1; i < each; ++i) {
      if (full.data<float>()[co * each + i] != first) {
        return Error(Code::kUnsupported,
                     "the scale of the weights of output {} varies within the output", co);
      }
    }
    result.push_back(first);
  }
  return result;
}

Result<IntegerWeights> ReadBinary(const Tensor& x, const Tensor& scale) {
  IntegerWeights weights{Tensor(DType::kS8, x.shape()), {}, 1};
  BLUESTEM_ASSIGN_OR_RETURN(weights.scale, ScalePerOutput(scale, x.shape()));
  for (int64_t i = 0; i < x.size(); ++i) {
    weights.codes.data<int8_t>()[i] = x.data<float>()[i] >= 0 ? int8_t{1} : int8_t{-1};
  }
  return weights;
}

Result<IntegerWeights> ReadQuant(const ir::Graph& graph, const Node& node) {
  const Tensor& x = *ConstantOf(graph, node.inputs[0]);
  const auto zero_point = UniformOf(graph, node.inputs[2]);
  if (zero_point != 0.0) {
    return Error(Code::kUnsupported, "the weights' zero point is not 0");
  }
  const auto rounding = quant::FindRounding(node.attributes.Text("rounding", "ROUND"));
  BLUESTEM_CHECK(rounding.has_value(), "verified with the graph");
  const auto bits = static_cast<int32_t>(node.attributes.Int("bits"));
  quant::QuantSpec spec =
      quant::MakeQuantSpec(1.0, 0.0, std::min(bits, 30), node.attributes.Int("signed") != 0,
                           node.attributes.Int("narrow") != 0, *rounding);
  IntegerWeights weights{Tensor(DType::kS8, x.shape()), {}, 1};
  BLUESTEM_ASSIGN_OR_RETURN(weights.scale,
                            ScalePerOutput(*ConstantOf(graph, node.inputs[1]), x.shape()));
  const int64_t each = x.size() / x.shape()[0];
  for (int64_t i = 0; i < x.size(); ++i) {
    spec.scale = weights.scale[static_cast<size_t>(i / each)];
    const int32_t code = spec.Code(x.data<float>()[i]);
    if (code < -128 || code > 127) {
      return Error(Code::kUnsupported, "a weight has code {}; kernels take -128 to 127", code);
    }
    weights.codes.data<int8_t>()[i] = static_cast<int8_t>(code);
    if (code != 1 && code != -1) weights.bits = std::max(2, std::min(bits, 8));
  }
  return weights;
}

// Constants that are whole numbers of a byte are integers of scale 1, as quantizers of weights
// leave them that are folded away. Returns false for others.
bool ReadWhole(const Tensor& x, IntegerWeights& weights) {
  double low = 0;
  double high = 0;
  for (int64_t i = 0; i < x.size(); ++i) {
    const double value = x.data<float>()[i];
    if (value != std::floor(value) || value < -128 || value > 127) return false;
    low = std::min(low, value);
    high = std::max(high, value);
    weights.codes.data<int8_t>()[i] = static_cast<int8_t>(value);
  }
  weights.scale.assign(static_cast<size_t>(x.shape()[0]), 1.0);
  weights.bits = 2;
  while (low < -std::ldexp(1, weights.bits - 1) || high > std::ldexp(1, weights.bits - 1) - 1) {
    ++weights.bits;
  }
  return true;
}

// Constants that are +s or -s for each output are binary whoever made them.
Result<IntegerWeights> ReadPlain(const Tensor& x) {
  IntegerWeights whole{Tensor(DType::kS8, x.shape()), {}, 1};
  const auto is_unit = [&](float value) { return std::fabs(value) == 1; };
  const bool binary = std::all_of(x.data<float>(), x.data<float>() + x.size(), is_unit);
  if (!binary && ReadWhole(x, whole)) return whole;
  const int64_t outputs = x.shape()[0];
  const int64_t each = x.size() / outputs;
  Tensor scale(DType::kF32, {outputs, 1, 1, 1});
  for (int64_t co = 0; co < outputs; ++co) {
    const float first = std::fabs(x.data<float>()[co * each]);
    for (int64_t i = 0; i < each; ++i) {
      if (std::fabs(x.data<float>()[co * each + i]) != first) {
        return Error(Code::kUnsupported, "the weights are real numbers: no quantizer makes them");
      }
    }
    if (each < 2)
      return Error(Code::kUnsupported, "the weights are real numbers: no quantizer makes them");
    scale.data<float>()[co] = first;
  }
  return ReadBinary(x, scale);
}

}  // namespace

Result<IntegerWeights> ReadWeights(const ir::Graph& graph, ValueId weights) {
  if (const Tensor* plain = ConstantOf(graph, weights)) return ReadPlain(*plain);
  const Node* node = graph.Producer(weights);
  const bool is_quantizer = node != nullptr && (node->op == "Quant" || node->op == "BinaryQuant");
  if (!is_quantizer || !graph.IsConstant(node->inputs[0])) {
    return Error(Code::kUnsupported, "the weights are not constant");
  }
  if (node->op == "Quant") return ReadQuant(graph, *node);
  return ReadBinary(*ConstantOf(graph, node->inputs[0]), *ConstantOf(graph, node->inputs[1]));
}

Result<int> MoveWeightQuantizers(ir::Graph& graph, PassContext&) {
  Rewriter rewriter(graph);
  for (const Node& node : rewriter.old_nodes()) {
    const bool moves = node.op == "Transpose" || node.op == "Reshape";
    const Node* inner = moves ? graph.Producer(rewriter.Now(node.inputs[0])) : nullptr;
    const bool matches = inner != nullptr && (inner->op == "Quant" || inner->op == "BinaryQuant") &&
                         graph.IsConstant(inner->inputs[0]);
    if (!matches) {
      BLUESTEM_RETURN_IF_ERROR(rewriter.Keep(node));
      continue;
    }
    const Node quantizer = *inner;  // AddConstant and Emit below move the graph's storage
    const Tensor x = *ConstantOf(graph, quantizer.inputs[0]);
    const Shape moved = graph.value(node.outputs[0]).shape;
    std::vector<ValueId> inputs;
    inputs.push_back(graph.AddConstant(
        node.name + "/x",
        node.op == "Transpose" ? x.Transposed(node.attributes.Ints("perm")) : x.Reshaped(moved)));
    for (size_t i = 1; i < quantizer.inputs.size(); ++i) {
      const Tensor parameter = *ConstantOf(graph, quantizer.inputs[i]);
      inputs.push_back(graph.AddConstant(graph.value(quantizer.inputs[i]).name,
                                         MoveParameter(parameter, x.shape(), node, moved)));
    }
    BLUESTEM_ASSIGN_OR_RETURN(const ValueId value,
                              rewriter.Emit(quantizer.op, node.name, inputs, quantizer.attributes));
    rewriter.Replace(node.outputs[0], value);
  }
  return rewriter.Finish();
}

}  // namespace bluestem::passes
