// Model: an ONNX file made node by node, for tests of what is read from it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bluestem/interchange/interchange.h"
#include "onnx/onnx.pb.h"
#include "tests/interchange/parsed.h"

namespace bluestem::interchange {

// Builds a model of one input "x" and one output "y".
class Model {
 public:
  explicit Model(const Shape& input, int64_t opset = 13) {
    model_.set_ir_version(7);
    model_.add_opset_import()->set_version(opset);
    auto& x = *model_.mutable_graph()->add_input();
    x.set_name("x");
    auto& type = *x.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    for (const int64_t extent : input) {
      auto& dim = *type.mutable_shape()->add_dim();
      if (extent < 0) {
        dim.set_dim_param("N");
      } else {
        dim.set_dim_value(extent);
      }
    }
    model_.mutable_graph()->add_output()->set_name("y");
  }

  onnx::NodeProto& Node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs = {"y"}) {
    onnx::NodeProto& node = *model_.mutable_graph()->add_node();
    node.set_op_type(op);
    node.set_name("the_" + op);
    for (const auto& input : inputs) node.add_input(input);
    for (const auto& output : outputs) node.add_output(output);
    return node;
  }

  Model& Floats(const std::string& name, const Shape& shape, const std::vector<float>& values) {
    onnx::TensorProto& tensor = *model_.mutable_graph()->add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    for (const int64_t extent : shape) tensor.add_dims(extent);
    for (const float value : values) tensor.add_float_data(value);
    return *this;
  }

  Model& Ints(const std::string& name, const std::vector<int64_t>& values) {
    onnx::TensorProto& tensor = *model_.mutable_graph()->add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::INT64);
    tensor.add_dims(static_cast<int64_t>(values.size()));
    for (const int64_t value : values) tensor.add_int64_data(value);
    return *this;
  }

  onnx::ModelProto& proto() { return model_; }

  Bytes Serialized() const {
    const std::string bytes = model_.SerializeAsString();
    return Bytes(bytes.begin(), bytes.end());
  }
  Result<ir::Graph> Parse(int64_t batch = 0) const {
    return ParseOnnx(Serialized(), "test.onnx", batch);
  }

  std::vector<double> Run(const std::vector<float>& x) const { return FirstOutput(Parse(), x); }
  std::string Refusal() const { return RefusalOf(Parse()); }

 private:
  onnx::ModelProto model_;
};

inline void SetInts(onnx::NodeProto& node, const std::string& name,
                    const std::vector<int64_t>& values) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INTS);
  for (const int64_t value : values) attribute.add_ints(value);
}

inline void SetInt(onnx::NodeProto& node, const std::string& name, int64_t value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
}

inline void SetFloat(onnx::NodeProto& node, const std::string& name, float value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::FLOAT);
  attribute.set_f(value);
}

inline void SetText(onnx::NodeProto& node, const std::string& name, const std::string& value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::STRING);
  attribute.set_s(value);
}

using Values = std::vector<double>;

}  // namespace bluestem::interchange
