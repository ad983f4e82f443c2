#include <algorithm>
#include <cctype>
#include <cmath>

#include "bluestem/interchange/onnx/context.h"

// The quantizers of QONNX.
namespace bluestem::interchange {
namespace {

struct RoundingName {
  const char* qonnx;
  const char* ir;
};

constexpr RoundingName kRoundings[] = {
    {"ROUND", "ROUND"},  {"HALF_EVEN", "ROUND"},        {"FLOOR", "FLOOR"},
    {"CEIL", "CEIL"},    {"DOWN", "ROUND_TO_ZERO"},     {"ROUND_TO_ZERO", "ROUND_TO_ZERO"},
    {"UP", "FROM_ZERO"}, {"HALF_UP", "HALF_FROM_ZERO"}, {"HALF_DOWN", "HALF_TO_ZERO"},
};

// Returns the IR's name of the attribute rounding_mode, whatever its case.
Result<std::string> ReadRounding(const OnnxContext& context, const char* otherwise) {
  BLUESTEM_ASSIGN_OR_RETURN(std::string name, context.Text("rounding_mode", otherwise));
  const std::string written = name;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string known;
  for (const RoundingName& row : kRoundings) {
    if (name == row.qonnx) return std::string(row.ir);
    known += std::string(known.empty() ? "" : ", ") + row.qonnx;
  }
  return Error(Code::kUnsupported, "rounding_mode \"{}\"; expected one of {}", written, known);
}

// QONNX computes a signed quantizer of one bit as the sign, -1 or +1, not as -1 or 0.
Status ReadOneBit(OnnxContext& context, const Symbol& x, const Symbol& scale,
                  const Symbol& zero_point) {
  BLUESTEM_ASSIGN_OR_RETURN(const double zero, ConstantScalar(zero_point, "the zero point"));
  if (zero != 0) {
    return Error(Code::kUnsupported, "a signed quantizer of one bit with zero point {}; only 0",
                 zero);
  }
  return context.Set(context.builder.Append("BinaryQuant", context.name, {x, scale}));
}

Status ReadQuant(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol scale, context.In(1));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol zero_point, context.In(2));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol bit_width, context.In(3));
  BLUESTEM_ASSIGN_OR_RETURN(const double bits, ConstantScalar(bit_width, "the bit width"));
  if (bits != std::floor(bits) || bits < 1 || bits > 32) {
    return Error(Code::kUnsupported,
                 "the bit width is {}; whole numbers from 1 to 32 are supported", bits);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t is_signed, context.Int("signed", 1));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t narrow, context.Int("narrow", 0));
  BLUESTEM_ASSIGN_OR_RETURN(std::string rounding, ReadRounding(context, "ROUND"));
  if (bits == 1 && is_signed != 0) return ReadOneBit(context, x, scale, zero_point);
  // Below zero, where the two differ, every code of an unsigned quantizer is 0.
  if (rounding == "HALF_FROM_ZERO" && is_signed == 0) rounding = "HALF_UP";
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

// Appends a unary or binary step of a chain; `y`, where given, is its constant second operand.
class Steps {
 public:
  Steps(OnnxContext& context, Symbol x) : context_(context), x_(std::move(x)) {}

  Status Then(const char* op) { return Append(op, {x_}); }
  Status Then(const char* op, double y) {
    return Append(op, {x_, ConstantSymbol(Tensor::Of<float>({}, {static_cast<float>(y)}))});
  }
  Status Then(const char* op, const Symbol& y) { return Append(op, {x_, y}); }
  Status Clip(double low, double high) {
    ir::Attributes attributes;
    attributes.Set("min", low).Set("max", high);
    return Append("Clip", {x_}, std::move(attributes));
  }
  const Symbol& value() const { return x_; }

 private:
  Status Append(const char* op, const std::vector<Symbol>& inputs, ir::Attributes attributes = {}) {
    BLUESTEM_ASSIGN_OR_RETURN(
        x_, context_.builder.Append(op, context_.name + "/" + op, inputs, std::move(attributes)));
    return OkStatus();
  }

  OnnxContext& context_;
  Symbol x_;
};

