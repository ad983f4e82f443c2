#include "bluestem/kernels/pool/pool.h"

#include <algorithm>
#include <limits>

#include "bluestem/ir/ops/families.h"
#include "bluestem/ir/ops/geometry.h"

namespace bluestem::ir {
namespace {

bool IsMax(const Node& node) {
  return node.op == "MaxPool" || node.op == "GlobalMaxPool";
}

// Returns the node's geometry; a global pool is one window over the map.
Result<WindowGeometry> GeometryOf(const Node& node, const Shape& x) {
  if (node.op == "MaxPool" || node.op == "AvgPool") return PoolGeometry(node.attributes, x);
  WindowGeometry geometry;
  BLUESTEM_ASSIGN_OR_RETURN(geometry.in, MapShapeOf(x, node.attributes.Text("layout", "NHWC")));
  geometry.kernel_h = geometry.in.h;
  geometry.kernel_w = geometry.in.w;
  geometry.out = {geometry.in.n, 1, 1, geometry.in.c};
  return geometry;
}

Result<Inferred> InferPool(const InferContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const WindowGeometry geometry,
                            GeometryOf(context.node, context.in(0).shape));
  return Inferred{context.in(0).dtype, geometry.out.In(context.attributes().Text("layout", "NHWC")),
                  context.in(0).quant};
}

Result<Inferred> InferMax(const InferContext& context) {
  const DType dtype = context.in(0).dtype;
  if (dtype != DType::kF32 && dtype != DType::kU8 && dtype != DType::kS32) {
    return Error(Code::kInvalidData, "input is {}; the op takes f32, u8 or s32", DTypeName(dtype));
  }
  return InferPool(context);
}

Result<Inferred> InferAvg(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kF32));
  return InferPool(context);
}

// Calls run(image in, image out) for each image of the batch.
template <typename T, typename Run>
Tensor EachImage(const WindowGeometry& g, const Tensor& x, Run run) {
  Tensor y(x.dtype(), g.out.In("NHWC"));
  for (int64_t n = 0; n < g.in.n; ++n) {
    run(x.data<T>() + n * g.in.h * g.in.w * g.in.c,
        y.template data<T>() + n * g.out.h * g.out.w * g.out.c);
  }
  return y;
}

kernels::PoolParams ParamsOf(const WindowGeometry& g, bool count_include_pad) {
  const auto narrow = [](int64_t value) { return static_cast<int32_t>(value); };
  return {.h = narrow(g.in.h),
          .w = narrow(g.in.w),
          .c = narrow(g.in.c),
          .ho = narrow(g.out.h),
          .wo = narrow(g.out.w),
          .kernel_h = narrow(g.kernel_h),
          .kernel_w = narrow(g.kernel_w),
          .stride_h = narrow(g.stride_h),
          .stride_w = narrow(g.stride_w),
          .pad_top = narrow(g.pad_top),
          .pad_left = narrow(g.pad_left),
          .count_include_pad = count_include_pad ? 1 : 0};
}

// One output of a pool in double: the maximum or the mean of the taps inside the map.
double PoolOne(const WindowGeometry& g, const double* x, int64_t oy, int64_t ox, int64_t c,
               bool is_max, bool count_include_pad) {
  double sum = 0;
  double maximum = -std::numeric_limits<double>::infinity();
  int64_t count = 0;
  for (int64_t kh = 0; kh < g.kernel_h; ++kh) {
    for (int64_t kw = 0; kw < g.kernel_w; ++kw) {
      const int64_t iy = oy * g.stride_h - g.pad_top + kh;
      const int64_t ix = ox * g.stride_w - g.pad_left + kw;
      if (iy < 0 || iy >= g.in.h || ix < 0 || ix >= g.in.w) continue;
      const double value = x[(iy * g.in.w + ix) * g.in.c + c];
      sum += value;
      maximum = std::max(maximum, value);
      ++count;
    }
  }
  if (is_max) return maximum;
  return sum / static_cast<double>(count_include_pad ? g.kernel_h * g.kernel_w : count);
}

}  // namespace

Result<Inferred> InferMaxPool(const InferContext& context) {
  return InferMax(context);
}
Result<Inferred> InferAvgPool(const InferContext& context) {
  return InferAvg(context);
}
Result<Inferred> InferGlobalMaxPool(const InferContext& context) {
  return InferMax(context);
}
Result<Inferred> InferGlobalAvgPool(const InferContext& context) {
  return InferAvg(context);
}

Tensor EvaluatePool(const Operands& operands) {
  const std::string layout = operands.attributes().Text("layout", "NHWC");
  const WindowGeometry g = GeometryOf(operands.node, operands.in(0).shape()).value();
  const bool include_pad = operands.attributes().Int("count_include_pad") != 0;
  const kernels::PoolParams params = ParamsOf(g, include_pad);
  const Tensor x = ToNhwc(operands.in(0), layout);
  Tensor y;
  if (!IsMax(operands.node)) {
    y = EachImage<float>(g, x, [&](auto in, auto out) { kernels::avgpool_f32(params, in, out); });
  } else if (x.dtype() == DType::kU8) {
    y = EachImage<uint8_t>(g, x, [&](auto in, auto out) { kernels::maxpool_u8(params, in, out); });
  } else if (x.dtype() == DType::kS32) {
    y = EachImage<int32_t>(g, x, [&](auto in, auto out) { kernels::maxpool_s32(params, in, out); });
  } else {
    y = EachImage<float>(g, x, [&](auto in, auto out) { kernels::maxpool_f32(params, in, out); });
  }
  return FromNhwc(y, layout);
}

Tensor DoublePool(const Operands& operands) {
  const std::string layout = operands.attributes().Text("layout", "NHWC");
  const WindowGeometry g = GeometryOf(operands.node, operands.in(0).shape()).value();
  const bool include_pad = operands.attributes().Int("count_include_pad") != 0;
  const Tensor nhwc = ToNhwc(operands.in(0), layout);
  const Tensor x = nhwc.Cast(DType::kF64);
  Tensor y(DType::kF64, g.out.In("NHWC"));
  for (int64_t i = 0; i < y.size(); ++i) {
    const int64_t c = i % g.out.c;
    const int64_t ox = i / g.out.c % g.out.w;
    const int64_t oy = i / g.out.c / g.out.w % g.out.h;
    const int64_t n = i / g.out.c / g.out.w / g.out.h;
    y.data<double>()[i] = PoolOne(g, x.data<double>() + n * g.in.h * g.in.w * g.in.c, oy, ox, c,
                                  IsMax(operands.node), include_pad);
  }
  return FromNhwc(y.Cast(nhwc.dtype()), layout);
}

}  // namespace bluestem::ir
