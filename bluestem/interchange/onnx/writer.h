// Writes nodes of the IR as ONNX nodes, keeping track of the layout in which each value stands in
// the file. Internal to interchange/onnx.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "bluestem/ir/graph.h"
#include "onnx/onnx.pb.h"

namespace bluestem::interchange {

class OnnxWriter {
 public:
  explicit OnnxWriter(const ir::Graph& graph);

  Result<onnx::ModelProto> Run();

  const ir::Graph& graph() const { return graph_; }
  // Returns the name of a value as the IR has it; writes its constant, or the transpose back, on
  // first use.
  std::string Plain(ir::ValueId id);
  // Returns the name of an NHWC value (or OHWI weights) as NCHW (OIHW); writes a transpose on first
  // use.
  std::string Nchw(ir::ValueId id);
  // Returns the name of a value that has the signs of a constant, which BinaryQuant reads: they
  // stand 8 to a byte, and standard ops that any reader folds spread them. (The constant itself
  // where its count is no multiple of 8.)
  std::string Signs(ir::ValueId id);
  // Whether the value stands in the file as NCHW only.
  bool IsNchwOnly(ir::ValueId id) const { return nchw_.count(id) != 0 && plain_.count(id) == 0; }
  // Returns a name for the node's output, which stands as the IR has it, or as NCHW of it.
  std::string PlainOutput(const ir::Node& node);
  std::string NchwOutput(const ir::Node& node);

  // Adds a node that makes `output`.
  onnx::NodeProto& Add(const std::string& op_type, const std::string& name,
                       const std::vector<std::string>& inputs, const std::string& output);
  // Adds a constant beside a node and returns its name.
  std::string AddConstant(const std::string& name, const Tensor& tensor);

 private:
  std::string Fresh(const std::string& name);

  const ir::Graph& graph_;
  onnx::ModelProto model_;
  std::map<ir::ValueId, std::string> plain_;
  std::map<ir::ValueId, std::string> nchw_;
  std::set<std::string> names_;
};

// Attributes of an ONNX node.
void SetInt(onnx::NodeProto& node, const std::string& key, int64_t value);
void SetFloat(onnx::NodeProto& node, const std::string& key, double value);
void SetText(onnx::NodeProto& node, const std::string& key, const std::string& value);
void SetInts(onnx::NodeProto& node, const std::string& key, const std::vector<int64_t>& values);

struct OnnxOpWriter {
  const char* op;
  Status (*write)(OnnxWriter& writer, const ir::Node& node);
};

// The writers of all ops that ONNX can say: export_ops.cc.
std::span<const OnnxOpWriter> OnnxOpWriters();

}  // namespace bluestem::interchange
