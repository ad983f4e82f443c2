#include "bluestem/ir/ops/geometry.h"
#include "bluestem/lower/rules.h"

namespace bluestem::lower {
namespace {

Result<ir::WindowGeometry> GeometryOf(const ir::Node& node, const Shape& x) {
  if (node.op == "MaxPool" || node.op == "AvgPool") return ir::PoolGeometry(node.attributes, x);
  ir::WindowGeometry geometry;  // a global pool is one window over the map
  BLUESTEM_ASSIGN_OR_RETURN(geometry.in, ir::MapShapeOf(x, "NHWC"));
  geometry.out = {geometry.in.n, 1, 1, geometry.in.c};
  geometry.kernel_h = geometry.in.h;
  geometry.kernel_w = geometry.in.w;
  return geometry;
}

}  // namespace

Status LowerPool(Builder& builder, const ir::Node& node) {
  const ir::Value& x = builder.value(node.inputs[0]);
  BLUESTEM_RETURN_IF_ERROR(NeedBatchOne(x.shape));
  BLUESTEM_ASSIGN_OR_RETURN(const ir::WindowGeometry g, GeometryOf(node, x.shape));
  const auto narrow = [](int64_t value) { return static_cast<int32_t>(value); };
  const kernels::PoolParams params{
      .h = narrow(g.in.h),
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
      .count_include_pad = narrow(node.attributes.Int("count_include_pad")),
  };
  const bool max = node.op == "MaxPool" || node.op == "GlobalMaxPool";
  program::Call call = NewCall(builder, node,
                               max ? program::CallParams(program::MaxPoolCall{params, x.dtype})
                                   : program::CallParams(program::AvgPoolCall{params}));
  call.x_bits = x.quant != nullptr ? x.quant->bits : 0;
  builder.Emit(std::move(call));
  return OkStatus();
}

}  // namespace bluestem::lower