// Takes bits off at the low end: code = round(x / scale + zero point), cut = rounding(code / 2^t).
// Version 1 (in and out bit widths): t is their difference, y = (cut - zero point) * scale.
// Version 2 (in width, out scale, out width): t = round(log2(out scale / scale)), the quotient is
// clipped to the out width before it is rounded, y = (cut - zero point / 2^t) * out scale.
Status ReadTrunc(OnnxContext& context) {
  const bool second = context.node.input_size() == 6;
  if (context.node.input_size() != 5 && !second) {
    return Error(Code::kInvalidData, "has {} inputs; version 1 takes 5, version 2 takes 6",
                 context.node.input_size());
  }
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol scale_symbol, context.In(1));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol zero_symbol, context.In(2));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol in_bits_symbol, context.In(3));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol out_bits_symbol, context.In(second ? 5 : 4));
  BLUESTEM_ASSIGN_OR_RETURN(const double scale, ConstantScalar(scale_symbol, "the scale"));
  BLUESTEM_ASSIGN_OR_RETURN(const double zero, ConstantScalar(zero_symbol, "the zero point"));
  BLUESTEM_ASSIGN_OR_RETURN(const double in_bits, ConstantScalar(in_bits_symbol, "the bit width"));
  BLUESTEM_ASSIGN_OR_RETURN(const double out_bits,
                            ConstantScalar(out_bits_symbol, "the output bit width"));
  double out_scale = scale;
  double cut_bits = in_bits - out_bits;
  if (second) {
    BLUESTEM_ASSIGN_OR_RETURN(const Symbol out_symbol, context.In(4));
    BLUESTEM_ASSIGN_OR_RETURN(out_scale, ConstantScalar(out_symbol, "the output scale"));
    cut_bits = std::nearbyint(std::log2(out_scale / scale));
  }
  const bool fits = scale > 0 && std::isfinite(scale) && out_scale > 0 &&
                    cut_bits == std::floor(cut_bits) && std::fabs(cut_bits) <= 31 &&
                    out_bits == std::floor(out_bits) && out_bits >= 1 && out_bits <= 31;
  if (!fits) {
    return Error(Code::kUnsupported,
                 "scale {} and {}, bit widths {} and {}: expected scales above 0 and whole widths "
                 "from 1 to 31",
                 scale, out_scale, in_bits, out_bits);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const std::string rounding, ReadRounding(context, "FLOOR"));
  const char* round = rounding == "FLOOR" ? "Floor" : rounding == "CEIL" ? "Ceil" : "Round";
  if (*round == 'R' && rounding != "ROUND") {
    return Error(Code::kUnsupported, "rounding_mode {}: expected FLOOR, CEIL or ROUND", rounding);
  }
  Steps steps(context, x);
  BLUESTEM_RETURN_IF_ERROR(steps.Then("Div", scale_symbol));
  if (zero != 0) BLUESTEM_RETURN_IF_ERROR(steps.Then("Add", zero));
  BLUESTEM_RETURN_IF_ERROR(steps.Then("Round"));
  BLUESTEM_RETURN_IF_ERROR(steps.Then("Mul", std::ldexp(1.0, static_cast<int>(-cut_bits))));
  if (second) {
    BLUESTEM_ASSIGN_OR_RETURN(const int64_t is_signed, context.Int("signed", 1));
    BLUESTEM_ASSIGN_OR_RETURN(const int64_t narrow, context.Int("narrow", 0));
    const double span = std::ldexp(1.0, static_cast<int>(out_bits) - (is_signed != 0 ? 1 : 0));
    const double drop = narrow != 0 ? 1 : 0;
    BLUESTEM_RETURN_IF_ERROR(is_signed != 0 ? steps.Clip(-span + drop, span - 1)
                                            : steps.Clip(0, span - 1 - drop));
  }
  BLUESTEM_RETURN_IF_ERROR(steps.Then(round));
  const double out_zero = second ? std::ldexp(zero, static_cast<int>(-cut_bits)) : zero;
  if (out_zero != 0) BLUESTEM_RETURN_IF_ERROR(steps.Then("Sub", out_zero));
  BLUESTEM_RETURN_IF_ERROR(steps.Then("Mul", out_scale));
  return context.Set(steps.value());
}

// The layout is a string of axes with C for channels; without one, channels are where ONNX has
// them, and last in a value of three axes.
Status ReadMultiThreshold(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol thresholds, context.In(1));
  BLUESTEM_ASSIGN_OR_RETURN(const double scale, context.Float("out_scale", 1));
  BLUESTEM_ASSIGN_OR_RETURN(const double bias, context.Float("out_bias", 0));
  BLUESTEM_ASSIGN_OR_RETURN(const std::string layout, context.Text("data_layout", ""));
  const size_t rank = context.builder.ShapeOf(x).size();
  if (!thresholds.IsConstant() || thresholds.constant->shape().size() != 2) {
    return Error(Code::kUnsupported, "the thresholds must be a constant [channels, steps]");
  }
  const size_t named = layout.find('C');
  const size_t channels = named != std::string::npos ? named : rank == 3 ? 2 : 1;
  const bool shared = thresholds.constant->shape()[0] == 1;
  if (channels != 1 && channels + 1 != rank && !shared) {
    return Error(Code::kUnsupported, "data_layout \"{}\" over {} axes; channels second or last",
                 layout, rank);
  }
  const bool first = channels == 1 && rank > 2;
  ir::Attributes attributes;
  attributes.Set("scale", scale)
      .Set("bias", bias)
      .Set("layout", std::string(first ? "NCHW" : "NHWC"));
  return context.Set(
      context.builder.Append("MultiThreshold", context.name, {x, thresholds}, attributes));
}

constexpr OnnxReader kReaders[] = {{"Quant", ReadQuant},
                                   {"IntQuant", ReadQuant},
                                   {"BipolarQuant", ReadBipolarQuant},
                                   {"Trunc", ReadTrunc},
                                   {"MultiThreshold", ReadMultiThreshold}};

}  // namespace

std::span<const OnnxReader> OnnxQuantReaders() {
  return kReaders;
}

}  // namespace bluestem::interchange
