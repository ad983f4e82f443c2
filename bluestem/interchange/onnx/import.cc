#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "bluestem/interchange/interchange.h"
#include "bluestem/interchange/onnx/context.h"
#include "bluestem/interchange/onnx/tensor.h"
#include "bluestem/ir/ops/ops.h"

namespace bluestem::interchange {
namespace {

constexpr int64_t kFirstOpset = 7;
constexpr int64_t kLastOpset = 20;
constexpr int kMaxNodes = 20000;
constexpr const char* kBatchKey = "bluestem.batch";  // of metadata_props

constexpr const char* kQonnxDomains[] = {"onnx.brevitas", "finn.custom_op.general",
                                         "qonnx.custom_op.general"};

// What to do instead, for ops that people meet.
struct Advice {
  const char* op_type;
  const char* text;
};

constexpr Advice kAdvice[] = {
    {"Im2Col", "export before FINN's lowering, with Conv nodes"},
    {"XnorPopcountMatMul", "export before FINN's lowering, with MatMul nodes"},
    {"FloatQuant", "export with Quant nodes: codes are integers here, not small floats"},
    {"Gelu", "use Relu"},
    {"If", "export the model with its control flow resolved"},
    {"Loop", "export the model with its control flow resolved"},
    {"QLinearConv", "export with QuantizeLinear and DequantizeLinear around float operators (QDQ)"},
    {"QLinearMatMul",
     "export with QuantizeLinear and DequantizeLinear around float operators (QDQ)"},
    {"ConvInteger", "export with QuantizeLinear and DequantizeLinear around float operators (QDQ)"},
    {"MatMulInteger",
     "export with QuantizeLinear and DequantizeLinear around float operators (QDQ)"},
    {"DynamicQuantizeLinear", "quantize statically: scales are constants"},
};

bool IsQonnx(const std::string& domain) {
  return std::any_of(std::begin(kQonnxDomains), std::end(kQonnxDomains),
                     [&](const char* known) { return domain == known; });
}

bool IsStandard(const std::string& domain) {
  return domain.empty() || domain == "ai.onnx";
}

std::vector<OnnxReader> ReadersOf(const std::string& domain) {
  std::vector<OnnxReader> readers;
  const auto add = [&](std::span<const OnnxReader> rows) {
    readers.insert(readers.end(), rows.begin(), rows.end());
  };
  if (IsQonnx(domain)) add(OnnxQuantReaders());
  if (!IsStandard(domain)) return readers;
  add(OnnxComputeReaders());
  add(OnnxElementwiseReaders());
  add(OnnxShapeReaders());
  add(OnnxSpatialReaders());
  add(OnnxComposedReaders());
  add(OnnxConvTransposeReaders());
  add(OnnxLinearQuantReaders());
  return readers;
}

Status Unsupported(const onnx::NodeProto& node) {
  const std::string domain =
      IsStandard(node.domain()) ? "" : fmt::format(" of domain \"{}\"", node.domain());
  for (const Advice& advice : kAdvice) {
    if (node.op_type() == advice.op_type) {
      return Error(Code::kUnsupported, "op \"{}\"{} is not supported: {}", node.op_type(), domain,
                   advice.text);
    }
  }
  std::vector<std::string> known;
  for (const std::string& where : {std::string(), std::string(kQonnxDomains[0])}) {
    for (const OnnxReader& reader : ReadersOf(where)) known.emplace_back(reader.op_type);
  }
  return Error(Code::kUnsupported, "op \"{}\"{} is not supported{}", node.op_type(), domain,
               NearestText(node.op_type(), known));
}

// QONNX's ops over maps with their channels last are ONNX's between transposes.
constexpr const char* kChannelsLastDomain = "qonnx.custom_op.channels_last";
constexpr const char* kChannelsLastOps[] = {"Conv", "MaxPool", "BatchNormalization"};

Status ReadNode(Builder& builder, const onnx::NodeProto& node, int64_t opset) {
  OnnxContext context(builder, node, opset);
  context.channels_last =
      node.domain() == kChannelsLastDomain &&
      std::any_of(std::begin(kChannelsLastOps), std::end(kChannelsLastOps),
                  [&](const char* op_type) { return node.op_type() == op_type; });
  for (const OnnxReader& reader : OnnxComputeReaders()) {
    if (context.channels_last && node.op_type() == reader.op_type) return reader.read(context);
  }
  for (const OnnxReader& reader : ReadersOf(node.domain())) {
    if (node.op_type() == reader.op_type) return reader.read(context);
  }
  return Unsupported(node);
}

// Returns the batch of the last entry that WithBatch made, or 1.
Result<int64_t> ToldBatch(const onnx::ModelProto& model) {
  int64_t batch = 1;
  for (const onnx::StringStringEntryProto& entry : model.metadata_props()) {
    if (entry.key() != kBatchKey) continue;
    const std::string& text = entry.value();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), batch);
    if (error != std::errc() || end != text.data() + text.size() || batch < 1 ||
        batch > kMostBatch) {
      return Error(Code::kInvalidData, "the metadata {} is \"{}\"; expected 1 to {}", kBatchKey,
                   text, kMostBatch);
    }
  }
  return batch;
}

