#include <cmath>

#include "bluestem/interchange/onnx/context.h"

// The quantizers of QONNX.
namespace bluestem::interchange {
namespace {

Status ReadQuant(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol scale, context.In(1));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol zero_point, context.In(2));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol bit_width, context.In(3));
  BLUESTEM_ASSIGN_OR_RETURN(const double bits, ConstantScalar(bit_width, "the bit width"));
  if (bits != std::floor(bits) || bits < 1 || bits > 31) {
    return Error(Code::kUnsupported,
                 "the bit width is {}; whole numbers from 1 to 31 are supported", bits);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t is_signed, context.Int("signed", 1));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t narrow, context.Int("narrow", 0));
  BLUESTEM_ASSIGN_OR_RETURN(std::string rounding, context.Text("rounding_mode", "ROUND"));
  if (rounding == "HALF_EVEN") rounding = "ROUND";
  if (rounding == "DOWN") rounding = "ROUND_TO_ZERO";
  ir::Attributes attributes;
  attributes.Set("bits", static_cast<int64_t>(bits))
      .Set("signed", is_signed)
      .Set("narrow", narrow)
      .Set("rounding", std::move(rounding));
  return context.Set(
      context.builder.Append("Quant", context.name, {x, scale, zero_point}, attributes));
}

Status ReadBipolarQuant(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol scale, context.In(1));
  return context.Set(context.builder.Append("BinaryQuant", context.name, {x, scale}));
}

constexpr OnnxReader kReaders[] = {
    {"Quant", ReadQuant}, {"IntQuant", ReadQuant}, {"BipolarQuant", ReadBipolarQuant}};

}  // namespace

std::span<const OnnxReader> OnnxQuantReaders() {
  return kReaders;
}

}  // namespace bluestem::interchange
