#include <cmath>

#include "bluestem/interchange/interchange.h"
#include "bluestem/interchange/onnx/tensor.h"
#include "bluestem/interchange/onnx/writer.h"

namespace bluestem::interchange {
namespace {

constexpr int64_t kIrVersion = 7;
constexpr int64_t kOpset = 13;
constexpr const char* kQonnxDomain = "qonnx.custom_op.general";

void Describe(const ir::Value& value, const std::string& name, onnx::ValueInfoProto& proto) {
  proto.set_name(name);
  auto* type = proto.mutable_type()->mutable_tensor_type();
  type->set_elem_type(onnx::TensorProto::FLOAT);
  for (const int64_t extent : value.shape) type->mutable_shape()->add_dim()->set_dim_value(extent);
}

}  // namespace

void SetInt(onnx::NodeProto& node, const std::string& key, int64_t value) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(key);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
}

void SetFloat(onnx::NodeProto& node, const std::string& key, double value) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(key);
  attribute.set_type(onnx::AttributeProto::FLOAT);
  attribute.set_f(static_cast<float>(value));
}

void SetText(onnx::NodeProto& node, const std::string& key, const std::string& value) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(key);
  attribute.set_type(onnx::AttributeProto::STRING);
  attribute.set_s(value);
}

void SetInts(onnx::NodeProto& node, const std::string& key, const std::vector<int64_t>& values) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(key);
  attribute.set_type(onnx::AttributeProto::INTS);
  for (const int64_t value : values) attribute.add_ints(value);
}

OnnxWriter::OnnxWriter(const ir::Graph& graph) : graph_(graph) {
  // Values keep their names: what is made beside them must not take one.
  for (ir::ValueId id = 0; id < graph.value_count(); ++id) names_.insert(graph.value(id).name);
}

std::string OnnxWriter::Fresh(const std::string& name) {
  std::string fresh = name;
  for (int suffix = 1; !names_.insert(fresh).second; ++suffix) {
    fresh = fmt::format("{}_{}", name, suffix);
  }
  return fresh;
}

std::string OnnxWriter::AddConstant(const std::string& name, const Tensor& tensor) {
  const std::string fresh = Fresh(name);
  TensorToOnnx(tensor, fresh, *model_.mutable_graph()->add_initializer());
  return fresh;
}

onnx::NodeProto& OnnxWriter::Add(const std::string& op_type, const std::string& name,
                                 const std::vector<std::string>& inputs,
                                 const std::string& output) {
  onnx::NodeProto& node = *model_.mutable_graph()->add_node();
  node.set_op_type(op_type);
  node.set_name(name);
  if (op_type == "Quant" || op_type == "BipolarQuant" || op_type == "MultiThreshold") {
    node.set_domain(kQonnxDomain);
  }
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(output);
  return node;
}

std::string OnnxWriter::Plain(ir::ValueId id) {
  const auto it = plain_.find(id);
  if (it != plain_.end()) return it->second;
  const ir::Value& value = graph_.value(id);
  if (value.constant != nullptr) {
    TensorToOnnx(*value.constant, value.name, *model_.mutable_graph()->add_initializer());
  } else {
    const std::string from = nchw_.at(id);
    SetInts(Add("Transpose", value.name + "/to_nhwc", {from}, value.name), "perm", {0, 2, 3, 1});
  }
  return plain_[id] = value.name;
}

std::string OnnxWriter::Nchw(ir::ValueId id) {
  const auto it = nchw_.find(id);
  if (it != nchw_.end()) return it->second;
  const ir::Value& value = graph_.value(id);
  if (value.constant != nullptr) {
    return nchw_[id] = AddConstant(value.name + "/nchw", value.constant->Transposed({0, 3, 1, 2}));
  }
  const std::string from = Plain(id);
  const std::string to = Fresh(value.name + "/nchw");
  SetInts(Add("Transpose", to, {from}, to), "perm", {0, 3, 1, 2});
  return nchw_[id] = to;
}

