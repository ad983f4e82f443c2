#include "bluestem/fpga/call_kind.h"

#include <gtest/gtest.h>

namespace bluestem::fpga {
namespace {

// [8, 6, 5] to [4, 3, 20], axis by axis: y / 2, y % 2, x / 2, x % 2, channel.
kernels::CopyParams Copy() {
  kernels::CopyParams p{};
  p.element_bytes = 1;
  p.rank = 5;
  const int32_t extent[] = {4, 2, 3, 2, 5};
  const int64_t from[] = {60, 30, 10, 5, 1};
  const int64_t to[] = {60, 10, 20, 5, 1};
  for (int k = 0; k < 5; ++k) {
    p.extent[k] = extent[k];
    p.x_stride[k] = from[k];
    p.y_stride[k] = to[k];
  }
  return p;
}

void ExpectTheMap(const std::optional<SpaceToDepth>& shape) {
  ASSERT_TRUE(shape.has_value());
  EXPECT_EQ(shape->h, 8);
  EXPECT_EQ(shape->w, 6);
  EXPECT_EQ(shape->c, 5);
}

TEST(AsSpaceToDepth, KnowsItAxisByAxisAndWithAxesJoined) {
  ExpectTheMap(AsSpaceToDepth(Copy()));
  kernels::CopyParams joined = Copy();  // x % 2 and channel are one run of 10
  joined.rank = 4;
  joined.extent[3] = 10;
  joined.x_stride[3] = joined.y_stride[3] = 1;
  ExpectTheMap(AsSpaceToDepth(joined));
}

TEST(AsSpaceToDepth, AnyOtherCopyIsNone) {
  kernels::CopyParams p = Copy();
  std::swap(p.y_stride[1], p.y_stride[3]);  // columns before lines
  EXPECT_FALSE(AsSpaceToDepth(p).has_value());
  p = Copy();
  p.element_bytes = 4;
  EXPECT_FALSE(AsSpaceToDepth(p).has_value());
  p = Copy();
  p.y_offset = 5;
  EXPECT_FALSE(AsSpaceToDepth(p).has_value());
  p = Copy();
  p.extent[0] = 3;                             // a part of the lines
  EXPECT_TRUE(AsSpaceToDepth(p).has_value());  // of a smaller map
  p.x_stride[0] = 120;
  EXPECT_FALSE(AsSpaceToDepth(p).has_value());
}

}  // namespace
}  // namespace bluestem::fpga
