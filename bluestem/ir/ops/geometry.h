// The sizes of convolutions and poolings, read off a node once and checked once. Also for lowering
// and for cost tables.
#pragma once

#include "bluestem/ir/ops/ops.h"

namespace bluestem::ir {

// Extents of a four-axis value whatever its layout.
struct MapShape {
  int64_t n = 1, h = 1, w = 1, c = 1;

  // Returns the shape in `layout`, "NHWC" or "NCHW".
  Shape In(const std::string& layout) const {
    return layout == "NCHW" ? Shape{n, c, h, w} : Shape{n, h, w, c};
  }
};

// Returns the extents of `shape`. Errors: kInvalidData unless the rank is 4; kUnsupported for
// another layout.
Result<MapShape> MapShapeOf(const Shape& shape, const std::string& layout);

struct WindowGeometry {
  MapShape in, out;
  int64_t kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t groups = 1;

  // Returns the number of multiplications of a convolution of this geometry.
  int64_t Macs() const {
    return out.n * out.h * out.w * out.c * kernel_h * kernel_w * (in.c / groups);
  }
};

// Returns the geometry of a Conv or QConv from the shapes of its data and weights. Errors: both
// shapes and what is wrong.
Result<WindowGeometry> ConvGeometry(const Attributes& attributes, const Shape& x, const Shape& w);
// Returns the geometry of a MaxPool or AvgPool.
Result<WindowGeometry> PoolGeometry(const Attributes& attributes, const Shape& x);

// The part of a value that a Slice takes: per axis the first index, the step and the count.
struct SliceRange {
  std::vector<int64_t> start, step;
  Shape extent;
};

// Reads starts, ends, axes and steps; negative positions count from the end and all are clamped to
// the axis. Steps below 0 go backwards.
Result<SliceRange> SliceRangeOf(const Attributes& attributes, const Shape& x);

}  // namespace bluestem::ir
