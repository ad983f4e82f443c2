#include <algorithm>
#include <cmath>

#include "bluestem/interchange/onnx/writer.h"

namespace bluestem::interchange {
namespace {

Tensor Ints(const std::vector<int64_t>& values) {
  return Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values);
}

Tensor Scalar(double value) {
  return Tensor::Of<float>({}, {static_cast<float>(value)});
}

bool IsNhwc(const ir::Node& node) {
  return node.attributes.Text("layout", "NHWC") == "NHWC";
}

// Adds a node over maps: as it is where the IR's layout is ONNX's, else between NCHW forms.
onnx::NodeProto& AddMapNode(OnnxWriter& writer, const ir::Node& node, const std::string& op_type,
                            std::vector<std::string> others = {}) {
  const bool turn = IsNhwc(node);
  std::vector<std::string> inputs = {turn ? writer.Nchw(node.inputs[0])
                                          : writer.Plain(node.inputs[0])};
  inputs.insert(inputs.end(), others.begin(), others.end());
  return writer.Add(op_type, node.name, inputs,
                    turn ? writer.NchwOutput(node) : writer.PlainOutput(node));
}

// Adds a node whose parameters do not depend on the layout, in the layout in which its data stands.
onnx::NodeProto& AddPointwise(OnnxWriter& writer, const ir::Node& node, const std::string& op_type,
                              std::vector<std::string> others = {}) {
  const bool turned = writer.IsNchwOnly(node.inputs[0]);
  std::vector<std::string> inputs = {turned ? writer.Nchw(node.inputs[0])
                                            : writer.Plain(node.inputs[0])};
  inputs.insert(inputs.end(), others.begin(), others.end());
  return writer.Add(op_type, node.name, inputs,
                    turned ? writer.NchwOutput(node) : writer.PlainOutput(node));
}

// Adds a node with all inputs as the IR has them.
onnx::NodeProto& AddPlain(OnnxWriter& writer, const ir::Node& node, const std::string& op_type,
                          const std::vector<std::string>& others = {}) {
  std::vector<std::string> inputs;
  for (const ir::ValueId id : node.inputs) {
    inputs.push_back(id == ir::kNoValue ? "" : writer.Plain(id));
  }
  inputs.insert(inputs.end(), others.begin(), others.end());
  return writer.Add(op_type, node.name, inputs, writer.PlainOutput(node));
}

void SetWindow(const ir::Node& node, onnx::NodeProto& proto) {
  SetInts(proto, "strides", node.attributes.Ints("strides", {1, 1}));
  SetInts(proto, "pads", node.attributes.Ints("pads", {0, 0, 0, 0}));
}

Status WriteConv(OnnxWriter& writer, const ir::Node& node) {
  const Shape& w = writer.graph().value(node.inputs[1]).shape;
  std::vector<std::string> others = {IsNhwc(node) ? writer.Nchw(node.inputs[1])
                                                  : writer.Plain(node.inputs[1])};
  if (node.inputs.size() > 2 && node.inputs[2] != ir::kNoValue) {
    others.push_back(writer.Plain(node.inputs[2]));
  }
  onnx::NodeProto& proto = AddMapNode(writer, node, "Conv", others);
  SetInts(proto, "kernel_shape", IsNhwc(node) ? Shape{w[1], w[2]} : Shape{w[2], w[3]});
  SetWindow(node, proto);
  SetInts(proto, "dilations", node.attributes.Ints("dilations", {1, 1}));
  SetInt(proto, "group", node.attributes.Int("groups", 1));
  return OkStatus();
}

Status WriteDense(OnnxWriter& writer, const ir::Node& node) {
  SetInt(AddPlain(writer, node, "Gemm"), "transB", 1);
  return OkStatus();
}

Status WriteBatchNorm(OnnxWriter& writer, const ir::Node& node) {
  const size_t rank = writer.graph().value(node.inputs[0]).shape.size();
  if (IsNhwc(node) && rank != 2 && rank != 4) {
    return Error(Code::kUnsupported, "a value of {} axes with its channels last", rank);
  }
  std::vector<std::string> others;
  for (size_t i = 1; i < 5; ++i) others.push_back(writer.Plain(node.inputs[i]));
  onnx::NodeProto* proto = nullptr;
  if (rank == 4) {
    proto = &AddMapNode(writer, node, "BatchNormalization", others);
  } else {
    proto = &AddPlain(writer, node, "BatchNormalization");
  }
  SetFloat(*proto, "epsilon", node.attributes.Float("epsilon"));
  return OkStatus();
}

// A quantizer's parameters fit any layout where they are single numbers.
bool IsSingle(const OnnxWriter& writer, const ir::Node& node) {
  return std::all_of(node.inputs.begin() + 1, node.inputs.end(), [&](ir::ValueId id) {
    return ElementCount(writer.graph().value(id).shape) == 1 &&
           writer.graph().value(id).shape.size() <= 1;
  });
}

// QONNX's name of a rounding. Its HALF_UP takes ties away from zero; codes of unsigned quantizers
// are the same either way.
std::string QonnxRounding(const std::string& rounding) {
  if (rounding == "FROM_ZERO") return "UP";
  if (rounding == "ROUND_TO_ZERO") return "DOWN";
  if (rounding == "HALF_FROM_ZERO") return "HALF_UP";
  if (rounding == "HALF_TO_ZERO") return "HALF_DOWN";
  return rounding;
}

Status WriteQuant(OnnxWriter& writer, const ir::Node& node) {
  const ir::Attributes& attributes = node.attributes;
  if (attributes.Text("rounding") == "HALF_UP" && attributes.Int("signed") != 0) {
    return Error(Code::kUnsupported,
                 "QONNX cannot say HALF_UP (floor(x + 0.5)) of a signed quantizer");
  }
  const std::string bits =
      writer.AddConstant(node.name + "/bits", Scalar(static_cast<double>(attributes.Int("bits"))));
  onnx::NodeProto& proto =
      IsSingle(writer, node)
          ? AddPointwise(writer, node, "Quant",
                         {writer.Plain(node.inputs[1]), writer.Plain(node.inputs[2]), bits})
          : AddPlain(writer, node, "Quant", {bits});
  SetInt(proto, "signed", attributes.Int("signed"));
  SetInt(proto, "narrow", attributes.Int("narrow"));
  SetText(proto, "rounding_mode", QonnxRounding(attributes.Text("rounding", "ROUND")));
  return OkStatus();
}

Status WriteBinaryQuant(OnnxWriter& writer, const ir::Node& node) {
  if (writer.graph().value(node.inputs[0]).constant != nullptr) {
    writer.Add("BipolarQuant", node.name,
               {writer.Signs(node.inputs[0]), writer.Plain(node.inputs[1])},
               writer.PlainOutput(node));
  } else if (IsSingle(writer, node)) {
    AddPointwise(writer, node, "BipolarQuant", {writer.Plain(node.inputs[1])});
  } else {
    AddPlain(writer, node, "BipolarQuant");
  }
  return OkStatus();
}

// Channels stand where the layout says in any form, so the data is written as the IR has it.
Status WriteMultiThreshold(OnnxWriter& writer, const ir::Node& node) {
  const size_t rank = writer.graph().value(node.inputs[0]).shape.size();
  const bool first = !IsNhwc(node) && rank > 1;
  std::string layout(rank, 'S');
  layout[0] = 'N';
  layout[first ? 1 : rank - 1] = 'C';
  onnx::NodeProto& proto = AddPlain(writer, node, "MultiThreshold");
  SetFloat(proto, "out_scale", node.attributes.Float("scale", 1));
  SetFloat(proto, "out_bias", node.attributes.Float("bias", 0));
  SetText(proto, "out_dtype", "FLOAT32");
  SetText(proto, "data_layout", layout);
  return OkStatus();
}

Status WriteUnary(OnnxWriter& writer, const ir::Node& node) {
  AddPointwise(writer, node, node.op);
  return OkStatus();
}

Status WriteLeakyRelu(OnnxWriter& writer, const ir::Node& node) {
  SetFloat(AddPointwise(writer, node, "LeakyRelu"), "alpha", node.attributes.Float("alpha", 0.01));
  return OkStatus();
}

Status WriteHardSigmoid(OnnxWriter& writer, const ir::Node& node) {
  onnx::NodeProto& proto = AddPointwise(writer, node, "HardSigmoid");
  SetFloat(proto, "alpha", node.attributes.Float("alpha", 0.2));
  SetFloat(proto, "beta", node.attributes.Float("beta", 0.5));
  return OkStatus();
}

Status WriteClip(OnnxWriter& writer, const ir::Node& node) {
  const auto bound = [&](const char* key) -> std::string {
    const double value = node.attributes.Float(key);
    if (std::isinf(value)) return "";
    return writer.AddConstant(node.name + "/" + key, Scalar(value));
  };
  const std::string low = bound("min");
  const std::string high = bound("max");
  AddPointwise(writer, node, "Clip", {low, high});
  return OkStatus();
}

Status WriteBinary(OnnxWriter& writer, const ir::Node& node) {
  AddPlain(writer, node, node.op);
  return OkStatus();
}

Status WritePool(OnnxWriter& writer, const ir::Node& node) {
  const bool is_max = node.op == "MaxPool";
  onnx::NodeProto& proto = AddMapNode(writer, node, is_max ? "MaxPool" : "AveragePool");
  SetInts(proto, "kernel_shape", node.attributes.Ints("kernel"));
  SetWindow(node, proto);
  if (!is_max) SetInt(proto, "count_include_pad", node.attributes.Int("count_include_pad"));
  return OkStatus();
}

Status WriteGlobalPool(OnnxWriter& writer, const ir::Node& node) {
  AddMapNode(writer, node, node.op == "GlobalMaxPool" ? "GlobalMaxPool" : "GlobalAveragePool");
  return OkStatus();
}

Status WriteBlock(OnnxWriter& writer, const ir::Node& node) {
  const std::string mode = node.attributes.Text("mode", "DCR");
  const bool to_space = node.op == "DepthToSpace";
  if (!to_space && mode != "DCR") {
    return Error(Code::kUnsupported, "ONNX has no SpaceToDepth of mode {}", mode);
  }
  onnx::NodeProto& proto = AddMapNode(writer, node, node.op);
  SetInt(proto, "blocksize", node.attributes.Int("block"));
  if (to_space) SetText(proto, "mode", mode);
  return OkStatus();
}

Status WriteResize(OnnxWriter& writer, const ir::Node& node) {
  const auto scale_h = static_cast<float>(node.attributes.Int("scale_h"));
  const auto scale_w = static_cast<float>(node.attributes.Int("scale_w"));
  const std::string scales = writer.AddConstant(
      node.name + "/scales", Tensor::Of<float>({4}, {1.0F, 1.0F, scale_h, scale_w}));
  onnx::NodeProto& proto = AddMapNode(writer, node, "Resize", {"", scales});
  SetText(proto, "mode", "nearest");
  SetText(proto, "coordinate_transformation_mode", "asymmetric");
  SetText(proto, "nearest_mode", "floor");
  return OkStatus();
}

Status WritePad(OnnxWriter& writer, const ir::Node& node) {
  const std::string pads =
      writer.AddConstant(node.name + "/pads", Ints(node.attributes.Ints("pads")));
  const std::string value =
      writer.AddConstant(node.name + "/value", Scalar(node.attributes.Float("value")));
  AddPlain(writer, node, "Pad", {pads, value});
  return OkStatus();
}

Status WriteConcat(OnnxWriter& writer, const ir::Node& node) {
  SetInt(AddPlain(writer, node, "Concat"), "axis", node.attributes.Int("axis"));
  return OkStatus();
}

Status WriteReshape(OnnxWriter& writer, const ir::Node& node) {
  AddPlain(writer, node, "Reshape",
           {writer.AddConstant(node.name + "/shape", Ints(node.attributes.Ints("shape")))});
  return OkStatus();
}

Status WriteTranspose(OnnxWriter& writer, const ir::Node& node) {
  SetInts(AddPlain(writer, node, "Transpose"), "perm", node.attributes.Ints("perm"));
  return OkStatus();
}

Status WriteSlice(OnnxWriter& writer, const ir::Node& node) {
  const auto axes = node.attributes.Ints("axes");
  const auto steps = node.attributes.Ints("steps", std::vector<int64_t>(axes.size(), 1));
  std::vector<std::string> others;
  others.push_back(writer.AddConstant(node.name + "/starts", Ints(node.attributes.Ints("starts"))));
  others.push_back(writer.AddConstant(node.name + "/ends", Ints(node.attributes.Ints("ends"))));
  others.push_back(writer.AddConstant(node.name + "/axes", Ints(axes)));
  others.push_back(writer.AddConstant(node.name + "/steps", Ints(steps)));
  AddPlain(writer, node, "Slice", others);
  return OkStatus();
}

// In opset 13 the axes of ReduceSum are an input, those of the others an attribute.
Status WriteReduce(OnnxWriter& writer, const ir::Node& node) {
  const auto axes = node.attributes.Ints("axes");
  std::vector<std::string> others;
  if (node.op == "ReduceSum") others.push_back(writer.AddConstant(node.name + "/axes", Ints(axes)));
  onnx::NodeProto& proto = AddPlain(writer, node, node.op, others);
  if (node.op != "ReduceSum") SetInts(proto, "axes", axes);
  SetInt(proto, "keepdims", node.attributes.Int("keepdims", 1));
  return OkStatus();
}

Status WriteSoftmax(OnnxWriter& writer, const ir::Node& node) {
  SetInt(AddPlain(writer, node, "Softmax"), "axis", node.attributes.Int("axis"));
  return OkStatus();
}

constexpr OnnxOpWriter kWriters[] = {
    {"Conv", WriteConv},
    {"Dense", WriteDense},
    {"BatchNorm", WriteBatchNorm},
    {"Quant", WriteQuant},
    {"BinaryQuant", WriteBinaryQuant},
    {"MultiThreshold", WriteMultiThreshold},
    {"Relu", WriteUnary},
    {"LeakyRelu", WriteLeakyRelu},
    {"Clip", WriteClip},
    {"Sigmoid", WriteUnary},
    {"Tanh", WriteUnary},
    {"HardSigmoid", WriteHardSigmoid},
    {"Abs", WriteUnary},
    {"Neg", WriteUnary},
    {"Exp", WriteUnary},
    {"Sqrt", WriteUnary},
    {"Log", WriteUnary},
    {"Floor", WriteUnary},
    {"Ceil", WriteUnary},
    {"Round", WriteUnary},
    {"Identity", WriteUnary},
    {"Add", WriteBinary},
    {"Sub", WriteBinary},
    {"Mul", WriteBinary},
    {"Div", WriteBinary},
    {"Min", WriteBinary},
    {"Max", WriteBinary},
    {"Pow", WriteBinary},
    {"MaxPool", WritePool},
    {"AvgPool", WritePool},
    {"GlobalAvgPool", WriteGlobalPool},
    {"GlobalMaxPool", WriteGlobalPool},
    {"SpaceToDepth", WriteBlock},
    {"DepthToSpace", WriteBlock},
    {"Pad", WritePad},
    {"ResizeNearest", WriteResize},
    {"Concat", WriteConcat},
    {"Reshape", WriteReshape},
    {"Transpose", WriteTranspose},
    {"Slice", WriteSlice},
    {"ReduceMean", WriteReduce},
    {"ReduceMax", WriteReduce},
    {"ReduceSum", WriteReduce},
    {"Softmax", WriteSoftmax},
};

}  // namespace

std::span<const OnnxOpWriter> OnnxOpWriters() {
  return kWriters;
}

}  // namespace bluestem::interchange
