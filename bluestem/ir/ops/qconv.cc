#include "bluestem/kernels/qconv/qconv.h"

#include <algorithm>

#include "bluestem/ir/ops/families.h"
#include "bluestem/ir/ops/geometry.h"
#include "bluestem/kernels/elementwise/elementwise.h"

namespace bluestem::ir {
namespace {

// Checks one constant of an epilogue.
Status CheckConstant(const InferContext& context, size_t i, const char* what, DType dtype,
                     const Shape& shape) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, i, dtype));
  BLUESTEM_RETURN_IF_ERROR(NeedConstant(context, i, what));
  if (context.in(i).shape == shape) return OkStatus();
  return Error(Code::kInvalidData, "{} has shape {}; expected {}", what,
               ShapeText(context.in(i).shape), ShapeText(shape));
}

// Checks thresholds at inputs `i` and `i + 1`, and returns the meaning of the codes that they make.
Result<std::shared_ptr<const QuantInfo>> CheckThresholds(const InferContext& context, size_t i,
                                                         int64_t co) {
  BLUESTEM_ASSIGN_OR_RETURN(auto quant, QuantFromAttributes(context.attributes()));
  BLUESTEM_RETURN_IF_ERROR(
      CheckConstant(context, i, "thresholds", DType::kS32, {co, quant->levels - 1}));
  BLUESTEM_RETURN_IF_ERROR(CheckConstant(context, i + 1, "directions", DType::kS8, {co}));
  for (int64_t c = 0; c < co; ++c) {
    const double direction = context.in(i + 1).constant->At(c);
    if (direction != 1 && direction != -1) {
      return Error(Code::kInvalidData, "direction {} of channel {} must be 1 or -1", direction, c);
    }
  }
  return quant;
}

Status CheckWeights(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kU8));
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 1, DType::kS8));
  BLUESTEM_RETURN_IF_ERROR(NeedConstant(context, 1, "weights"));
  const int64_t x_bits = context.attributes().Int("x_bits");
  const int64_t w_bits = context.attributes().Int("w_bits");
  if (x_bits < 1 || x_bits > 8 || w_bits < 1 || w_bits > 8) {
    return Error(Code::kInvalidData, "x_bits {} and w_bits {} must be 1 to 8", x_bits, w_bits);
  }
  const int64_t pad_value = context.attributes().Int("pad_value");
  if (pad_value < 0 || pad_value >= (int64_t{1} << x_bits)) {
    return Error(Code::kInvalidData, "pad_value {} is not a {}-bit code", pad_value, x_bits);
  }
  if (w_bits != 1) return OkStatus();
  const Tensor& w = *context.in(1).constant;
  const auto is_sign = [](int8_t weight) { return weight == 1 || weight == -1; };
  if (!std::all_of(w.data<int8_t>(), w.data<int8_t>() + w.size(), is_sign)) {
    return Error(Code::kInvalidData, "w_bits is 1, but not all weights are -1 or +1");
  }
  return OkStatus();
}

// Checks the codes that are added to the sums, input 4, and how much one of them counts, input 5.
Status CheckResidual(const InferContext& context, const Shape& shape) {
  if (!context.Has(4) || !context.Has(5)) {
    return Error(Code::kInvalidData, "a residual needs inputs 4 and 5");
  }
  const int64_t bits = context.attributes().Int("residual_bits", 0);
  if (bits < 1 || bits > 8) {
    return Error(Code::kInvalidData, "residual_bits {} must be 1 to 8", bits);
  }
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 4, DType::kU8));
  if (context.in(4).shape != shape) {
    return Error(Code::kInvalidData, "the residual has shape {}; expected {}",
                 ShapeText(context.in(4).shape), ShapeText(shape));
  }
  return CheckConstant(context, 5, "ratios", DType::kS32, {shape.back()});
}