class Importer {
 public:
  Importer(const onnx::ModelProto& model, int64_t batch) : model_(model), graph_(model.graph()) {
    builder_.batch = batch;
  }

  Result<ir::Graph> Run(const std::string& name) {
    builder_.graph.name = name;
    BLUESTEM_RETURN_IF_ERROR(ReadOpset());
    if (graph_.node_size() > kMaxNodes) {
      return Error(Code::kUnsupported, "the graph has {} nodes; at most {} are supported",
                   graph_.node_size(), kMaxNodes);
    }
    if (graph_.sparse_initializer_size() > 0) {
      return Error(Code::kUnsupported, "the model has sparse weights; save them dense");
    }
    BLUESTEM_RETURN_IF_ERROR(ReadInitializers());
    BLUESTEM_RETURN_IF_ERROR(ReadInputs());
    BLUESTEM_RETURN_IF_ERROR(ReadNodes());
    for (const auto& output : graph_.output()) {
      BLUESTEM_ASSIGN_OR_RETURN(const Symbol symbol, builder_.Find(output.name()));
      const ir::ValueId id = builder_.Use(symbol);
      auto& outputs = builder_.graph.outputs;
      const bool known = std::count(outputs.begin(), outputs.end(), id) != 0;
      if (!known || !builder_.IsRanked(output.name())) outputs.push_back(id);
    }
    return builder_.Finish();
  }

 private:
  Status ReadOpset() {
    for (const auto& import : model_.opset_import()) {
      if (IsStandard(import.domain())) opset_ = import.version();
    }
    if (opset_ >= kFirstOpset && opset_ <= kLastOpset) return OkStatus();
    if (opset_ == 0) return Error(Code::kInvalidData, "the model names no ONNX opset");
    return Error(Code::kUnsupported, "opset {}; {} to {} are supported: export with one of these",
                 opset_, kFirstOpset, kLastOpset);
  }

  Status ReadInitializers() {
    for (const onnx::TensorProto& proto : graph_.initializer()) {
      BLUESTEM_ASSIGN_OR_RETURN(Tensor tensor, TensorFromOnnx(proto));
      given_[proto.name()] = true;
      builder_.SetElementType(proto.name(), proto.data_type());
      BLUESTEM_RETURN_IF_ERROR(builder_.Bind(proto.name(), ConstantSymbol(std::move(tensor))));
    }
    return OkStatus();
  }

  // Reads an input's shape; the first axis becomes the batch.
  Result<Shape> InputShape(const onnx::ValueInfoProto& input) {
    if (!input.type().has_tensor_type() || !input.type().tensor_type().has_shape()) {
      return Error(Code::kUnsupported, "has no shape; export the model with fixed shapes");
    }
    const auto& type = input.type().tensor_type();
    if (type.elem_type() != onnx::TensorProto::FLOAT) {
      return Error(Code::kUnsupported, "has ONNX element type {}; only float (1) is supported",
                   type.elem_type());
    }
    Shape shape;
    for (const auto& dim : type.shape().dim()) {
      const bool fixed = dim.has_dim_value() && dim.dim_value() > 0;
      if (shape.empty()) {
        builder_.NoteBatch(input.name(), fixed ? fmt::format("{}", dim.dim_value()) : "dynamic");
        if (fixed) builder_.declared_batch = dim.dim_value();
        shape.push_back(builder_.batch);
      } else if (!fixed) {
        return Error(Code::kUnsupported,
                     "axis {} has no fixed extent (\"{}\"); only the batch may be open",
                     shape.size(), dim.dim_param());
      } else {
        shape.push_back(dim.dim_value());
      }
    }
    BLUESTEM_RETURN_IF_ERROR(ir::CheckShape(shape));
    return shape;
  }

