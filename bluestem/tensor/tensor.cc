#include "bluestem/tensor/tensor.h"

#include <cstring>

namespace bluestem {
namespace {

// Calls visit(T{}) with the element type of `dtype`.
template <typename Visit>
auto WithType(DType dtype, Visit visit) {
  switch (dtype) {
    case DType::kF32: return visit(float{});
    case DType::kF64: return visit(double{});
    case DType::kU8: return visit(uint8_t{});
    case DType::kS8: return visit(int8_t{});
    case DType::kS32: return visit(int32_t{});
    case DType::kS64: break;
  }
  return visit(int64_t{});
}

}  // namespace

const char* DTypeName(DType dtype) {
  switch (dtype) {
    case DType::kF32: return "f32";
    case DType::kF64: return "f64";
    case DType::kU8: return "u8";
    case DType::kS8: return "s8";
    case DType::kS32: return "s32";
    case DType::kS64: return "s64";
  }
  return "?";
}

int64_t DTypeBytes(DType dtype) {
  return WithType(dtype, [](auto t) { return static_cast<int64_t>(sizeof(t)); });
}

int64_t ElementCount(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) {
    BLUESTEM_CHECK(extent >= 0, "an extent is negative");
    count *= extent;
  }
  return count;
}

std::string ShapeText(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ",") + std::to_string(shape[i]);
  return text + "]";
}

Tensor::Tensor(DType dtype, Shape shape)
    : dtype_(dtype), shape_(std::move(shape)), size_(ElementCount(shape_)) {
  bytes_.resize(static_cast<size_t>(size_ * DTypeBytes(dtype)));
}

double Tensor::At(int64_t i) const {
  BLUESTEM_CHECK(i >= 0 && i < size_, "index");
  return WithType(dtype_, [&](auto t) { return static_cast<double>(data<decltype(t)>()[i]); });
}

Tensor Tensor::Reshaped(Shape shape) const {
  BLUESTEM_CHECK(ElementCount(shape) == size_, "a reshape keeps the element count");
  Tensor result = *this;
  result.shape_ = std::move(shape);
  return result;
}

Tensor Tensor::Cast(DType dtype) const {
  Tensor result(dtype, shape_);
  WithType(dtype_, [&](auto from) {
    WithType(dtype, [&](auto to) {
      for (int64_t i = 0; i < size_; ++i) {
        result.data<decltype(to)>()[i] = static_cast<decltype(to)>(data<decltype(from)>()[i]);
      }
    });
  });
  return result;
}

Tensor Tensor::Transposed(const std::vector<int64_t>& perm) const {
  BLUESTEM_CHECK(perm.size() == shape_.size(), "perm has one entry an axis");
  const size_t rank = perm.size();
  Shape strides(rank, 1);
  for (size_t i = rank; i-- > 1;) strides[i - 1] = strides[i] * shape_[i];
  Shape shape(rank);
  for (size_t i = 0; i < rank; ++i) shape[i] = shape_[static_cast<size_t>(perm[i])];
  Tensor result(dtype_, shape);
  const auto element = static_cast<size_t>(DTypeBytes(dtype_));
  Shape index(rank, 0);
  for (int64_t i = 0; i < size_; ++i) {
    int64_t from = 0;
    for (size_t axis = 0; axis < rank; ++axis)
      from += index[axis] * strides[static_cast<size_t>(perm[axis])];
    std::memcpy(result.raw() + static_cast<size_t>(i) * element,
                raw() + static_cast<size_t>(from) * element, element);
    for (size_t axis = rank; axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return result;
}

}  // namespace bluestem
