#include <algorithm>
#include <cmath>

#include "bluestem/interchange/onnx/context.h"
#include "onnx/onnx.pb.h"

// ONNX's own quantizers. QuantizeLinear makes integers; here it makes the real values that they
// mean, and DequantizeLinear of these is what they are already. An op between the two that does
// more than move or compare elements would compute on integers and is refused.
namespace bluestem::interchange {
namespace {

struct IntegerType {
  int32_t onnx;
  int64_t bits;
  bool is_signed;
};

constexpr IntegerType kTypes[] = {
    {onnx::TensorProto::UINT8, 8, false},   {onnx::TensorProto::INT8, 8, true},
    {onnx::TensorProto::UINT16, 16, false}, {onnx::TensorProto::INT16, 16, true},
    {onnx::TensorProto::INT32, 32, true},
};

// Returns scale or zero point so that it broadcasts to a value of `rank` axes.
Result<Tensor> Parameter(const Symbol& symbol, const char* what, size_t rank, int64_t axis) {
  if (!symbol.IsConstant()) {
    return Error(Code::kUnsupported, "{} must be a constant, not computed at run time", what);
  }
  const Tensor real = symbol.constant->Cast(DType::kF32);
  if (real.size() == 1) return real.Reshaped({});
  if (axis < 0) axis += static_cast<int64_t>(rank);
  if (real.shape().size() != 1 || axis < 0 || axis >= static_cast<int64_t>(rank)) {
    return Error(Code::kUnsupported, "{} has shape {}; one number or one for each index of an axis",
                 what, ShapeText(real.shape()));
  }
  Shape shape(rank, 1);
  shape[static_cast<size_t>(axis)] = real.size();
  return real.Reshaped(shape);
}

struct Parameters {
  Tensor scale;
  Tensor zero_point;
  IntegerType type = kTypes[0];
};

// Reads scale and zero point; `type_of` names the value whose element type is the integers'.
Result<Parameters> ReadParameters(const OnnxContext& context, size_t rank,
                                  const std::string& type_of) {
  Parameters result;
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t axis, context.Int("axis", 1));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol scale, context.In(1));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol zero_point, context.OptionalIn(2));
  BLUESTEM_ASSIGN_OR_RETURN(result.scale, Parameter(scale, "the scale", rank, axis));
  result.zero_point = Tensor::Of<float>({}, {0});
  if (!zero_point.IsAbsent()) {
    BLUESTEM_ASSIGN_OR_RETURN(result.zero_point,
                              Parameter(zero_point, "the zero point", rank, axis));
  }
  const int32_t type = context.builder.ElementType(type_of);
  for (const IntegerType& row : kTypes) {
    if (row.onnx == type) result.type = row;
  }
  const bool known = type == 0 || result.type.onnx == type;
  if (!known) {
    return Error(Code::kUnsupported,
                 "integers of ONNX element type {}; supported: 8 and 16 bits, and int32 constants",
                 type);
  }
  return result;
}

// Rounding is done before ONNX adds the zero point, ties to even: a tie over an odd zero point goes
// to odd.
Result<std::string> RoundingOver(const Tensor& zero_point) {
  std::string rounding;
  for (int64_t i = 0; i < zero_point.size(); ++i) {
    const std::string one = std::fmod(zero_point.At(i), 2) == 0 ? "ROUND" : "HALF_ODD";
    if (!rounding.empty() && one != rounding) {
      return Error(Code::kUnsupported, "zero points of one axis are even and odd");
    }
    rounding = one;
  }
  return rounding;
}

Result<Symbol> AppendQuant(OnnxContext& context, const Symbol& x, const Parameters& parameters) {
  BLUESTEM_ASSIGN_OR_RETURN(std::string rounding, RoundingOver(parameters.zero_point));
  ir::Attributes attributes;
  attributes.Set("bits", parameters.type.bits)
      .Set("signed", int64_t{parameters.type.is_signed ? 1 : 0})
      .Set("narrow", int64_t{0})
      .Set("rounding", std::move(rounding));
  return context.builder.Append(
      "Quant", context.name,
      {x, ConstantSymbol(parameters.scale), ConstantSymbol(parameters.zero_point)}, attributes);
}