Result<Inferred> InferEpilogue(const InferContext& context, const WindowGeometry& g) {
  const std::string epilogue = context.attributes().Text("epilogue");
  const size_t wanted = epilogue == "raw" ? 2 : 4;
  if (epilogue != "raw" && epilogue != "affine" && epilogue != "threshold") {
    return Error(Code::kInvalidData, "epilogue \"{}\" must be threshold, affine or raw", epilogue);
  }
  const bool residual = epilogue == "threshold" && context.node.inputs.size() == 6;
  if (context.node.inputs.size() != wanted && !residual) {
    return Error(Code::kInvalidData, "epilogue \"{}\" takes {} inputs, got {}", epilogue, wanted,
                 context.node.inputs.size());
  }
  if (!residual && context.attributes().Int("residual_bits", 0) != 0) {
    return Error(Code::kInvalidData, "residual_bits without a residual");
  }
  if (epilogue == "raw") return Inferred{DType::kS32, g.out.In("NHWC"), nullptr};
  if (!context.Has(2) || !context.Has(3)) {
    return Error(Code::kInvalidData, "epilogue \"{}\" needs inputs 2 and 3", epilogue);
  }
  if (epilogue == "threshold") {
    BLUESTEM_ASSIGN_OR_RETURN(auto quant, CheckThresholds(context, 2, g.out.c));
    if (residual) BLUESTEM_RETURN_IF_ERROR(CheckResidual(context, g.out.In("NHWC")));
    return Inferred{DType::kU8, g.out.In("NHWC"), std::move(quant)};
  }
  const std::string activation = context.attributes().Text("activation", "none");
  if (activation != "none" && activation != "relu") {
    return Error(Code::kInvalidData, "activation \"{}\" must be none or relu", activation);
  }
  BLUESTEM_RETURN_IF_ERROR(CheckConstant(context, 2, "a", DType::kF32, {g.out.c}));
  BLUESTEM_RETURN_IF_ERROR(CheckConstant(context, 3, "b", DType::kF32, {g.out.c}));
  return Inferred{DType::kF32, g.out.In("NHWC"), nullptr};
}

kernels::QConvParams ParamsOf(const Operands& operands, const WindowGeometry& g) {
  const auto narrow = [](int64_t value) { return static_cast<int32_t>(value); };
  const Attributes& attributes = operands.attributes();
  const std::string epilogue = attributes.Text("epilogue");
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
          .pad_value = narrow(attributes.Int("pad_value")),
          .x_bits = narrow(attributes.Int("x_bits")),
          .w_bits = narrow(attributes.Int("w_bits")),
          .epilogue = epilogue == "threshold" ? kernels::QConvEpilogue::kThreshold
                      : epilogue == "affine"  ? kernels::QConvEpilogue::kAffine
                                              : kernels::QConvEpilogue::kRaw,
          .levels = operands.out().quant != nullptr ? operands.out().quant->levels : 0,
          .relu = attributes.Text("activation", "none") == "relu" ? 1 : 0,
          .residual_bits = narrow(attributes.Int("residual_bits", 0))};
}

WindowGeometry GeometryOf(const Operands& operands) {
  return ConvGeometry(operands.attributes(), operands.in(0).shape(), operands.in(1).shape())
      .value();
}

// The exact sums, written anew and not by kernels/. The multiplications are of integers; 64 bits
// cannot overflow.
int64_t Accumulate(const WindowGeometry& g, const uint8_t* x, const int8_t* w, int64_t pad_value,
                   int64_t oy, int64_t ox, int64_t co) {
  const int64_t cig = g.in.c / g.groups;
  const int64_t group = co / (g.out.c / g.groups);
  int64_t sum = 0;
  for (int64_t kh = 0; kh < g.kernel_h; ++kh) {
    for (int64_t kw = 0; kw < g.kernel_w; ++kw) {
      const int64_t iy = oy * g.stride_h - g.pad_top + kh * g.dilation_h;
      const int64_t ix = ox * g.stride_w - g.pad_left + kw * g.dilation_w;
      const bool inside = iy >= 0 && iy < g.in.h && ix >= 0 && ix < g.in.w;
      const int8_t* weights = w + ((co * g.kernel_h + kh) * g.kernel_w + kw) * cig;
      for (int64_t i = 0; i < cig; ++i) {
        const int64_t code = inside ? x[(iy * g.in.w + ix) * g.in.c + group * cig + i] : pad_value;
        sum += code * weights[i];
      }
    }
  }
  return sum;
}

uint8_t CountThresholds(int64_t acc, const int32_t* thresholds, int64_t count, int8_t direction) {
  return static_cast<uint8_t>(std::count_if(thresholds, thresholds + count, [&](int32_t t) {
    return direction > 0 ? acc >= t : acc <= t;
  }));
}

}  // namespace

Result<Inferred> InferQConv(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(CheckWeights(context));
  BLUESTEM_ASSIGN_OR_RETURN(
      const WindowGeometry g,
      ConvGeometry(context.attributes(), context.in(0).shape, context.in(1).shape));
  return InferEpilogue(context, g);
}

