#include "bench/peers/onnx_models.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "bluestem/base/check.h"
#include "onnx/onnx.pb.h"

namespace bluestem::bench {
namespace {

using onnx::TensorProto;

class ModelBuilder {
 public:
  ModelBuilder() {
    constexpr int64_t kIrVersion = 8;
    constexpr int64_t kOpset = 13;
    model_.set_ir_version(kIrVersion);
    model_.add_opset_import()->set_version(kOpset);
    model_.mutable_graph()->set_name("bench");
  }

  // Adds the input "x". What functions here take and return is u8 and NHWC.
  std::string Input(int64_t c, int64_t size) {
    Describe(*model_.mutable_graph()->add_input(), "x", TensorProto::UINT8, {1, size, size, c});
    return "x";
  }

  std::string Conv(const std::string& x, const ConvShape& s, bool relu) {
    const Int8Conv conv = MakeInt8Conv(s, relu);
    const std::vector<float> scales(static_cast<size_t>(s.co), conv.w_scale);
    const std::vector<float> bias_scales(static_cast<size_t>(s.co), conv.w_scale * conv.x_scale);
    const std::string w =
        Add("DequantizeLinear",
            {Constant(TensorProto::INT8, {s.co, s.ci, s.kernel, s.kernel}, conv.w),
             Constant(TensorProto::FLOAT, {s.co}, scales),
             Constant(TensorProto::INT8, {s.co}, std::vector<int8_t>(static_cast<size_t>(s.co)))});
    SetInt("axis", 0);
    const std::string bias =
        Add("DequantizeLinear", {Constant(TensorProto::INT32, {s.co}, conv.bias),
                                 Constant(TensorProto::FLOAT, {s.co}, bias_scales)});
    SetInt("axis", 0);
    std::string y = Dequantize(Transpose(x, {0, 3, 1, 2}), conv.x_scale, 0);
    y = Add("Conv", {y, w, bias});
    SetInts("kernel_shape", {s.kernel, s.kernel});
    SetInts("strides", {s.stride, s.stride});
    const int begin = s.kernel / 2;
    const int end = (s.size / s.stride - 1) * s.stride + s.kernel - s.size - begin;
    SetInts("pads", {begin, begin, end, end});
    if (relu) y = Add("Relu", {y});
    y = Add("QuantizeLinear", {y, Scalar(conv.y_scale), Zero(conv.y_zero)});
    return Transpose(y, {0, 2, 3, 1});
  }

  // Space to depth 2 of c channels. (ONNX's own operator has no u8 in ONNX Runtime.)
  std::string SpaceToDepth(const std::string& x, int64_t c, int64_t size) {
    const int64_t half = size / 2;
    const std::string rows = Reshape(x, {1, half, 2, half, 2 * c});
    return Reshape(Transpose(rows, {0, 1, 3, 2, 4}), {1, half, half, 4 * c});
  }

  // The mean of the pixels of c channels, and its softmax.
  std::string Scores(const std::string& x, float scale, int32_t zero) {
    const std::string real = Dequantize(Transpose(x, {0, 3, 1, 2}), scale, zero);
    const std::string scores = Add("Softmax", {Add("GlobalAveragePool", {real})});
    SetInt("axis", 1);
    return scores;
  }

  // Makes what the last node made the output "y", of this type and shape.
  std::string Finish(TensorProto::DataType type, const std::vector<int64_t>& shape) {
    onnx::GraphProto& graph = *model_.mutable_graph();
    graph.mutable_node(graph.node_size() - 1)->set_output(0, "y");
    Describe(*graph.add_output(), "y", type, shape);
    return model_.SerializeAsString();
  }

 private:
  static void Describe(onnx::ValueInfoProto& value, const std::string& name,
                       TensorProto::DataType type, const std::vector<int64_t>& shape) {
    value.set_name(name);
    onnx::TypeProto::Tensor& tensor = *value.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    for (const int64_t extent : shape) tensor.mutable_shape()->add_dim()->set_dim_value(extent);
  }

  std::string Add(const std::string& op, const std::vector<std::string>& inputs) {
    node_ = model_.mutable_graph()->add_node();
    node_->set_op_type(op);
    for (const std::string& input : inputs) node_->add_input(input);
    const std::string output = Fresh();
    node_->set_name(output);
    node_->add_output(output);
    return output;
  }
  // Attributes of the last node.
  void SetInt(const std::string& name, int64_t value) {
    onnx::AttributeProto& attribute = *node_->add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(value);
  }
  void SetInts(const std::string& name, const std::vector<int64_t>& values) {
    onnx::AttributeProto& attribute = *node_->add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INTS);
    for (const int64_t value : values) attribute.add_ints(value);
  }

