#include "bluestem/interchange/onnx/tensor.h"

#include <cmath>
#include <cstring>

#include "bluestem/ir/ops/ops.h"

namespace bluestem::interchange {
namespace {

using onnx::TensorProto;

// How elements lie in raw data, and what they become here.
struct TypeRow {
  int32_t type;
  int64_t raw_bytes;
  DType dtype;
};

constexpr TypeRow kTypes[] = {
    {TensorProto::FLOAT, 4, DType::kF32},   {TensorProto::DOUBLE, 8, DType::kF32},
    {TensorProto::FLOAT16, 2, DType::kF32}, {TensorProto::BFLOAT16, 2, DType::kF32},
    {TensorProto::UINT8, 1, DType::kU8},    {TensorProto::INT8, 1, DType::kS8},
    {TensorProto::BOOL, 1, DType::kU8},     {TensorProto::INT16, 2, DType::kS32},
    {TensorProto::UINT16, 2, DType::kS32},  {TensorProto::INT32, 4, DType::kS32},
    {TensorProto::UINT32, 4, DType::kS64},  {TensorProto::INT64, 8, DType::kS64},
};

const TypeRow* FindType(int32_t type) {
  for (const TypeRow& row : kTypes) {
    if (row.type == type) return &row;
  }
  return nullptr;
}

Result<Shape> ShapeFrom(const TensorProto& proto) {
  Shape shape(proto.dims().begin(), proto.dims().end());
  int64_t count = 1;
  for (const int64_t extent : shape) {
    if (extent < 0 || extent >= ir::kMaxElements || count * extent >= ir::kMaxElements) {
      return Error(Code::kInvalidData, "tensor \"{}\" claims the shape {}", proto.name(),
                   ShapeText(shape));
    }
    count *= extent;
  }
  return shape;
}

template <typename From>
From Load(const char* at) {
  From value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

float BFloatToFloat(uint16_t bits) {
  const uint32_t wide = uint32_t{bits} << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

// Writes element `i` of a tensor from its little-endian raw bytes.
void StoreRaw(int32_t type, const char* at, int64_t i, Tensor& tensor) {
  switch (type) {
    case TensorProto::FLOAT: tensor.data<float>()[i] = Load<float>(at); break;
    case TensorProto::DOUBLE: tensor.data<float>()[i] = static_cast<float>(Load<double>(at)); break;
    case TensorProto::FLOAT16: tensor.data<float>()[i] = HalfToFloat(Load<uint16_t>(at)); break;
    case TensorProto::BFLOAT16: tensor.data<float>()[i] = BFloatToFloat(Load<uint16_t>(at)); break;
    case TensorProto::UINT8: tensor.data<uint8_t>()[i] = Load<uint8_t>(at); break;
    case TensorProto::BOOL: tensor.data<uint8_t>()[i] = Load<uint8_t>(at) != 0; break;
    case TensorProto::INT8: tensor.data<int8_t>()[i] = Load<int8_t>(at); break;
    case TensorProto::INT16: tensor.data<int32_t>()[i] = Load<int16_t>(at); break;
    case TensorProto::UINT16: tensor.data<int32_t>()[i] = Load<uint16_t>(at); break;
    case TensorProto::INT32: tensor.data<int32_t>()[i] = Load<int32_t>(at); break;
    case TensorProto::UINT32: tensor.data<int64_t>()[i] = Load<uint32_t>(at); break;
    default: tensor.data<int64_t>()[i] = Load<int64_t>(at); break;
  }
}

// Fills a tensor from one of the typed fields. Narrow types lie in int32_data, one entry an
// element.
template <typename Field, typename Convert>
Status FillTyped(const TensorProto& proto, const Field& field, Tensor& tensor, Convert convert) {
  if (field.size() != tensor.size()) {
    return Error(Code::kInvalidData, "tensor \"{}\" of shape {} holds {} elements", proto.name(),
                 ShapeText(tensor.shape()), field.size());
  }
  for (int64_t i = 0; i < tensor.size(); ++i) convert(i, field.Get(static_cast<int>(i)));
  return OkStatus();
}

int64_t TypedCount(const TensorProto& proto) {
  switch (proto.data_type()) {
    case TensorProto::FLOAT: return proto.float_data_size();
    case TensorProto::DOUBLE: return proto.double_data_size();
    case TensorProto::INT64: return proto.int64_data_size();
    case TensorProto::UINT32: return proto.uint64_data_size();
    default: return proto.int32_data_size();
  }
}

Status FillFromTyped(const TensorProto& proto, Tensor& tensor) {
  switch (proto.data_type()) {
    case TensorProto::FLOAT:
      return FillTyped(proto, proto.float_data(), tensor,
                       [&](int64_t i, float v) { tensor.data<float>()[i] = v; });
    case TensorProto::DOUBLE:
      return FillTyped(proto, proto.double_data(), tensor, [&](int64_t i, double v) {
        tensor.data<float>()[i] = static_cast<float>(v);
      });
    case TensorProto::INT64:
      return FillTyped(proto, proto.int64_data(), tensor,
                       [&](int64_t i, int64_t v) { tensor.data<int64_t>()[i] = v; });
    case TensorProto::UINT32:
      return FillTyped(proto, proto.uint64_data(), tensor, [&](int64_t i, uint64_t v) {
        tensor.data<int64_t>()[i] = static_cast<uint32_t>(v);
      });
    default:
      return FillTyped(proto, proto.int32_data(), tensor, [&](int64_t i, int32_t v) {
        char bytes[sizeof(v)];
        std::memcpy(bytes, &v, sizeof(v));
        StoreRaw(proto.data_type(), bytes, i, tensor);
      });
  }
}

}  // namespace

float HalfToFloat(uint16_t bits) {
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  const int exponent = bits >> 10 & 31;
  const int mantissa = bits & 1023;
  if (exponent == 31) {
    return static_cast<float>(mantissa == 0 ? sign * INFINITY : static_cast<double>(NAN));
  }
  const double value =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(mantissa + 1024, exponent - 25);
  return static_cast<float>(sign * value);
}

Result<Tensor> TensorFromOnnx(const TensorProto& proto) {
  if (proto.data_location() == TensorProto::EXTERNAL || proto.external_data_size() > 0) {
    return Error(Code::kUnsupported,
                 "tensor \"{}\" keeps its data in another file; save the model "
                 "with its data inside",
                 proto.name());
  }
  const TypeRow* type = FindType(proto.data_type());
  if (type == nullptr) {
    return Error(Code::kUnsupported,
                 "tensor \"{}\" has ONNX element type {}; expected floats, "
                 "integers up to 64 bits or bool",
                 proto.name(), proto.data_type());
  }
  if (proto.has_segment()) {
    return Error(Code::kUnsupported, "tensor \"{}\" is stored in segments", proto.name());
  }
  BLUESTEM_ASSIGN_OR_RETURN(const Shape shape, ShapeFrom(proto));
  const int64_t count = ElementCount(shape);
  const auto raw_bytes = static_cast<int64_t>(proto.raw_data().size());
  // The claimed shape is believed only where the data is there.
  if (raw_bytes != count * type->raw_bytes && TypedCount(proto) != count) {
    return Error(Code::kInvalidData,
                 "tensor \"{}\" of shape {} needs {} bytes or {} elements, but holds {} and {}",
                 proto.name(), ShapeText(shape), count * type->raw_bytes, count, raw_bytes,
                 TypedCount(proto));
  }
  Tensor tensor(type->dtype, shape);
  if (raw_bytes != count * type->raw_bytes || raw_bytes == 0) {
    BLUESTEM_RETURN_IF_ERROR(FillFromTyped(proto, tensor));
    return tensor;
  }
  const char* raw = proto.raw_data().data();
  for (int64_t i = 0; i < count; ++i) {
    StoreRaw(proto.data_type(), raw + i * type->raw_bytes, i, tensor);
  }
  return tensor;
}

void TensorToOnnx(const Tensor& tensor, const std::string& name, TensorProto& proto) {
  const bool integers = tensor.dtype() == DType::kS64;
  BLUESTEM_CHECK(integers || tensor.dtype() == DType::kF32, "only f32 and s64 are written");
  proto.set_name(name);
  proto.set_data_type(integers ? TensorProto::INT64 : TensorProto::FLOAT);
  for (const int64_t extent : tensor.shape()) proto.add_dims(extent);
  proto.set_raw_data(tensor.raw(), static_cast<size_t>(tensor.bytes()));
}

}  // namespace bluestem::interchange
