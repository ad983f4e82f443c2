#include <cstring>

#include "bluestem/ir/ops/families.h"
#include "bluestem/ir/ops/geometry.h"

// Between space and channels. Channel order inside a block: DCR (dy*block+dx)*C + c, CRD
// c*block*block + dy*block+dx.
namespace bluestem::ir {
namespace {

Result<Inferred> InferBlock(const InferContext& context, bool to_depth) {
  const Shape& x = context.in(0).shape;
  const std::string layout = context.attributes().Text("layout", "NHWC");
  const std::string mode = context.attributes().Text("mode", "DCR");
  const int64_t block = context.attributes().Int("block");
  BLUESTEM_ASSIGN_OR_RETURN(MapShape map, MapShapeOf(x, layout));
  if (mode != "DCR" && mode != "CRD") {
    return Error(Code::kUnsupported, "mode \"{}\" is not known; expected DCR or CRD", mode);
  }
  if (block < 1 || block > 4096) {
    return Error(Code::kInvalidData, "block is {}; expected 1 to 4096", block);
  }
  const bool fits =
      to_depth ? map.h % block == 0 && map.w % block == 0 : map.c % (block * block) == 0;
  if (!fits) {
    return Error(Code::kInvalidData, "input {} ({}) does not divide into blocks of {}x{}",
                 ShapeText(x), layout, block, block);
  }
  if (to_depth) {
    map = {map.n, map.h / block, map.w / block, map.c * block * block};
  } else {
    map = {map.n, map.h * block, map.w * block, map.c / (block * block)};
  }
  return Inferred{context.in(0).dtype, map.In(layout), context.in(0).quant};
}

// Splits the NHWC map into [n, h, dy, w, dx, c]; the deep form is [n, h, w, dy, dx, c] or [n, h, w,
// c, dy, dx].
Tensor ToDepth(const Tensor& x, int64_t block, bool crd) {
  const Shape& s = x.shape();
  const Tensor split = x.Reshaped({s[0] * s[1] / block, block, s[2] / block, block, s[3]});
  return split.Transposed(crd ? std::vector<int64_t>{0, 2, 4, 1, 3}
                              : std::vector<int64_t>{0, 2, 1, 3, 4});
}

Tensor ToSpace(const Tensor& x, int64_t block, bool crd) {
  const Shape& s = x.shape();
  const int64_t c = s[3] / (block * block);
  if (crd) {
    return x.Reshaped({s[0] * s[1], s[2], c, block, block}).Transposed({0, 3, 1, 4, 2});
  }
  return x.Reshaped({s[0] * s[1], s[2], block, block, c}).Transposed({0, 2, 1, 3, 4});
}

Tensor EvaluateBlock(const Operands& operands, bool to_depth) {
  const Attributes& attributes = operands.attributes();
  const std::string layout = attributes.Text("layout", "NHWC");
  const bool crd = attributes.Text("mode", "DCR") == "CRD";
  const int64_t block = attributes.Int("block");
  const Tensor x = ToNhwc(operands.in(0), layout);
  const Tensor moved = to_depth ? ToDepth(x, block, crd) : ToSpace(x, block, crd);
  const MapShape out = MapShapeOf(operands.out().shape, layout).value();
  return FromNhwc(moved.Reshaped(out.In("NHWC")), layout);
}

}  // namespace

Result<Inferred> InferSpaceToDepth(const InferContext& context) {
  return InferBlock(context, true);
}
Result<Inferred> InferDepthToSpace(const InferContext& context) {
  return InferBlock(context, false);
}
Tensor EvaluateSpaceToDepth(const Operands& operands) {
  return EvaluateBlock(operands, true);
}
Tensor EvaluateDepthToSpace(const Operands& operands) {
  return EvaluateBlock(operands, false);
}

Result<Inferred> InferResizeNearest(const InferContext& context) {
  const std::string layout = context.attributes().Text("layout", "NHWC");
  BLUESTEM_ASSIGN_OR_RETURN(MapShape map, MapShapeOf(context.in(0).shape, layout));
  const int64_t scale_h = context.attributes().Int("scale_h");
  const int64_t scale_w = context.attributes().Int("scale_w");
  if (scale_h < 1 || scale_w < 1 || scale_h > 4096 || scale_w > 4096) {
    return Error(Code::kInvalidData, "scales {} and {} must be 1 to 4096", scale_h, scale_w);
  }
  map.h *= scale_h;
  map.w *= scale_w;
  return Inferred{context.in(0).dtype, map.In(layout), context.in(0).quant};
}

Tensor EvaluateResizeNearest(const Operands& operands) {
  const std::string layout = operands.attributes().Text("layout", "NHWC");
  const int64_t scale_h = operands.attributes().Int("scale_h");
  const int64_t scale_w = operands.attributes().Int("scale_w");
  const Tensor x = ToNhwc(operands.in(0), layout);
  const MapShape out = MapShapeOf(operands.out().shape, layout).value();
  Tensor y(x.dtype(), out.In("NHWC"));
  const int64_t w = out.w / scale_w;
  const auto pixel = static_cast<size_t>(out.c * DTypeBytes(x.dtype()));
  for (int64_t row = 0; row < out.n * out.h; ++row) {
    for (int64_t column = 0; column < out.w; ++column) {
      const int64_t from = row / scale_h * w + column / scale_w;
      std::memcpy(y.raw() + static_cast<size_t>(row * out.w + column) * pixel,
                  x.raw() + static_cast<size_t>(from) * pixel, pixel);
    }
  }
  return FromNhwc(y, layout);
}

}  // namespace bluestem::ir