  template <typename T>
  std::string Constant(TensorProto::DataType type, const std::vector<int64_t>& shape,
                       const std::vector<T>& values) {
    TensorProto& tensor = *model_.mutable_graph()->add_initializer();
    tensor.set_name(Fresh());
    tensor.set_data_type(type);
    for (const int64_t extent : shape) tensor.add_dims(extent);
    tensor.set_raw_data(values.data(), values.size() * sizeof(T));
    return tensor.name();
  }
  std::string Scalar(float value) {
    return Constant(TensorProto::FLOAT, {}, std::vector<float>{value});
  }
  std::string Zero(int32_t value) {
    return Constant(TensorProto::UINT8, {}, std::vector<uint8_t>{static_cast<uint8_t>(value)});
  }
  std::string Dequantize(const std::string& x, float scale, int32_t zero) {
    return Add("DequantizeLinear", {x, Scalar(scale), Zero(zero)});
  }
  std::string Reshape(const std::string& x, const std::vector<int64_t>& shape) {
    const int64_t rank = static_cast<int64_t>(shape.size());
    return Add("Reshape", {x, Constant(TensorProto::INT64, {rank}, shape)});
  }
  std::string Transpose(const std::string& x, const std::vector<int64_t>& order) {
    const std::string y = Add("Transpose", {x});
    SetInts("perm", order);
    return y;
  }
  std::string Fresh() { return "v" + std::to_string(count_++); }

  onnx::ModelProto model_;
  onnx::NodeProto* node_ = nullptr;
  int count_ = 0;
};

}  // namespace

Int8Conv MakeInt8Conv(const ConvShape& s, bool relu) {
  std::mt19937 random(1);
  const auto draw = [&random](int32_t most) {
    return static_cast<int32_t>(random() % static_cast<uint32_t>(2 * most + 1)) - most;
  };
  Int8Conv conv;
  const size_t terms = static_cast<size_t>(s.ci) * s.kernel * s.kernel;
  conv.w.resize(terms * s.co);
  for (int8_t& w : conv.w) w = static_cast<int8_t>(draw(63));
  conv.bias.resize(static_cast<size_t>(s.co));
  for (int32_t& bias : conv.bias) bias = draw(500);
  conv.x_scale = 0.02f;
  conv.w_scale = 0.01f;
  // A sum is some 37 * 60 * sqrt(terms) from zero, for inputs below 100: let it be 30 codes.
  conv.y_scale = conv.x_scale * conv.w_scale * std::sqrt(static_cast<float>(terms)) * 37 * 60 / 30;
  conv.y_zero = relu ? 0 : 128;
  return conv;
}

std::string OnnxConvModel(const ConvShape& shape) {
  ModelBuilder model;
  model.Conv(model.Input(shape.ci, shape.size), shape, true);
  const int64_t out = shape.size / shape.stride;
  return model.Finish(TensorProto::UINT8, {1, out, out, shape.co});
}

std::string OnnxLmnetModel() {
  ModelBuilder model;
  const auto block = [&model](const std::string& x, int size, int ci, int co, int kernel) {
    return model.Conv(x, {"", size, ci, co, kernel, 1}, true);
  };
  std::string x = block(model.Input(3, 32), 32, 3, 32, 3);
  x = model.SpaceToDepth(block(x, 32, 32, 64, 3), 64, 32);
  x = block(x, 16, 256, 128, 3);
  x = model.SpaceToDepth(block(x, 16, 128, 64, 3), 64, 16);
  x = model.SpaceToDepth(block(x, 8, 256, 128, 3), 128, 8);
  x = block(x, 4, 512, 64, 1);
  const ConvShape last = {"", 4, 64, 10, 1, 1};
  const Int8Conv numbers = MakeInt8Conv(last, false);
  model.Scores(model.Conv(x, last, false), numbers.y_scale, numbers.y_zero);
  return model.Finish(TensorProto::FLOAT, {1, 10, 1, 1});
}

std::string OnnxOperators(const std::string& bytes) {
  onnx::ModelProto model;
  BLUESTEM_CHECK(model.ParseFromString(bytes), "not a ModelProto");
  std::vector<std::pair<std::string, int>> counts;  // in the order of appearance
  for (const onnx::NodeProto& node : model.graph().node()) {
    const auto known = std::find_if(counts.begin(), counts.end(), [&node](const auto& count) {
      return count.first == node.op_type();
    });
    if (known == counts.end()) {
      counts.emplace_back(node.op_type(), 1);
    } else {
      ++known->second;
    }
  }
  std::string text;
  for (const auto& [op, count] : counts) {
    text += (text.empty() ? "" : ", ") + op + " " + std::to_string(count);
  }
  return text;
}

}  // namespace bluestem::bench
