#include "bluestem/kernels/rearrange/rearrange.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/kernels/guarded.h"

namespace bluestem::kernels {
namespace {

// Runs a copy and compares it with one element at a time.
template <typename T>
void ExpectCopies(CopyParams params, int64_t x_count, int64_t y_count) {
  params.element_bytes = sizeof(T);
  Random random(11);
  std::vector<T> x(static_cast<size_t>(x_count));
  for (T& value : x) value = static_cast<T>(random.Next());
  Guarded y(sizeof(T) * y_count, 1, 0x77);
  std::vector<uint8_t> expected(y.size(), 0x77);
  strided_copy(params, x.data(), y.data());
  int64_t total = 1;
  for (int32_t k = 0; k < params.rank; ++k) total *= params.extent[k];
  for (int64_t i = 0; i < total; ++i) {
    int64_t rest = i;
    int64_t from = params.x_offset;
    int64_t to = params.y_offset;
    for (int32_t k = params.rank - 1; k >= 0; --k) {
      from += rest % params.extent[k] * params.x_stride[k];
      to += rest % params.extent[k] * params.y_stride[k];
      rest /= params.extent[k];
    }
    std::memcpy(expected.data() + to * sizeof(T), &x[from], sizeof(T));
  }
  EXPECT_TRUE(y.Intact());
  EXPECT_EQ(std::memcmp(y.data(), expected.data(), expected.size()), 0);
}

void ExpectCopiesOnEveryType(const CopyParams& params, int64_t x_count, int64_t y_count) {
  ExpectCopies<uint8_t>(params, x_count, y_count);
  ExpectCopies<uint32_t>(params, x_count, y_count);
  ExpectCopies<uint64_t>(params, x_count, y_count);
}

// One axis of a copy.
struct Axis {
  int32_t extent;
  int64_t x_stride, y_stride;
};

CopyParams Axes(const std::vector<Axis>& axes, int64_t x_offset = 0, int64_t y_offset = 0) {
  CopyParams params{};
  for (const Axis& axis : axes) {
    params.extent[params.rank] = axis.extent;
    params.x_stride[params.rank] = axis.x_stride;
    params.y_stride[params.rank] = axis.y_stride;
    ++params.rank;
  }
  params.x_offset = x_offset;
  params.y_offset = y_offset;
  return params;
}

TEST(StridedCopy, CopiesAWholeBlock) {
  ExpectCopiesOnEveryType(Axes({{2, 15, 15}, {3, 5, 5}, {5, 1, 1}}), 30, 30);
}

TEST(StridedCopy, Transposes) {
  ExpectCopiesOnEveryType(Axes({{5, 1, 6}, {2, 15, 3}, {3, 5, 1}}), 30, 30);
}

TEST(StridedCopy, ConcatenatesAtAnOffset) {
  ExpectCopiesOnEveryType(Axes({{4, 3, 7}, {3, 1, 1}}, 0, 4), 12, 28);
}

TEST(StridedCopy, SlicesWithStepsBackwards) {
  ExpectCopiesOnEveryType(Axes({{4, -2, 1}}, 7), 8, 4);
}

TEST(StridedCopy, ResizesToTheNearestByAStrideOfZero) {
  ExpectCopiesOnEveryType(Axes({{2, 12, 48}, {2, 0, 24}, {3, 4, 8}, {2, 0, 4}, {4, 1, 1}}), 24, 96);
}

TEST(StridedCopy, MovesSpaceToDepthWithSixAxes) {
  ExpectCopiesOnEveryType(
      Axes({{1, 72, 72}, {2, 36, 36}, {3, 6, 12}, {2, 18, 6}, {2, 3, 3}, {3, 1, 1}}), 72, 72);
}

TEST(StridedCopy, CopiesOneElementAndNone) {
  ExpectCopiesOnEveryType(Axes({}, 2, 1), 3, 2);
  ExpectCopiesOnEveryType(Axes({{3, 1, 1}, {0, 1, 1}}), 3, 3);
}

TEST(Fill, RepeatsThePatternOfOneElement) {
  for (const int32_t bytes : {1, 4, 8}) {
    const uint8_t pattern[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    Guarded y(static_cast<size_t>(bytes) * 5, 1, 0);
    fill(bytes, 5, pattern, y.data());
    EXPECT_TRUE(y.Intact());
    for (int32_t i = 0; i < 5 * bytes; ++i) EXPECT_EQ(y.data()[i], pattern[i % bytes]);
  }
}

}  // namespace
}  // namespace bluestem::kernels