// Bit k of byte p is set where p / 2^(k + 1) has a fraction of 1/2 or more; if not, the fraction is
// at most 1/2 - 1/256. All of this is exact in f32.
std::string OnnxWriter::Signs(ir::ValueId id) {
  constexpr int64_t kBits = 8;
  constexpr float kBetween = 0.5F - 1.0F / 512;
  const ir::Value& value = graph_.value(id);
  const int64_t count = value.constant->size();
  if (count % kBits != 0) return Plain(id);
  std::string bytes(static_cast<size_t>(count / kBits), '\0');
  for (int64_t i = 0; i < count; ++i) {
    if (value.constant->At(i) < 0) continue;
    char& byte = bytes[static_cast<size_t>(i / kBits)];
    byte = static_cast<char>(byte | 1 << (i % kBits));
  }
  onnx::TensorProto& packed = *model_.mutable_graph()->add_initializer();
  packed.set_name(Fresh(value.name + "/signs"));
  packed.set_data_type(onnx::TensorProto::UINT8);
  packed.add_dims(count / kBits);
  packed.add_dims(1);
  packed.set_raw_data(std::move(bytes));

  const auto add = [&](const std::string& op, const std::vector<std::string>& inputs) {
    const std::string name = Fresh(value.name + "/" + op);
    return &Add(op, name, inputs, name);
  };
  const auto constant = [&](const std::string& name, const Tensor& tensor) {
    return AddConstant(value.name + "/" + name, tensor);
  };
  Tensor shares(DType::kF32, {1, kBits});
  for (int k = 0; k < kBits; ++k) shares.data<float>()[k] = std::ldexp(1.0F, -k - 1);
  onnx::NodeProto* cast = add("Cast", {packed.name()});
  SetInt(*cast, "to", onnx::TensorProto::FLOAT);
  const std::string at = add("Mul", {cast->output(0), constant("shares", shares)})->output(0);
  const std::string whole = add("Floor", {at})->output(0);
  const std::string fraction = add("Sub", {at, whole})->output(0);
  const std::string sign =
      add("Sub", {fraction, constant("between", Tensor::Of<float>({}, {kBetween}))})->output(0);
  const Tensor shape = Tensor::Of<int64_t>({static_cast<int64_t>(value.shape.size())}, value.shape);
  return add("Reshape", {sign, constant("shape", shape)})->output(0);
}

std::string OnnxWriter::PlainOutput(const ir::Node& node) {
  return plain_[node.outputs[0]] = graph_.value(node.outputs[0]).name;
}

std::string OnnxWriter::NchwOutput(const ir::Node& node) {
  return nchw_[node.outputs[0]] = Fresh(graph_.value(node.outputs[0]).name + "/nchw");
}

Result<onnx::ModelProto> OnnxWriter::Run() {
  model_.set_ir_version(kIrVersion);
  model_.set_producer_name("bluestem");
  auto* standard = model_.add_opset_import();
  standard->set_domain("");
  standard->set_version(kOpset);
  auto* qonnx = model_.add_opset_import();
  qonnx->set_domain(kQonnxDomain);
  qonnx->set_version(1);
  onnx::GraphProto& proto = *model_.mutable_graph();
  proto.set_name(graph_.name.empty() ? "bluestem" : graph_.name);
  for (const ir::ValueId id : graph_.inputs) {
    const ir::Value& value = graph_.value(id);
    if (value.dtype != DType::kF32) {
      return Error(Code::kUnsupported, "input \"{}\" is {}; ONNX export takes graphs of real ops",
                   value.name, DTypeName(value.dtype));
    }
    Describe(value, value.name, *proto.add_input());
    plain_[id] = value.name;
  }
  for (const ir::Node& node : graph_.nodes) {
    const OnnxOpWriter* found = nullptr;
    for (const OnnxOpWriter& row : OnnxOpWriters()) {
      if (node.op == row.op) found = &row;
    }
    if (found == nullptr) {
      return Error(Code::kUnsupported,
                   "node \"{}\" ({}) has no ONNX form; export the graph before the passes",
                   node.name, node.op);
    }
    BLUESTEM_RETURN_IF_ERROR(
        found->write(*this, node).At(fmt::format("node \"{}\" ({})", node.name, node.op)));
  }
  for (const ir::ValueId id : graph_.outputs) {
    Describe(graph_.value(id), Plain(id), *proto.add_output());
  }
  return std::move(model_);
}

Result<Bytes> ToOnnx(const ir::Graph& graph) {
  BLUESTEM_RETURN_IF_ERROR(ir::Verify(graph));
  BLUESTEM_ASSIGN_OR_RETURN(const onnx::ModelProto model, OnnxWriter(graph).Run());
  Bytes bytes(model.ByteSizeLong());
  if (!model.SerializeToArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Error(Code::kUnsupported, "the model has {} bytes; an ONNX file holds less than 2 GiB",
                 bytes.size());
  }
  return bytes;
}

}  // namespace bluestem::interchange
