#include "bluestem/interchange/onnx/tensor.h"

#include <cstring>

#include "bluestem/interchange/tensorflow/context.h"
#include "bluestem/ir/ops/ops.h"

namespace bluestem::interchange {
namespace {

// TensorFlow's numbers of the element types that frozen graphs of networks hold.
enum TensorFlowType : int32_t {
  kFloat = 1,
  kDouble = 2,
  kInt32 = 3,
  kUint8 = 4,
  kInt8 = 6,
  kInt64 = 9,
  kBool = 10,
  kHalf = 19
};

struct TypeRow {
  int32_t type;
  int64_t bytes;
  DType dtype;
};

constexpr TypeRow kTypes[] = {{kFloat, 4, DType::kF32}, {kDouble, 8, DType::kF32},
                              {kInt32, 4, DType::kS32}, {kUint8, 1, DType::kU8},
                              {kInt8, 1, DType::kS8},   {kInt64, 8, DType::kS64},
                              {kBool, 1, DType::kU8},   {kHalf, 2, DType::kF32}};

const TypeRow* FindType(int32_t type) {
  for (const TypeRow& row : kTypes) {
    if (row.type == type) return &row;
  }
  return nullptr;
}

Tensor FromContent(const TypeRow& row, const std::string& content, Shape shape) {
  Tensor tensor(row.dtype, std::move(shape));
  if (row.bytes == DTypeBytes(row.dtype)) {
    std::memcpy(tensor.raw(), content.data(), content.size());
    return tensor;
  }
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const char* at = content.data() + i * row.bytes;
    if (row.type == kDouble) {
      double value;
      std::memcpy(&value, at, sizeof(value));
      tensor.data<float>()[i] = static_cast<float>(value);
    } else {
      uint16_t half;
      std::memcpy(&half, at, sizeof(half));
      tensor.data<float>()[i] = HalfToFloat(half);
    }
  }
  return tensor;
}

// The typed fields may hold fewer elements than the shape: the last one repeats, and none is zero.
template <typename Field, typename Convert>
Result<Tensor> FromField(DType dtype, const Field& field, const Shape& shape, Convert convert) {
  const int64_t count = ElementCount(shape);
  if (field.size() > count || (field.size() < count && count > ir::kMaxRepeatedElements)) {
    return Error(Code::kInvalidData, "a constant of shape {} holds {} elements", ShapeText(shape),
                 field.size());
  }
  Tensor tensor(DType::kF64, shape);
  for (int64_t i = 0; i < count && field.size() > 0; ++i) {
    tensor.data<double>()[i] =
        static_cast<double>(convert(field.Get(std::min(static_cast<int>(i), field.size() - 1))));
  }
  return tensor.Cast(dtype);
}

constexpr auto kPlain = [](auto value) { return value; };

}  // namespace

Result<Tensor> TensorFromTensorFlow(const tensorflow::TensorProto& proto) {
  const TypeRow* row = FindType(proto.dtype());
  if (row == nullptr) {
    return Error(Code::kUnsupported,
                 "a constant of TensorFlow element type {}; expected floats, "
                 "integers or bool",
                 proto.dtype());
  }
  Shape shape;
  int64_t count = 1;
  for (const auto& dim : proto.tensor_shape().dim()) {
    const int64_t extent = dim.size();
    if (extent < 0 || extent >= ir::kMaxElements || count * extent >= ir::kMaxElements ||
        shape.size() >= static_cast<size_t>(ir::kMaxRank)) {
      return Error(Code::kInvalidData, "a constant claims an extent of {} after {}", extent,
                   ShapeText(shape));
    }
    count *= extent;
    shape.push_back(extent);
  }
  if (!proto.tensor_content().empty()) {
    if (static_cast<int64_t>(proto.tensor_content().size()) != count * row->bytes) {
      return Error(Code::kInvalidData, "a constant of shape {} needs {} bytes, but holds {}",
                   ShapeText(shape), count * row->bytes, proto.tensor_content().size());
    }
    return FromContent(*row, proto.tensor_content(), std::move(shape));
  }
  switch (row->type) {
    case kFloat: return FromField(row->dtype, proto.float_val(), shape, kPlain);
    case kDouble: return FromField(row->dtype, proto.double_val(), shape, kPlain);
    case kInt64: return FromField(row->dtype, proto.int64_val(), shape, kPlain);
    case kBool: return FromField(row->dtype, proto.bool_val(), shape, kPlain);
    case kHalf:
      return FromField(row->dtype, proto.half_val(), shape,
                       [](int32_t bits) { return HalfToFloat(static_cast<uint16_t>(bits)); });
    case kUint8:
      return FromField(row->dtype, proto.int_val(), shape,
                       [](int32_t value) { return static_cast<uint8_t>(value); });
    case kInt8:
      return FromField(row->dtype, proto.int_val(), shape,
                       [](int32_t value) { return static_cast<int8_t>(value); });
    default: return FromField(row->dtype, proto.int_val(), shape, kPlain);
  }
}

}  // namespace bluestem::interchange
