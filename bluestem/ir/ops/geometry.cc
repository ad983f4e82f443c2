#include "bluestem/ir/ops/geometry.h"

namespace bluestem::ir {
namespace {

constexpr int64_t kMaxExtent = int64_t{1}
                               << 24;  // of strides, pads, kernels: keeps products in range

// Reads a list attribute of `count` entries in [low, kMaxExtent].
Result<std::vector<int64_t>> ReadList(const Attributes& attributes, const char* name, size_t count,
                                      int64_t low) {
  auto list = attributes.Ints(name, std::vector<int64_t>(count, low));
  if (list.size() != count) {
    return Error(Code::kInvalidData, "attribute \"{}\" has {} entries; expected {}", name,
                 list.size(), count);
  }
  for (const int64_t entry : list) {
    if (entry < low || entry > kMaxExtent) {
      return Error(Code::kInvalidData, "attribute \"{}\" holds {}; expected {} to {}", name, entry,
                   low, kMaxExtent);
    }
  }
  return list;
}

Status ReadWindow(const Attributes& attributes, WindowGeometry& geometry) {
  BLUESTEM_ASSIGN_OR_RETURN(const auto strides, ReadList(attributes, "strides", 2, 1));
  BLUESTEM_ASSIGN_OR_RETURN(const auto pads, ReadList(attributes, "pads", 4, 0));
  BLUESTEM_ASSIGN_OR_RETURN(const auto dilations, ReadList(attributes, "dilations", 2, 1));
  geometry.stride_h = strides[0];
  geometry.stride_w = strides[1];
  geometry.pad_top = pads[0];
  geometry.pad_left = pads[1];
  geometry.pad_bottom = pads[2];
  geometry.pad_right = pads[3];
  geometry.dilation_h = dilations[0];
  geometry.dilation_w = dilations[1];
  return OkStatus();
}

// Sets the output's extents. Errors: the window is larger than the padded input.
Status Slide(WindowGeometry& geometry) {
  const auto slide = [](int64_t extent, int64_t pads, int64_t kernel, int64_t dilation,
                        int64_t stride) -> int64_t {
    const int64_t reach = (kernel - 1) * dilation + 1;
    return extent + pads < reach ? 0 : (extent + pads - reach) / stride + 1;
  };
  geometry.out.n = geometry.in.n;
  geometry.out.h = slide(geometry.in.h, geometry.pad_top + geometry.pad_bottom, geometry.kernel_h,
                         geometry.dilation_h, geometry.stride_h);
  geometry.out.w = slide(geometry.in.w, geometry.pad_left + geometry.pad_right, geometry.kernel_w,
                         geometry.dilation_w, geometry.stride_w);
  if (geometry.out.h > 0 && geometry.out.w > 0) return OkStatus();
  return Error(Code::kInvalidData,
               "a {}x{} window (dilations {},{}) does not fit a map of {}x{} with pads {},{},{},{}",
               geometry.kernel_h, geometry.kernel_w, geometry.dilation_h, geometry.dilation_w,
               geometry.in.h, geometry.in.w, geometry.pad_top, geometry.pad_left,
               geometry.pad_bottom, geometry.pad_right);
}

}  // namespace

Result<WindowGeometry> ConvGeometry(const Attributes& attributes, const Shape& x, const Shape& w) {
  const std::string layout = attributes.Text("layout", "NHWC");
  WindowGeometry geometry;
  BLUESTEM_ASSIGN_OR_RETURN(geometry.in, MapShapeOf(x, layout));
  if (w.size() != 4) {
    return Error(Code::kInvalidData, "weights have shape {}; expected 4 axes, {}", ShapeText(w),
                 layout == "NCHW" ? "OIHW" : "OHWI");
  }
  const MapShape weights =
      layout == "NCHW" ? MapShape{w[0], w[2], w[3], w[1]} : MapShape{w[0], w[1], w[2], w[3]};
  geometry.kernel_h = weights.h;
  geometry.kernel_w = weights.w;
  geometry.groups = attributes.Int("groups", 1);
  BLUESTEM_RETURN_IF_ERROR(ReadWindow(attributes, geometry));
  if (geometry.groups < 1 || geometry.in.c % geometry.groups != 0 ||
      weights.n % geometry.groups != 0 || geometry.in.c / geometry.groups != weights.c) {
    return Error(Code::kInvalidData,
                 "input {} has {} channels in {} groups, but weights {} take {} channels a group "
                 "and make {}",
                 ShapeText(x), geometry.in.c, geometry.groups, ShapeText(w), weights.c, weights.n);
  }
  BLUESTEM_RETURN_IF_ERROR(Slide(geometry));
  geometry.out.c = weights.n;
  return geometry;
}

Result<WindowGeometry> PoolGeometry(const Attributes& attributes, const Shape& x) {
  WindowGeometry geometry;
  BLUESTEM_ASSIGN_OR_RETURN(geometry.in, MapShapeOf(x, attributes.Text("layout", "NHWC")));
  BLUESTEM_ASSIGN_OR_RETURN(const auto kernel, ReadList(attributes, "kernel", 2, 1));
  geometry.kernel_h = kernel[0];
  geometry.kernel_w = kernel[1];
  BLUESTEM_RETURN_IF_ERROR(ReadWindow(attributes, geometry));
  // A pad as large as the window would make a window that sees nothing.
  if (geometry.pad_top >= kernel[0] || geometry.pad_bottom >= kernel[0] ||
      geometry.pad_left >= kernel[1] || geometry.pad_right >= kernel[1]) {
    return Error(Code::kInvalidData, "pads {},{},{},{} must be smaller than the window, {}x{}",
                 geometry.pad_top, geometry.pad_left, geometry.pad_bottom, geometry.pad_right,
                 kernel[0], kernel[1]);
  }
  BLUESTEM_RETURN_IF_ERROR(Slide(geometry));
  geometry.out.c = geometry.in.c;
  return geometry;
}

}  // namespace bluestem::ir
