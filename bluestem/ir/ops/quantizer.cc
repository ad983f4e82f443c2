#include <algorithm>
#include <cmath>

#include "bluestem/ir/ops/families.h"
#include "bluestem/kernels/elementwise/elementwise.h"
#include "bluestem/quant/threshold.h"

namespace bluestem::ir {
namespace {

using quant::Rounding;

struct RoundingRow {
  const char* name;
  Rounding rounding;
  int32_t kernel;  // the number that kernels/elementwise takes
};

constexpr RoundingRow kRoundings[] = {{"ROUND", Rounding::kHalfEven, 0},
                                      {"HALF_UP", Rounding::kHalfUp, 1},
                                      {"FLOOR", Rounding::kFloor, 2},
                                      {"CEIL", Rounding::kCeil, 3},
                                      {"ROUND_TO_ZERO", Rounding::kToZero, 4},
                                      {"FROM_ZERO", Rounding::kFromZero, 5},
                                      {"HALF_FROM_ZERO", Rounding::kHalfFromZero, 6},
                                      {"HALF_TO_ZERO", Rounding::kHalfToZero, 7},
                                      {"HALF_ODD", Rounding::kHalfOdd, 8}};

const RoundingRow* FindRounding(const Attributes& attributes) {
  const std::string name = attributes.Text("rounding", "ROUND");
  const auto it = std::find_if(std::begin(kRoundings), std::end(kRoundings),
                               [&](const RoundingRow& row) { return name == row.name; });
  return it == std::end(kRoundings) ? nullptr : &*it;
}

Status CheckRounding(const Attributes& attributes) {
  if (FindRounding(attributes) != nullptr) return OkStatus();
  std::string known;
  for (const RoundingRow& row : kRoundings) {
    known += std::string(known.empty() ? "" : ", ") + row.name;
  }
  return Error(Code::kUnsupported, "rounding \"{}\" is not known; expected one of {}",
               attributes.Text("rounding"), known);
}

// Checks that parameter `i` is a constant of finite values that broadcasts to the data without
// widening it.
Status CheckParameter(const InferContext& context, size_t i, const char* what, bool above_zero) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, i, DType::kF32));
  BLUESTEM_RETURN_IF_ERROR(NeedConstant(context, i, what));
  const Shape& x = context.in(0).shape;
  BLUESTEM_ASSIGN_OR_RETURN(const Shape shape, Broadcast(x, context.in(i).shape));
  if (shape != x) {
    return Error(Code::kInvalidData, "the {} has shape {}, wider than the data's {}", what,
                 ShapeText(context.in(i).shape), ShapeText(x));
  }
  const Tensor& values = *context.in(i).constant;
  for (int64_t k = 0; k < values.size(); ++k) {
    const double value = values.At(k);
    if (!std::isfinite(value) || (above_zero && value <= 0)) {
      return Error(Code::kInvalidData, "the {} holds {}; it must be finite{}", what, value,
                   above_zero ? " and above 0" : "");
    }
  }
  return OkStatus();
}

// Plain and on its own: the double oracle does not share the rounding of quant/.
double RoundPlainly(double x, Rounding rounding) {
  switch (rounding) {
    case Rounding::kHalfEven: return std::nearbyint(x);
    case Rounding::kHalfUp: {
      const double floor = std::floor(x);
      return x - floor >= 0.5 ? floor + 1 : floor;
    }
    case Rounding::kFloor: return std::floor(x);
    case Rounding::kCeil: return std::ceil(x);
    case Rounding::kToZero: return std::trunc(x);
    case Rounding::kHalfOdd: {
      const double below = std::floor(x);
      if (x - below != 0.5) return std::nearbyint(x);
      return std::fmod(below, 2) == 0 ? below + 1 : below;
    }
    case Rounding::kFromZero: return std::copysign(std::ceil(std::fabs(x)), x);
    case Rounding::kHalfFromZero: return std::round(x);
    case Rounding::kHalfToZero: {
      const double nearest = std::round(x);
      return std::fabs(nearest - x) == 0.5 ? std::trunc(x) : nearest;
    }
  }
  return x;
}

double LowCode(bool is_signed, bool narrow, int64_t bits) {
  return is_signed ? -std::ldexp(1, static_cast<int>(bits - 1)) + (narrow ? 1 : 0) : 0;
}

double HighCode(bool is_signed, bool narrow, int64_t bits) {
  if (is_signed) return std::ldexp(1, static_cast<int>(bits - 1)) - 1;
  return std::ldexp(1, static_cast<int>(bits)) - 1 - (narrow ? 1 : 0);
}

