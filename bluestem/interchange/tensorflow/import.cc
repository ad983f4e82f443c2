#include <google/protobuf/stubs/logging.h>

#include <limits>
#include <set>

#include "bluestem/interchange/interchange.h"
#include "bluestem/interchange/tensorflow/context.h"
#include "bluestem/ir/ops/ops.h"

namespace bluestem::interchange {
namespace {

constexpr int kMaxNodes = 20000;
constexpr int kMaxOutputs = 64;  // of one node

std::vector<TensorFlowReader> AllReaders() {
  std::vector<TensorFlowReader> readers;
  for (const auto& rows : {TensorFlowComputeReaders(), TensorFlowElementwiseReaders(),
                           TensorFlowShapeReaders(), TensorFlowQuantReaders()}) {
    readers.insert(readers.end(), rows.begin(), rows.end());
  }
  return readers;
}

Status Unsupported(const std::string& op, const std::vector<TensorFlowReader>& readers) {
  std::vector<std::string> known;
  for (const TensorFlowReader& reader : readers) known.emplace_back(reader.op);
  return Error(Code::kUnsupported, "op \"{}\" is not supported{}", op, NearestText(op, known));
}

class Importer {
 public:
  Importer(const tensorflow::GraphDef& graph, int64_t batch)
      : graph_(graph), readers_(AllReaders()) {
    builder_.batch = batch;
  }

  Result<ir::Graph> Run(const std::string& name) {
    builder_.graph.name = name;
    if (graph_.node_size() > kMaxNodes) {
      return Error(Code::kUnsupported, "the graph has {} nodes; at most {} are supported",
                   graph_.node_size(), kMaxNodes);
    }
    BLUESTEM_ASSIGN_OR_RETURN(const auto order, Order());
    for (const size_t i : order) {
      const tensorflow::NodeDef& node = graph_.node(static_cast<int>(i));
      const Status status = ReadNode(node);
      if (!status.ok()) return AtNode(status, node.name(), node.op());
    }
    for (const std::string& output : outputs_) {
      BLUESTEM_ASSIGN_OR_RETURN(const Symbol symbol, builder_.Find(output));
      builder_.graph.outputs.push_back(builder_.Use(symbol));
    }
    if (builder_.graph.inputs.empty()) {
      return Error(Code::kInvalidData, "the graph has no Placeholder that its output needs");
    }
    return builder_.Finish();
  }

 private:
  // Finds the outputs, the node "output" or else those that no node reads, and orders what they
  // need.
  Result<std::vector<size_t>> Order() {
    std::vector<NodeNames> names;
    std::set<std::string> read;
    bool has_output = false;
    for (const tensorflow::NodeDef& node : graph_.node()) {
      NodeNames entry{node.name(), {}, {}};
      for (const std::string& input : node.input()) {
        if (input.empty() || input[0] == '^') continue;
        entry.inputs.push_back(TensorName(input));
        read.insert(input.substr(0, input.find(':')));
      }
      BLUESTEM_ASSIGN_OR_RETURN(const int outputs, OutputCount(node));
      for (int i = 0; i < outputs; ++i) {
        entry.outputs.push_back(fmt::format("{}:{}", node.name(), i));
      }
      has_output = has_output || node.name() == "output";
      names.push_back(std::move(entry));
    }
    for (int i = 0; i < graph_.node_size(); ++i) {
      // An Identity that nothing reads is a name of what it reads, not a reader.
      const tensorflow::NodeDef& node = graph_.node(i);
      const bool name_only = node.op() == "Identity" && read.count(node.name()) == 0;
      if (!name_only) builder_.MarkRead(names[static_cast<size_t>(i)].inputs);
    }
    for (const tensorflow::NodeDef& node : graph_.node()) {
      const bool loose = read.count(node.name()) == 0 && node.op() != "Const" &&
                         node.op() != "Placeholder" && node.op() != "NoOp";
      if (has_output ? node.name() == "output" : loose) outputs_.push_back(node.name() + ":0");
    }
    if (outputs_.empty()) return Error(Code::kInvalidData, "the graph has no output node");
    return OrderNodes(names, {}, outputs_);
  }

