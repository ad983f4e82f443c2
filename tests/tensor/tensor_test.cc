#include "bluestem/tensor/tensor.h"

#include <gtest/gtest.h>

namespace bluestem {
namespace {

TEST(Tensor, ANewTensorIsZero) {
  const Tensor tensor(DType::kF32, {2, 3});
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(tensor.At(i), 0.0);
  EXPECT_EQ(tensor.bytes(), 24);
}

TEST(Tensor, AScalarHasOneElement) {
  EXPECT_EQ(Tensor(DType::kU8, {}).size(), 1);
}

TEST(Tensor, AnEmptyExtentHasNoElements) {
  EXPECT_EQ(Tensor(DType::kU8, {3, 0}).size(), 0);
}

TEST(Tensor, TransposedMovesNchwToNhwcAndBack) {
  std::vector<int32_t> values(2 * 3 * 4 * 5);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int32_t>(i);
  const Tensor nchw = Tensor::Of<int32_t>({2, 3, 4, 5}, values);
  const Tensor nhwc = nchw.Transposed({0, 2, 3, 1});
  EXPECT_EQ(nhwc.shape(), (Shape{2, 4, 5, 3}));
  // element [n=1, h=2, w=3, c=1]
  EXPECT_EQ(nhwc.At(((1 * 4 + 2) * 5 + 3) * 3 + 1), nchw.At(((1 * 3 + 1) * 4 + 2) * 5 + 3));
  EXPECT_EQ(nhwc.Transposed({0, 3, 1, 2}), nchw);
}

TEST(Tensor, CastConvertsEachElement) {
  const Tensor tensor = Tensor::Of<float>({3}, {-1.5f, 0.0f, 2.9f});
  EXPECT_EQ(tensor.Cast(DType::kS32), Tensor::Of<int32_t>({3}, {-1, 0, 2}));
}

TEST(Tensor, ReshapedKeepsTheElements) {
  const Tensor tensor = Tensor::Of<uint8_t>({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(tensor.Reshaped({4}), Tensor::Of<uint8_t>({4}, {1, 2, 3, 4}));
}

TEST(TensorDeathTest, TheWrongElementTypeIsOurDefect) {
  const Tensor tensor(DType::kF32, {1});
  EXPECT_DEATH((void)tensor.data<uint8_t>(), "element type");
}

TEST(ShapeText, PrintsExtentsInBrackets) {
  EXPECT_EQ(ShapeText({1, 32, 32, 3}), "[1,32,32,3]");
  EXPECT_EQ(ShapeText({}), "[]");
}

}  // namespace
}  // namespace bluestem