// Applies visit(x, scale, zero point) to each element.
template <typename T, typename Visit>
Tensor FakeQuantize(const Operands& operands, Visit visit) {
  const Tensor& x = operands.in(0);
  Tensor y(DTypeOf<T>(), x.shape());
  ForEachIndex(x.shape(), BroadcastStrides(operands.in(1).shape(), x.shape()),
               BroadcastStrides(operands.in(2).shape(), x.shape()),
               [&](int64_t i, int64_t s, int64_t z) {
                 y.template data<T>()[i] = static_cast<T>(visit(
                     x.data<T>()[i], operands.in(1).data<T>()[s], operands.in(2).data<T>()[z]));
               });
  return y;
}

template <typename T>
Tensor FakeBinarize(const Operands& operands) {
  const Tensor& x = operands.in(0);
  const auto strides = BroadcastStrides(operands.in(1).shape(), x.shape());
  Tensor y(DTypeOf<T>(), x.shape());
  ForEachIndex(x.shape(), strides, strides, [&](int64_t i, int64_t s, int64_t) {
    const T scale = operands.in(1).data<T>()[s];
    y.template data<T>()[i] = x.data<T>()[i] >= 0 ? scale : -scale;
  });
  return y;
}

}  // namespace

Result<Inferred> InferQuant(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kF32));
  BLUESTEM_RETURN_IF_ERROR(CheckParameter(context, 1, "scale", true));
  BLUESTEM_RETURN_IF_ERROR(CheckParameter(context, 2, "zero point", false));
  BLUESTEM_RETURN_IF_ERROR(CheckRounding(context.attributes()));
  const int64_t bits = context.attributes().Int("bits");
  const int64_t most = context.attributes().Int("signed") != 0 ? 32 : 31;
  if (bits < 1 || bits > most) {
    return Error(Code::kUnsupported, "bits is {}; quantizers have 1 to {} bits", bits, most);
  }
  if (bits == 1 && context.attributes().Int("narrow") != 0) {
    return Error(Code::kInvalidData,
                 "a narrow quantizer of 1 bit has one level; use 2 bits or more");
  }
  return Inferred{DType::kF32, context.in(0).shape, nullptr};
}

Tensor EvaluateQuant(const Operands& operands) {
  const Attributes& attributes = operands.attributes();
  const auto bits = static_cast<int32_t>(attributes.Int("bits"));
  const quant::QuantSpec range =
      quant::MakeQuantSpec(1.0, 0.0, bits, attributes.Int("signed") != 0,
                           attributes.Int("narrow") != 0, FindRounding(attributes)->rounding);
  return FakeQuantize<float>(operands, [&](float x, float scale, float zero_point) {
    quant::QuantSpec spec = range;
    spec.scale = scale;
    spec.zero_point = zero_point;
    return spec.Value(spec.Code(x));
  });
}

Tensor DoubleQuant(const Operands& operands) {
  const Attributes& attributes = operands.attributes();
  const Rounding rounding = FindRounding(attributes)->rounding;
  const bool is_signed = attributes.Int("signed") != 0;
  const bool narrow = attributes.Int("narrow") != 0;
  const double low = LowCode(is_signed, narrow, attributes.Int("bits"));
  const double high = HighCode(is_signed, narrow, attributes.Int("bits"));
  return FakeQuantize<double>(operands, [&](double x, double scale, double zero_point) {
    const double code = RoundPlainly((std::isnan(x) ? 0 : x) / scale + zero_point, rounding);
    return (std::min(std::max(code, low), high) - zero_point) * scale;
  });
}

Result<Inferred> InferBinaryQuant(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kF32));
  BLUESTEM_RETURN_IF_ERROR(CheckParameter(context, 1, "scale", false));
  return Inferred{DType::kF32, context.in(0).shape, nullptr};
}

Tensor EvaluateBinaryQuant(const Operands& operands) {
  return FakeBinarize<float>(operands);
}
Tensor DoubleBinaryQuant(const Operands& operands) {
  return FakeBinarize<double>(operands);
}

Result<Inferred> InferQuantize(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kF32));
  BLUESTEM_RETURN_IF_ERROR(CheckRounding(context.attributes()));
  const int64_t low = context.attributes().Int("low");
  if (low < -255 || low > 255) {
    return Error(Code::kInvalidData, "low is {}; it must be within +-255", low);
  }
  BLUESTEM_ASSIGN_OR_RETURN(auto quant, QuantFromAttributes(context.attributes()));
  if (context.Has(1)) {
    BLUESTEM_RETURN_IF_ERROR(CheckParameter(context, 1, "scale", true));
    const Shape& x = context.in(0).shape;
    if (x.empty() || context.in(1).shape != Shape{x.back()} || quant->scale != 1) {
      return Error(Code::kInvalidData,
                   "scales of shape {} over {} with scale {}; expected one a channel and scale 1",
                   ShapeText(context.in(1).shape), ShapeText(x), quant->scale);
    }
  }
  return Inferred{DType::kU8, context.in(0).shape, std::move(quant)};
}

