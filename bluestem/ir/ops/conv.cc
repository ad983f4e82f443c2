#include <algorithm>

#include "bluestem/ir/ops/families.h"
#include "bluestem/ir/ops/geometry.h"
#include "bluestem/kernels/fconv/fconv.h"

namespace bluestem::ir {
namespace {

Status CheckBias(const InferContext& context, int64_t co) {
  if (!context.Has(2)) return OkStatus();
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 2, DType::kF32));
  if (context.in(2).shape == Shape{co}) return OkStatus();
  return Error(Code::kInvalidData, "bias has shape {}; the op makes {} channels",
               ShapeText(context.in(2).shape), co);
}

WindowGeometry GeometryOf(const Operands& operands) {
  auto geometry =
      ConvGeometry(operands.attributes(), operands.in(0).shape(), operands.in(1).shape());
  return std::move(geometry).value();
}

kernels::FConvParams ParamsOf(const WindowGeometry& g) {
  const auto narrow = [](int64_t value) { return static_cast<int32_t>(value); };
  return {.h = narrow(g.in.h),
          .w = narrow(g.in.w),
          .ci = narrow(g.in.c),
          .ho = narrow(g.out.h),
          .wo = narrow(g.out.w),
          .co = narrow(g.out.c),
          .kernel_h = narrow(g.kernel_h),
          .kernel_w = narrow(g.kernel_w),
          .stride_h = narrow(g.stride_h),
          .stride_w = narrow(g.stride_w),
          .pad_top = narrow(g.pad_top),
          .pad_left = narrow(g.pad_left),
          .dilation_h = narrow(g.dilation_h),
          .dilation_w = narrow(g.dilation_w),
          .groups = narrow(g.groups),
          .relu = 0};
}

// Runs the reference kernel on dense NHWC data and OHWI weights, image by image.
Tensor RunReference(const WindowGeometry& g, const Tensor& x, const Tensor& w, const float* bias) {
  const kernels::FConvParams params = ParamsOf(g);
  std::vector<float> packed(kernels::FConvPackedFloats(params));
  kernels::FConvPackWeights(params, w.data<float>(), packed.data());
  Tensor y(DType::kF32, g.out.In("NHWC"));
  const kernels::FConvKernel& reference = kernels::kFConvKernels[kernels::kFConvKernelCount - 1];
  for (int64_t n = 0; n < g.in.n; ++n) {
    const kernels::FConvArgs args = {.x = x.data<float>() + n * g.in.h * g.in.w * g.in.c,
                                     .weights = packed.data(),
                                     .bias = bias,
                                     .a = nullptr,
                                     .b = nullptr,
                                     .y = y.data<float>() + n * g.out.h * g.out.w * g.out.c};
    reference.run(params, args);
  }
  return y;
}

// Adds the taps of `kCount` outputs from `o` on: acc[o] += x[i] * w[i][o], the sums in registers. A
// zero activation, frequent among codes, adds nothing.
template <int64_t kCount>
void AddBlock(const double* x, int64_t cig, const double* w, int64_t cog, int64_t o, double* acc) {
  double sums[kCount];
  for (int64_t j = 0; j < kCount; ++j) sums[j] = acc[o + j];
  for (int64_t i = 0; i < cig; ++i) {
    const double value = x[i];
    if (value == 0) continue;
    const double* row = w + i * cog + o;
    for (int64_t j = 0; j < kCount; ++j) sums[j] += value * row[j];
  }
  for (int64_t j = 0; j < kCount; ++j) acc[o + j] = sums[j];
}

// Adds the taps of one output position of one group.
void AddTaps(const double* x, int64_t cig, const double* w, int64_t cog, double* acc) {
  int64_t o = 0;
  for (; o + 16 <= cog; o += 16) AddBlock<16>(x, cig, w, cog, o, acc);
  for (; o < cog; ++o) AddBlock<1>(x, cig, w, cog, o, acc);
}

