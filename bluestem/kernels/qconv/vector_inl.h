// Vectors of the epilogue, as wide as the ISA that a file is compiled for. Included by ISA files.
#pragma once

#include <cstring>

#include "bluestem/kernels/qconv/band.h"

namespace bluestem::kernels {
// Unnamed although in a header: each ISA's file must have its own copy.
namespace {

#if defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

// Vectors of kCount elements: every ISA has instructions for them.
template <typename T, int kCount>
struct VectorOf {
  typedef T Type __attribute__((vector_size(sizeof(T) * kCount)));
};

template <typename Vector>
inline __attribute__((always_inline)) Vector Load(const void* from) {
  Vector v;
  std::memcpy(&v, from, sizeof(v));
  return v;
}

using RealVector = VectorOf<float, kVectorBytes / 4>::Type;
using WordVector = VectorOf<int32_t, kVectorBytes / 4>::Type;
using HalfVector = VectorOf<int16_t, kVectorBytes / 2>::Type;
using ByteVector = VectorOf<int8_t, kVectorBytes>::Type;

// Returns the elements of even index of `a`, then those of `b`: the low parts of elements of twice
// the size.
inline __attribute__((always_inline)) HalfVector Even(HalfVector a, HalfVector b) {
#if defined(__AVX2__)
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#else
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
#endif
}
inline __attribute__((always_inline)) ByteVector Even(ByteVector a, ByteVector b) {
#if defined(__AVX2__)
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30,
                                 32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54, 56, 58, 60, 62);
#else
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#endif
}

}  // namespace

}  // namespace bluestem::kernels
