#include "bluestem/interchange/tensorflow/context.h"

// Convolutions, matrix products, pools and normalizations on NHWC maps.
namespace bluestem::interchange {
namespace {

constexpr int64_t kMaxWindow = int64_t{1} << 24;

// Reads a list over [n,h,w,c] and returns its h and w. Errors: unless n and c are 1.
Result<std::vector<int64_t>> ReadSpatial(const TensorFlowContext& context, const std::string& key) {
  BLUESTEM_ASSIGN_OR_RETURN(const auto list, context.Ints(key, {1, 1, 1, 1}));
  if (list.size() != 4 || list[0] != 1 || list[3] != 1) {
    return Error(Code::kUnsupported, "{} is {}; expected [1,h,w,1]", key, ShapeText(list));
  }
  for (const int64_t entry : {list[1], list[2]}) {
    if (entry < 1 || entry > kMaxWindow) {
      return Error(Code::kInvalidData, "{} holds {}; expected 1 to {}", key, entry, kMaxWindow);
    }
  }
  return std::vector<int64_t>{list[1], list[2]};
}

// Returns the IR's pads for TensorFlow's padding of a window.
Result<std::vector<int64_t>> ReadPads(const TensorFlowContext& context, const Shape& x,
                                      const std::vector<int64_t>& kernel,
                                      const std::vector<int64_t>& strides,
                                      const std::vector<int64_t>& dilations) {
  if (x.size() != 4) {
    return Error(Code::kInvalidData, "input has shape {}; expected [n,h,w,c]", ShapeText(x));
  }
  BLUESTEM_ASSIGN_OR_RETURN(const std::string mode, context.Text("padding", "VALID"));
  if (mode == "VALID") return std::vector<int64_t>{0, 0, 0, 0};
  if (mode == "EXPLICIT") {
    BLUESTEM_ASSIGN_OR_RETURN(const auto pads, context.Ints("explicit_paddings", {}));
    if (pads.size() != 8) return Error(Code::kInvalidData, "explicit_paddings needs 8 entries");
    return std::vector<int64_t>{pads[2], pads[4], pads[3], pads[5]};
  }
  if (mode != "SAME") {
    return Error(Code::kUnsupported, "padding \"{}\"; expected SAME, VALID or EXPLICIT", mode);
  }
  const Pads h = SamePads(x[1], kernel[0], strides[0], dilations[0], false);
  const Pads w = SamePads(x[2], kernel[1], strides[1], dilations[1], false);
  return std::vector<int64_t>{h.before, w.before, h.after, w.after};
}

// Moves HWIO weights to OHWI: a constant itself, or the constant inside its quantizer (whose
// per-channel scale turns too). Depthwise weights [h,w,c,m] become [c*m,h,w,1].
Result<Symbol> ToOhwi(TensorFlowContext& context, const Symbol& w, bool depthwise) {
  const auto turn = [&](const Tensor& tensor) {
    const Shape& s = tensor.shape();
    if (!depthwise) return tensor.Transposed({3, 0, 1, 2});
    return tensor.Transposed({2, 3, 0, 1}).Reshaped({s[2] * s[3], s[0], s[1], 1});
  };
  if (w.IsConstant()) return ConstantSymbol(turn(*w.constant));
  const ir::Graph& graph = context.builder.graph;
  const ir::Node* producer = graph.Producer(w.id);
  const bool is_quantizer =
      producer != nullptr && producer->op == "BinaryQuant" && graph.IsConstant(producer->inputs[0]);
  if (!is_quantizer) return Error(Code::kUnsupported, "weights are computed at run time");
  const ir::Node copy = context.builder.Supersede(w.id);
  const Symbol data = ConstantSymbol(turn(*graph.value(copy.inputs[0]).constant));
  Symbol scale{ir::kNoValue, graph.value(copy.inputs[1]).constant};
  if (scale.constant->size() > 1) {
    const int64_t channels = data.constant->shape()[0];
    Tensor per_output(DType::kF32, {channels, 1, 1, 1});
    // The scales belong to the last axis of HWIO: all outputs, or the multiplier of a depthwise
    // convolution.
    for (int64_t i = 0; i < channels; ++i) {
      per_output.data<float>()[i] = scale.constant->data<float>()[i % scale.constant->size()];
    }
    scale = ConstantSymbol(std::move(per_output));
  }
  return context.builder.Append("BinaryQuant", copy.name, {data, scale});
}

Status ReadConv(TensorFlowContext& context) {
  BLUESTEM_RETURN_IF_ERROR(context.NeedNhwc());
  const bool depthwise = context.node.op() == "DepthwiseConv2dNative";
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol w, context.In(1));
  const Shape shape = context.builder.ShapeOf(w);
  const Shape x_shape = context.builder.ShapeOf(x);
  if (shape.size() != 4 || x_shape.size() != 4 || (depthwise && shape[2] != x_shape[3])) {
    return Error(Code::kInvalidData, "input {} does not fit weights {} [kh,kw,ci,co]",
                 ShapeText(x_shape), ShapeText(shape));
  }
  BLUESTEM_ASSIGN_OR_RETURN(const auto strides, ReadSpatial(context, "strides"));
  BLUESTEM_ASSIGN_OR_RETURN(const auto dilations, ReadSpatial(context, "dilations"));
  BLUESTEM_ASSIGN_OR_RETURN(const auto pads,
                            ReadPads(context, x_shape, {shape[0], shape[1]}, strides, dilations));
  int64_t groups = 1;
  if (depthwise) {
    groups = shape[2];
  } else if (shape[2] > 0 && x_shape[3] % shape[2] == 0) {
    groups = x_shape[3] / shape[2];
  }
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol turned, ToOhwi(context, w, depthwise));
  ir::Attributes attributes;
  attributes.Set("strides", strides)
      .Set("pads", pads)
      .Set("dilations", dilations)
      .Set("groups", groups)
      .Set("layout", std::string("NHWC"));
  return context.Set(context.builder.Append("Conv", context.name(), {x, turned}, attributes));
}