// Convolves NHWC data with weights [groups][kh][kw][cig][cog]; `y` holds the bias or zeros on
// entry.
void Convolve(const WindowGeometry& g, const double* x, const double* w, double* y) {
  const int64_t cig = g.in.c / g.groups;
  const int64_t cog = g.out.c / g.groups;
  for (int64_t row = 0; row < g.out.n * g.out.h * g.out.w; ++row) {
    const int64_t n = row / (g.out.h * g.out.w);
    const int64_t oy = row / g.out.w % g.out.h;
    const int64_t ox = row % g.out.w;
    for (int64_t kh = 0; kh < g.kernel_h; ++kh) {
      const int64_t iy = oy * g.stride_h - g.pad_top + kh * g.dilation_h;
      if (iy < 0 || iy >= g.in.h) continue;
      for (int64_t kw = 0; kw < g.kernel_w; ++kw) {
        const int64_t ix = ox * g.stride_w - g.pad_left + kw * g.dilation_w;
        if (ix < 0 || ix >= g.in.w) continue;
        const double* pixel = x + ((n * g.in.h + iy) * g.in.w + ix) * g.in.c;
        for (int64_t group = 0; group < g.groups; ++group) {
          const double* taps = w + (((group * g.kernel_h + kh) * g.kernel_w + kw) * cig) * cog;
          AddTaps(pixel + group * cig, cig, taps, cog, y + row * g.out.c + group * cog);
        }
      }
    }
  }
}

void FillRows(Tensor& y, int64_t channels, const Tensor* bias) {
  if (bias == nullptr) return;
  for (int64_t i = 0; i < y.size(); ++i) {
    y.data<double>()[i] = bias->data<double>()[i % channels];
  }
}

}  // namespace

Result<Inferred> InferConv(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kF32));
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 1, DType::kF32));
  BLUESTEM_ASSIGN_OR_RETURN(
      const WindowGeometry geometry,
      ConvGeometry(context.attributes(), context.in(0).shape, context.in(1).shape));
  BLUESTEM_RETURN_IF_ERROR(CheckBias(context, geometry.out.c));
  return Inferred{DType::kF32, geometry.out.In(context.attributes().Text("layout", "NHWC")),
                  nullptr};
}

Tensor EvaluateConv(const Operands& operands) {
  const std::string layout = operands.attributes().Text("layout", "NHWC");
  const Tensor y = RunReference(GeometryOf(operands), ToNhwc(operands.in(0), layout),
                                ToNhwc(operands.in(1), layout),
                                operands.Has(2) ? operands.in(2).data<float>() : nullptr);
  return FromNhwc(y, layout);
}

Tensor DoubleConv(const Operands& operands) {
  const std::string layout = operands.attributes().Text("layout", "NHWC");
  const WindowGeometry g = GeometryOf(operands);
  const Tensor x = ToNhwc(operands.in(0), layout);
  // OHWI to [groups][kh][kw][cig][cog]: the innermost loop then runs over neighbouring outputs.
  const Tensor w =
      ToNhwc(operands.in(1), layout)
          .Reshaped({g.groups, g.out.c / g.groups, g.kernel_h, g.kernel_w, g.in.c / g.groups})
          .Transposed({0, 2, 3, 4, 1});
  Tensor y(DType::kF64, g.out.In("NHWC"));
  FillRows(y, g.out.c, operands.Has(2) ? &operands.in(2) : nullptr);
  Convolve(g, x.data<double>(), w.data<double>(), y.data<double>());
  return FromNhwc(y, layout);
}

Result<Inferred> InferDense(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kF32));
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 1, DType::kF32));
  const Shape& x = context.in(0).shape;
  const Shape& w = context.in(1).shape;
  if (x.size() != 2 || w.size() != 2 || x[1] != w[1]) {
    return Error(Code::kInvalidData, "input {} does not fit weights {}: expected [n,k] and [co,k]",
                 ShapeText(x), ShapeText(w));
  }
  BLUESTEM_RETURN_IF_ERROR(CheckBias(context, w[0]));
  return Inferred{DType::kF32, {x[0], w[0]}, nullptr};
}

Tensor EvaluateDense(const Operands& operands) {
  const Shape& x = operands.in(0).shape();
  const Shape& w = operands.in(1).shape();
  WindowGeometry g;
  g.in = {x[0], 1, 1, x[1]};
  g.out = {x[0], 1, 1, w[0]};
  return RunReference(g, operands.in(0), operands.in(1),
                      operands.Has(2) ? operands.in(2).data<float>() : nullptr)
      .Reshaped({x[0], w[0]});
}

Tensor DoubleDense(const Operands& operands) {
  const int64_t k = operands.in(0).shape()[1];
  const int64_t co = operands.in(1).shape()[0];
  Tensor y(DType::kF64, operands.out().shape);
  for (int64_t i = 0; i < y.size(); ++i) {
    const double* x = operands.in(0).data<double>() + i / co * k;
    const double* w = operands.in(1).data<double>() + i % co * k;
    double sum = operands.Has(2) ? operands.in(2).data<double>()[i % co] : 0;
    for (int64_t j = 0; j < k; ++j) sum += x[j] * w[j];
    y.data<double>()[i] = sum;
  }
  return y;
}

}  // namespace bluestem::ir