Tensor EvaluateQuantize(const Operands& operands) {
  const QuantInfo& quant = *operands.out().quant;
  const auto low = static_cast<int32_t>(operands.attributes().Int("low"));
  const Tensor& x = operands.in(0);
  Tensor y(DType::kU8, x.shape());
  if (operands.Has(1)) {
    const Tensor& scales = operands.in(1);
    quant::QuantSpec spec = {.scale = 1,
                             .zero_point = static_cast<double>(quant.zero_point + low),
                             .low = low,
                             .high = low + quant.levels - 1,
                             .rounding = FindRounding(operands.attributes())->rounding};
    for (int64_t i = 0; i < x.size(); ++i) {
      spec.scale = scales.At(i % scales.size());
      y.data<uint8_t>()[i] = static_cast<uint8_t>(spec.Code(x.At(i)) - low);
    }
    return y;
  }
  kernels::quantize_f32_u8({.count = x.size(),
                            .scale = quant.scale,
                            .zero_point = static_cast<double>(quant.zero_point + low),
                            .low = low,
                            .high = low + quant.levels - 1,
                            .rounding = FindRounding(operands.attributes())->kernel},
                           x.data<float>(), y.data<uint8_t>());
  return y;
}

Tensor DoubleQuantize(const Operands& operands) {
  const QuantInfo& quant = *operands.out().quant;
  const Rounding rounding = FindRounding(operands.attributes())->rounding;
  const auto low = static_cast<double>(operands.attributes().Int("low"));
  const Tensor& x = operands.in(0);
  Tensor y(DType::kU8, x.shape());
  for (int64_t i = 0; i < x.size(); ++i) {
    const double value = x.data<double>()[i];
    const double scale =
        operands.Has(1) ? operands.in(1).At(i % operands.in(1).size()) : quant.scale;
    const double code =
        RoundPlainly((std::isnan(value) ? 0 : value) / scale + quant.zero_point + low, rounding);
    y.data<uint8_t>()[i] = static_cast<uint8_t>(std::clamp(code - low, 0.0, quant.levels - 1.0));
  }
  return y;
}

Result<Inferred> InferDequantize(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kU8));
  if (context.in(0).quant == nullptr) {
    return Error(Code::kInvalidData, "input \"{}\" has codes without a scale", context.in(0).name);
  }
  return Inferred{DType::kF32, context.in(0).shape, nullptr};
}

Tensor EvaluateDequantize(const Operands& operands) {
  const QuantInfo& quant = *operands.in_value(0).quant;
  const Tensor& x = operands.in(0);
  Tensor y(DType::kF32, x.shape());
  kernels::dequantize_u8_f32(
      {.count = x.size(), .zero_point = quant.zero_point, .scale = static_cast<float>(quant.scale)},
      x.data<uint8_t>(), y.data<float>());
  return y;
}

Tensor DoubleDequantize(const Operands& operands) {
  const QuantInfo& quant = *operands.in_value(0).quant;
  const Tensor& x = operands.in(0);
  Tensor y(DType::kF64, x.shape());
  for (int64_t i = 0; i < x.size(); ++i) {
    y.data<double>()[i] = (x.data<uint8_t>()[i] - quant.zero_point) * quant.scale;
  }
  return y;
}

Result<Inferred> InferLookup(const InferContext& context) {
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 0, DType::kU8));
  BLUESTEM_RETURN_IF_ERROR(NeedDType(context, 1, DType::kU8));
  BLUESTEM_RETURN_IF_ERROR(NeedConstant(context, 1, "the table"));
  if (context.in(1).shape != Shape{256}) {
    return Error(Code::kInvalidData, "the table has shape {}; expected [256]",
                 ShapeText(context.in(1).shape));
  }
  BLUESTEM_ASSIGN_OR_RETURN(auto quant, QuantFromAttributes(context.attributes()));
  return Inferred{DType::kU8, context.in(0).shape, std::move(quant)};
}

Tensor EvaluateLookup(const Operands& operands) {
  const Tensor& x = operands.in(0);
  Tensor y(DType::kU8, x.shape());
  kernels::lookup_u8(x.size(), operands.in(1).data<uint8_t>(), x.data<uint8_t>(),
                     y.data<uint8_t>());
  return y;
}

}  // namespace bluestem::ir
