// What the reader of one TensorFlow node sees, and the table of readers. Internal to
// interchange/tensorflow.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bluestem/interchange/builder.h"
#include "bluestem/interchange/graphdef.pb.h"

namespace bluestem::interchange {

class TensorFlowContext {
 public:
  TensorFlowContext(Builder& graph_builder, const tensorflow::NodeDef& node_def);

  Builder& builder;
  const tensorflow::NodeDef& node;

  const std::string& name() const { return node.name(); }
  // Number of data inputs (control inputs, "^name", come last and order nothing here).
  int InputCount() const { return static_cast<int>(inputs_.size()); }
  Result<Symbol> In(int i) const;
  // Binds output `output` of the node.
  Status Set(Result<Symbol> symbol, int output = 0);

  // Attributes; a wrong type is kInvalidData.
  bool HasAttribute(const std::string& key) const { return node.attr().count(key) != 0; }
  Result<int64_t> Int(const std::string& key, int64_t otherwise) const;
  Result<double> Float(const std::string& key, double otherwise) const;
  Result<bool> Bool(const std::string& key, bool otherwise) const;
  Result<std::string> Text(const std::string& key, const std::string& otherwise) const;
  Result<std::vector<int64_t>> Ints(const std::string& key, std::vector<int64_t> otherwise) const;
  // Errors: kUnsupported unless data_format is NHWC.
  Status NeedNhwc() const;

 private:
  Result<const tensorflow::AttrValue*> Find(const std::string& key,
                                            tensorflow::AttrValue::ValueCase kind) const;
  std::vector<std::string> inputs_;
};

struct TensorFlowReader {
  const char* op;
  Status (*read)(TensorFlowContext& context);
};

std::span<const TensorFlowReader> TensorFlowComputeReaders();      // compute.cc
std::span<const TensorFlowReader> TensorFlowElementwiseReaders();  // elementwise.cc
std::span<const TensorFlowReader> TensorFlowShapeReaders();        // shape.cc
std::span<const TensorFlowReader> TensorFlowQuantReaders();        // quant.cc: Blueoil's quantizers

// Returns "name:output", the name under which a tensor is bound; "name" and "name:0" are the same.
std::string TensorName(const std::string& input);
// Returns the tensor; half and double become f32. Errors: as TensorFromOnnx.
Result<Tensor> TensorFromTensorFlow(const tensorflow::TensorProto& proto);

}  // namespace bluestem::interchange