Tensor EvaluateQConv(const Operands& operands) {
  const WindowGeometry g = GeometryOf(operands);
  const kernels::QConvParams params = ParamsOf(operands, g);
  std::vector<uint8_t> packed(kernels::QConvPackedBytes(params));
  kernels::QConvPackWeights(params, operands.in(1).data<int8_t>(), packed.data());
  const kernels::QConvKernel& reference = kernels::kQConvKernels[kernels::kQConvKernelCount - 1];
  std::vector<uint8_t> scratch(reference.scratch_bytes(params) + 64);
  Tensor y(operands.out().dtype, g.out.In("NHWC"));
  const auto image_bytes = static_cast<size_t>(y.bytes() / g.out.n);
  const bool threshold = params.epilogue == kernels::QConvEpilogue::kThreshold;
  const bool affine = params.epilogue == kernels::QConvEpilogue::kAffine;
  const bool residual = params.residual_bits != 0;
  for (int64_t n = 0; n < g.in.n; ++n) {
    const kernels::QConvArgs args = {
        .x = operands.in(0).data<uint8_t>() + n * g.in.h * g.in.w * g.in.c,
        .weights = packed.data(),
        .thresholds = threshold ? operands.in(2).data<int32_t>() : nullptr,
        .directions = threshold ? operands.in(3).data<int8_t>() : nullptr,
        .a = affine ? operands.in(2).data<float>() : nullptr,
        .b = affine ? operands.in(3).data<float>() : nullptr,
        .residual =
            residual ? operands.in(4).data<uint8_t>() + n * g.out.h * g.out.w * g.out.c : nullptr,
        .ratios = residual ? operands.in(5).data<int32_t>() : nullptr,
        .y = y.raw() + static_cast<size_t>(n) * image_bytes,
        .scratch = scratch.data()};
    reference.run(params, args);
  }
  return y;
}

Tensor DoubleQConv(const Operands& operands) {
  const WindowGeometry g = GeometryOf(operands);
  const std::string epilogue = operands.attributes().Text("epilogue");
  const bool relu = operands.attributes().Text("activation", "none") == "relu";
  const int64_t pad_value = operands.attributes().Int("pad_value");
  const bool residual = operands.attributes().Int("residual_bits", 0) != 0;
  const DType dtype = epilogue == "affine" ? DType::kF64 : operands.out().dtype;
  Tensor y(dtype, g.out.In("NHWC"));
  for (int64_t i = 0; i < y.size(); ++i) {
    const int64_t co = i % g.out.c;
    const int64_t ox = i / g.out.c % g.out.w;
    const int64_t oy = i / g.out.c / g.out.w % g.out.h;
    const int64_t n = i / g.out.c / g.out.w / g.out.h;
    const uint8_t* image = operands.in(0).data<uint8_t>() + n * g.in.h * g.in.w * g.in.c;
    int64_t acc = Accumulate(g, image, operands.in(1).data<int8_t>(), pad_value, oy, ox, co);
    if (residual) {
      acc += int64_t{operands.in(5).data<int32_t>()[co]} * operands.in(4).data<uint8_t>()[i];
    }
    if (epilogue == "raw") {
      y.data<int32_t>()[i] = static_cast<int32_t>(acc);
    } else if (epilogue == "threshold") {
      const int64_t count = operands.out().quant->levels - 1;
      y.data<uint8_t>()[i] = CountThresholds(acc, operands.in(2).data<int32_t>() + co * count,
                                             count, operands.in(3).data<int8_t>()[co]);
    } else {
      const double value = static_cast<double>(acc) * operands.in(2).At(co) + operands.in(3).At(co);
      y.data<double>()[i] = relu ? std::max(value, 0.0) : value;
    }
  }
  return y;
}

Result<Inferred> InferThreshold(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kS32));
  const Shape& x = context.in(0).shape;
  if (x.empty()) return Error(Code::kInvalidData, "a scalar has no channels");
  BLUESTEM_ASSIGN_OR_RETURN(auto quant, CheckThresholds(context, 1, x.back()));
  return Inferred{DType::kU8, x, std::move(quant)};
}

Tensor EvaluateThreshold(const Operands& operands) {
  const Tensor& x = operands.in(0);
  const int64_t channels = x.shape().back();
  Tensor y(DType::kU8, x.shape());
  kernels::threshold_s32_u8({.rows = x.size() / channels,
                             .channels = static_cast<int32_t>(channels),
                             .levels = operands.out().quant->levels},
                            x.data<int32_t>(), operands.in(1).data<int32_t>(),
                            operands.in(2).data<int8_t>(), y.data<uint8_t>());
  return y;
}

Tensor DoubleThreshold(const Operands& operands) {
  const Tensor& x = operands.in(0);
  const int64_t channels = x.shape().back();
  const int64_t count = operands.out().quant->levels - 1;
  Tensor y(DType::kU8, x.shape());
  for (int64_t i = 0; i < x.size(); ++i) {
    const int64_t c = i % channels;
    y.data<uint8_t>()[i] =
        CountThresholds(x.data<int32_t>()[i], operands.in(1).data<int32_t>() + c * count, count,
                        operands.in(2).data<int8_t>()[c]);
  }
  return y;
}

}  // namespace bluestem::ir
