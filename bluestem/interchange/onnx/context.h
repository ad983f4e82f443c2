// What the reader of one ONNX node sees, and the table of readers. Internal to interchange/onnx.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bluestem/interchange/builder.h"
#include "onnx/onnx.pb.h"

namespace bluestem::interchange {

class OnnxContext {
 public:
  OnnxContext(Builder& graph_builder, const onnx::NodeProto& node_proto, int64_t opset_version);

  Builder& builder;
  const onnx::NodeProto& node;
  const int64_t opset;
  std::string name;            // the node's, or its first output's where it has none
  bool channels_last = false;  // input 0, weights and output 0 are [n,...,c]: turned on the way

  bool Has(int i) const { return i < node.input_size() && !node.input(i).empty(); }
  // Errors: kInvalidData where the input is missing or unknown.
  Result<Symbol> In(int i) const;
  // Returns the input, or an absent symbol.
  Result<Symbol> OptionalIn(int i) const;
  // Binds an output of the node.
  Status Set(Symbol symbol, int output = 0);
  Status Set(Result<Symbol> symbol, int output = 0);
  // Notes that outputs from `first` on (masks, indices) are not made; a node that reads one is then
  // refused by name.
  void LeaveOutputs(int first) const;

  // Attributes; a wrong type is kInvalidData.
  bool HasAttribute(const std::string& key) const { return Find(key) != nullptr; }
  Result<int64_t> Int(const std::string& key, int64_t otherwise) const;
  Result<double> Float(const std::string& key, double otherwise) const;
  Result<std::string> Text(const std::string& key, const std::string& otherwise) const;
  Result<std::vector<int64_t>> Ints(const std::string& key, std::vector<int64_t> otherwise) const;
  // Returns the list from the attribute `key` (older opsets) or the constant input `i` (newer
  // ones); absent: empty.
  Result<std::vector<int64_t>> IntsOrInput(const std::string& key, int i) const;

 private:
  const onnx::AttributeProto* Find(const std::string& key) const;
};

struct OnnxReader {
  const char* op_type;
  Status (*read)(OnnxContext& context);
};

// The readers by family; import.cc joins them.
std::span<const OnnxReader> OnnxComputeReaders();      // convolutions, pools, norms: compute.cc
std::span<const OnnxReader> OnnxElementwiseReaders();  // elementwise.cc
std::span<const OnnxReader> OnnxShapeReaders();    // rearrangements and shape arithmetic: shape.cc
std::span<const OnnxReader> OnnxSpatialReaders();  // resize, blocks, reductions: spatial.cc
std::span<const OnnxReader> OnnxConvTransposeReaders();  // conv_transpose.cc
std::span<const OnnxReader> OnnxComposedReaders();       // several ops in one: composed.cc
std::span<const OnnxReader> OnnxLinearQuantReaders();    // ONNX's own quantizers: linear_quant.cc
std::span<const OnnxReader> OnnxQuantReaders();          // the QONNX domains: quant.cc

}  // namespace bluestem::interchange