Status ReadMatMul(TensorFlowContext& context) {
  Builder& builder = context.builder;
  BLUESTEM_ASSIGN_OR_RETURN(Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(Symbol w, context.In(1));
  BLUESTEM_ASSIGN_OR_RETURN(const bool turn_x, context.Bool("transpose_a", false));
  BLUESTEM_ASSIGN_OR_RETURN(const bool turned_w, context.Bool("transpose_b", false));
  if (builder.ShapeOf(x).size() != 2 || builder.ShapeOf(w).size() != 2) {
    return Error(Code::kInvalidData, "{} and {} must be matrices", ShapeText(builder.ShapeOf(x)),
                 ShapeText(builder.ShapeOf(w)));
  }
  if (turn_x) {
    ir::Attributes swap;
    swap.Set("perm", std::vector<int64_t>{1, 0});
    BLUESTEM_ASSIGN_OR_RETURN(x, builder.Append("Transpose", context.name() + "/a", {x}, swap));
  }
  if (!turned_w) {
    BLUESTEM_ASSIGN_OR_RETURN(w, builder.TransposeWeights(context.name(), w));
  }
  return context.Set(builder.Append("Dense", context.name(), {x, w}));
}

Status ReadBiasAdd(TensorFlowContext& context) {
  BLUESTEM_RETURN_IF_ERROR(context.NeedNhwc());
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol bias, context.In(1));
  return context.Set(context.builder.Append("Add", context.name(), {x, bias}));
}

Status ReadBatchNorm(TensorFlowContext& context) {
  BLUESTEM_RETURN_IF_ERROR(context.NeedNhwc());
  std::vector<Symbol> inputs;
  for (int i = 0; i < 5; ++i) {
    BLUESTEM_ASSIGN_OR_RETURN(const Symbol input, context.In(i));
    inputs.push_back(input);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const double epsilon, context.Float("epsilon", 1e-4F));
  BLUESTEM_ASSIGN_OR_RETURN(const bool training, context.Bool("is_training", true));
  if (training) {
    return Error(Code::kUnsupported, "is_training is true; freeze the graph for inference");
  }
  ir::Attributes attributes;
  attributes.Set("epsilon", epsilon).Set("layout", std::string("NHWC"));
  return context.Set(context.builder.Append("BatchNorm", context.name(), inputs, attributes));
}

Status ReadPool(TensorFlowContext& context) {
  BLUESTEM_RETURN_IF_ERROR(context.NeedNhwc());
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const auto kernel, ReadSpatial(context, "ksize"));
  BLUESTEM_ASSIGN_OR_RETURN(const auto strides, ReadSpatial(context, "strides"));
  BLUESTEM_ASSIGN_OR_RETURN(const auto pads,
                            ReadPads(context, context.builder.ShapeOf(x), kernel, strides, {1, 1}));
  ir::Attributes attributes;
  attributes.Set("kernel", kernel)
      .Set("strides", strides)
      .Set("pads", pads)
      .Set("layout", std::string("NHWC"));
  return context.Set(context.builder.Append(context.node.op(), context.name(), {x}, attributes));
}

Status ReadSoftmax(TensorFlowContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  ir::Attributes attributes;
  attributes.Set("axis", int64_t{-1});
  return context.Set(context.builder.Append("Softmax", context.name(), {x}, attributes));
}

constexpr TensorFlowReader kReaders[] = {
    {"Conv2D", ReadConv},
    {"DepthwiseConv2dNative", ReadConv},
    {"MatMul", ReadMatMul},
    {"BiasAdd", ReadBiasAdd},
    {"FusedBatchNorm", ReadBatchNorm},
    {"FusedBatchNormV2", ReadBatchNorm},
    {"FusedBatchNormV3", ReadBatchNorm},
    {"MaxPool", ReadPool},
    {"AvgPool", ReadPool},
    {"Softmax", ReadSoftmax},
};

}  // namespace

std::span<const TensorFlowReader> TensorFlowComputeReaders() {
  return kReaders;
}

}  // namespace bluestem::interchange