Status ReadQuantizeLinear(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  const size_t rank = context.builder.ShapeOf(x).size();
  BLUESTEM_ASSIGN_OR_RETURN(
      const Parameters parameters,
      ReadParameters(context, rank, context.Has(2) ? context.node.input(2) : ""));
  return context.Set(AppendQuant(context, x, parameters));
}

// True where `value` is made by quantizers of these parameters through moves and maxima alone.
bool ComesFromQuantizer(const Builder& builder, ir::ValueId value, const Parameters& parameters,
                        int depth) {
  static constexpr const char* kMoves[] = {"Reshape", "Transpose", "Slice",        "Concat",
                                           "MaxPool", "Identity",  "ResizeNearest"};
  const ir::Node* node = depth == 0 ? nullptr : builder.graph.Producer(value);
  if (node == nullptr) return false;
  if (node->op == "Quant") {
    const Tensor& scale = *builder.graph.value(node->inputs[1]).constant;
    const Tensor& zero_point = *builder.graph.value(node->inputs[2]).constant;
    return scale.size() == parameters.scale.size() && scale.At(0) == parameters.scale.At(0) &&
           zero_point.At(0) == parameters.zero_point.At(0);
  }
  const bool moves = std::any_of(std::begin(kMoves), std::end(kMoves),
                                 [&](const char* op) { return node->op == op; });
  return moves && std::all_of(node->inputs.begin(), node->inputs.end(), [&](ir::ValueId id) {
           return ComesFromQuantizer(builder, id, parameters, depth - 1);
         });
}

// Constants become reals, and matrices of them quantizers of reals, so that the integers are found
// again.
Status DequantizeConstant(OnnxContext& context, const Symbol& x, const Parameters& parameters) {
  BLUESTEM_ASSIGN_OR_RETURN(Symbol real,
                            context.builder.Append("Sub", context.name + "/zero",
                                                   {x, ConstantSymbol(parameters.zero_point)}));
  BLUESTEM_ASSIGN_OR_RETURN(real, context.builder.Append("Mul", context.name + "/real",
                                                         {real, ConstantSymbol(parameters.scale)}));
  bool centred = true;
  for (int64_t i = 0; i < parameters.zero_point.size(); ++i) {
    centred = centred && parameters.zero_point.At(i) == 0;
  }
  const bool weights = x.constant->shape().size() > 1 && parameters.type.bits == 8 &&
                       parameters.type.is_signed && centred;
  if (!weights) return context.Set(real);
  return context.Set(AppendQuant(context, real, parameters));
}

Status ReadDequantizeLinear(OnnxContext& context) {
  constexpr int kLongestWay = 64;
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  const size_t rank = context.builder.ShapeOf(x).size();
  BLUESTEM_ASSIGN_OR_RETURN(const Parameters parameters,
                            ReadParameters(context, rank, context.node.input(0)));
  if (x.IsConstant()) return DequantizeConstant(context, x, parameters);
  if (!ComesFromQuantizer(context.builder, x.id, parameters, kLongestWay)) {
    return Error(Code::kUnsupported,
                 "its input \"{}\" is not made by QuantizeLinear of the same scale and zero point",
                 context.node.input(0));
  }
  return context.Set(x);
}

constexpr OnnxReader kReaders[] = {{"QuantizeLinear", ReadQuantizeLinear},
                                   {"DequantizeLinear", ReadDequantizeLinear}};

}  // namespace

std::span<const OnnxReader> OnnxLinearQuantReaders() {
  return kReaders;
}

}  // namespace bluestem::interchange