  Status ReadInputs() {
    for (const auto& input : graph_.input()) {
      if (builder_.IsBound(input.name())) continue;  // an initializer, listed as older files do
      auto shape = InputShape(input);
      if (!shape.ok()) return shape.status().At(fmt::format("input \"{}\"", input.name()));
      given_[input.name()] = true;
      const ir::ValueId id =
          builder_.graph.AddInput(input.name(), DType::kF32, std::move(shape).value());
      BLUESTEM_RETURN_IF_ERROR(builder_.Bind(input.name(), Symbol{id, nullptr}));
    }
    if (builder_.graph.inputs.empty()) {
      return Error(Code::kInvalidData, "the model has no input that is not a constant");
    }
    return OkStatus();
  }

  Status ReadNodes() {
    std::vector<NodeNames> names;
    for (const onnx::NodeProto& node : graph_.node()) {
      names.push_back({!node.name().empty()     ? node.name()
                       : node.output_size() > 0 ? node.output(0)
                                                : node.op_type(),
                       {node.input().begin(), node.input().end()},
                       {node.output().begin(), node.output().end()}});
    }
    std::vector<std::string> outputs;
    for (const auto& output : graph_.output()) outputs.push_back(output.name());
    if (outputs.empty()) return Error(Code::kInvalidData, "the model has no output");
    for (const NodeNames& entry : names) builder_.MarkRead(entry.inputs);
    BLUESTEM_ASSIGN_OR_RETURN(const auto order, OrderNodes(names, given_, outputs));
    for (const size_t i : order) {
      const onnx::NodeProto& node = graph_.node(static_cast<int>(i));
      const Status status = ReadNode(builder_, node, opset_);
      if (!status.ok()) return AtNode(status, names[i].name, node.op_type());
    }
    return OkStatus();
  }

  const onnx::ModelProto& model_;
  const onnx::GraphProto& graph_;
  Builder builder_;
  std::map<std::string, bool> given_;
  int64_t opset_ = 0;
};

}  // namespace

Bytes WithBatch(const Bytes& onnx, int64_t batch) {
  onnx::ModelProto more;  // of two messages in a row protobuf reads the fields of both
  onnx::StringStringEntryProto& entry = *more.add_metadata_props();
  entry.set_key(kBatchKey);
  entry.set_value(fmt::format("{}", batch));
  const std::string text = more.SerializeAsString();
  Bytes bytes = onnx;
  bytes.insert(bytes.end(), text.begin(), text.end());
  return bytes;
}

Result<ir::Graph> ParseOnnx(const Bytes& bytes, const std::string& name, int64_t batch) {
  const google::protobuf::LogSilencer quiet;  // what is wrong is said below, once
  onnx::ModelProto model;
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max()) ||
      !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Error(Code::kInvalidData, "{}: not an ONNX model, or cut short ({} bytes)", name,
                 bytes.size());
  }
  if (!model.has_graph() || model.graph().node_size() == 0) {
    return Error(Code::kInvalidData, "{}: an ONNX model without nodes", name);
  }
  if (batch == 0) {
    const Result<int64_t> told = ToldBatch(model);
    if (!told.ok()) return told.status().At(name);
    batch = *told;
  }
  auto graph = Importer(model, batch).Run(name);
  if (!graph.ok()) return graph.status().At(name);
  if (graph->nodes.empty()) {
    return Error(Code::kInvalidData,
                 "{}: computes nothing: its outputs are inputs or constants, such as {}", name,
                 graph->outputs.empty() ? "none" : graph->value(graph->outputs[0]).name);
  }
  return graph;
}

Result<Tensor> ReadTensorProto(const Path& path) {
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path));
  const google::protobuf::LogSilencer quiet;  // what is wrong is said below, once
  onnx::TensorProto proto;
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max()) ||
      !proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Error(Code::kInvalidData, "{}: not an ONNX tensor, or cut short", path.string());
  }
  auto tensor = TensorFromOnnx(proto);
  if (!tensor.ok()) return tensor.status().At(path.string());
  return tensor;
}

}  // namespace bluestem::interchange