  // Nodes of several outputs that are read: Split and SplitV. Batch normalizations declare more,
  // which nothing may read.
  static Result<int> OutputCount(const tensorflow::NodeDef& node) {
    const auto it = node.attr().find("num_split");
    if (it == node.attr().end()) return 1;
    if (it->second.i() >= 1 && it->second.i() <= kMaxOutputs)
      return static_cast<int>(it->second.i());
    return Error(Code::kUnsupported, "node \"{}\" splits into {} parts; 1 to {} are supported",
                 node.name(), it->second.i(), kMaxOutputs);
  }

  Status ReadNode(const tensorflow::NodeDef& node) {
    TensorFlowContext context(builder_, node);
    if (node.op() == "Placeholder") return ReadPlaceholder(context);
    if (node.op() == "Const") return ReadConst(context);
    for (const TensorFlowReader& reader : readers_) {
      if (node.op() == reader.op) return reader.read(context);
    }
    return Unsupported(node.op(), readers_);
  }

  static Status ReadConst(TensorFlowContext& context) {
    const auto it = context.node.attr().find("value");
    if (it == context.node.attr().end() || !it->second.has_tensor()) {
      return Error(Code::kInvalidData, "has no value");
    }
    BLUESTEM_ASSIGN_OR_RETURN(Tensor tensor, TensorFromTensorFlow(it->second.tensor()));
    return context.Set(ConstantSymbol(std::move(tensor)));
  }

  Status ReadPlaceholder(TensorFlowContext& context) {
    const auto it = context.node.attr().find("shape");
    if (it == context.node.attr().end() || !it->second.has_shape() ||
        it->second.shape().unknown_rank()) {
      return Error(Code::kUnsupported, "has no shape; freeze the graph with a fixed input shape");
    }
    const auto type = context.node.attr().find("dtype");
    if (type != context.node.attr().end() && type->second.type() != 1) {
      return Error(Code::kUnsupported,
                   "has TensorFlow element type {}; only float (1) is supported",
                   type->second.type());
    }
    Shape shape;
    for (const auto& dim : it->second.shape().dim()) {
      if (shape.empty()) {
        builder_.NoteBatch(context.name(),
                           dim.size() > 0 ? fmt::format("{}", dim.size()) : "dynamic");
        builder_.declared_batch = std::max<int64_t>(dim.size(), 1);
        shape.push_back(builder_.batch);
        continue;
      }
      if (dim.size() < 1) {
        return Error(Code::kUnsupported, "axis {} has no fixed extent; only the batch may be open",
                     shape.size());
      }
      shape.push_back(dim.size());
    }
    BLUESTEM_RETURN_IF_ERROR(ir::CheckShape(shape));
    return context.Set(
        Symbol{builder_.graph.AddInput(context.name(), DType::kF32, std::move(shape)), nullptr});
  }

  const tensorflow::GraphDef& graph_;
  const std::vector<TensorFlowReader> readers_;
  Builder builder_;
  std::vector<std::string> outputs_;
};

}  // namespace

Result<ir::Graph> ParseTensorFlow(const Bytes& bytes, const std::string& name, int64_t batch) {
  const google::protobuf::LogSilencer quiet;  // what is wrong is said below, once
  tensorflow::GraphDef graph;
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max()) ||
      !graph.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Error(Code::kInvalidData, "{}: not a TensorFlow graph, or cut short ({} bytes)", name,
                 bytes.size());
  }
  if (graph.node_size() == 0) {
    return Error(Code::kInvalidData, "{}: a TensorFlow graph without nodes", name);
  }
  auto result = Importer(graph, std::max<int64_t>(batch, 1)).Run(name);
  if (!result.ok()) return result.status().At(name);
  return result;
}

}  // namespace bluestem::interchange
