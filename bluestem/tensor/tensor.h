// Tensor: an owning, dense, row-major n-dimensional array. Not a view and not a compute library:
// kernels take pointers.
//
// Threads: a value; reading from several threads is safe. Ownership: a Tensor owns its elements;
// copies are deep.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bluestem/base/check.h"

namespace bluestem {

enum class DType : uint8_t { kF32, kF64, kU8, kS8, kS32, kS64 };

// Returns "f32", "u8", ...
const char* DTypeName(DType dtype);
// Returns the size of one element in bytes.
int64_t DTypeBytes(DType dtype);

template <typename T>
constexpr DType DTypeOf();
template <>
constexpr DType DTypeOf<float>() {
  return DType::kF32;
}
template <>
constexpr DType DTypeOf<double>() {
  return DType::kF64;
}
template <>
constexpr DType DTypeOf<uint8_t>() {
  return DType::kU8;
}
template <>
constexpr DType DTypeOf<int8_t>() {
  return DType::kS8;
}
template <>
constexpr DType DTypeOf<int32_t>() {
  return DType::kS32;
}
template <>
constexpr DType DTypeOf<int64_t>() {
  return DType::kS64;
}

// Extents, outermost first. A scalar has rank 0 and one element.
using Shape = std::vector<int64_t>;

// Returns the product of the extents. Requires: no extent is negative.
int64_t ElementCount(const Shape& shape);
// Returns "[1,32,32,3]".
std::string ShapeText(const Shape& shape);

class Tensor {
 public:
  Tensor() = default;  // f32, shape [0]
  // Zero-filled.
  Tensor(DType dtype, Shape shape);

  template <typename T>
  static Tensor Of(Shape shape, std::vector<T> values) {
    Tensor tensor(DTypeOf<T>(), std::move(shape));
    BLUESTEM_CHECK(static_cast<int64_t>(values.size()) == tensor.size(),
                   "values must fill the shape");
    for (int64_t i = 0; i < tensor.size(); ++i)
      tensor.data<T>()[i] = values[static_cast<size_t>(i)];
    return tensor;
  }

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t size() const { return size_; }
  int64_t bytes() const { return static_cast<int64_t>(bytes_.size()); }

  // Requires: T is the element type.
  template <typename T>
  T* data() {
    BLUESTEM_CHECK(DTypeOf<T>() == dtype_, "element type");
    return reinterpret_cast<T*>(bytes_.data());
  }
  template <typename T>
  const T* data() const {
    BLUESTEM_CHECK(DTypeOf<T>() == dtype_, "element type");
    return reinterpret_cast<const T*>(bytes_.data());
  }
  uint8_t* raw() { return bytes_.data(); }
  const uint8_t* raw() const { return bytes_.data(); }

  // Returns the element at flat index `i` as a double (exact but for s64 above 2^53).
  double At(int64_t i) const;
  // Returns the same elements under another shape. Requires: equal element counts.
  Tensor Reshaped(Shape shape) const;
  // Returns the elements converted one by one (C++ conversion).
  Tensor Cast(DType dtype) const;
  // Returns the tensor with its axes permuted: result axis i is this tensor's axis perm[i].
  Tensor Transposed(const std::vector<int64_t>& perm) const;

  bool operator==(const Tensor& other) const {
    return dtype_ == other.dtype_ && shape_ == other.shape_ && bytes_ == other.bytes_;
  }

 private:
  DType dtype_ = DType::kF32;
  Shape shape_ = {0};
  int64_t size_ = 0;
  std::vector<uint8_t> bytes_;
};

}  // namespace bluestem
