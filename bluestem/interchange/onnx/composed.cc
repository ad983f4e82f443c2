#include <cmath>

#include "bluestem/interchange/onnx/context.h"

// Ops of ONNX that are several of ours. Each is built where its function is cheapest to read; all
// are f32 and of the shape of their input.
namespace bluestem::interchange {
namespace {

// Appends nodes named after the node that they are parts of.
class Parts {
 public:
  explicit Parts(OnnxContext& context) : context_(context) {}

  Result<Symbol> operator()(const char* op, const std::vector<Symbol>& inputs,
                            ir::Attributes attributes = {}) {
    return context_.builder.Append(op, context_.name + "/" + op, inputs, std::move(attributes));
  }
  static Symbol Number(double value) {
    return ConstantSymbol(Tensor::Of<float>({}, {static_cast<float>(value)}));
  }

 private:
  OnnxContext& context_;
};

// gamma * (max(x, 0) + alpha * (e^(min(x, 0) * rate) - 1)): Elu, Selu and Celu.
Result<Symbol> AppendElu(OnnxContext& context, double alpha, double gamma, double rate) {
  Parts part(context);
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol above, part("Relu", {x}));
  BLUESTEM_ASSIGN_OR_RETURN(Symbol below, part("Min", {x, Parts::Number(0)}));
  if (rate != 1) {
    BLUESTEM_ASSIGN_OR_RETURN(below, part("Mul", {below, Parts::Number(rate)}));
  }
  BLUESTEM_ASSIGN_OR_RETURN(below, part("Exp", {below}));
  BLUESTEM_ASSIGN_OR_RETURN(below, part("Sub", {below, Parts::Number(1)}));
  if (alpha != 1) {
    BLUESTEM_ASSIGN_OR_RETURN(below, part("Mul", {below, Parts::Number(alpha)}));
  }
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol sum, part("Add", {above, below}));
  if (gamma == 1) return sum;
  return part("Mul", {sum, Parts::Number(gamma)});
}

Status ReadElu(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const double alpha, context.Float("alpha", 1));
  return context.Set(AppendElu(context, alpha, 1, 1));
}

Status ReadSelu(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const double alpha, context.Float("alpha", 1.6732632423543772));
  BLUESTEM_ASSIGN_OR_RETURN(const double gamma, context.Float("gamma", 1.0507009873554805));
  return context.Set(AppendElu(context, alpha, gamma, 1));
}

Status ReadCelu(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const double alpha, context.Float("alpha", 1));
  if (!(alpha > 0)) return Error(Code::kInvalidData, "alpha is {}; it must be above 0", alpha);
  return context.Set(AppendElu(context, alpha, 1, 1 / alpha));
}

// max(x, 0) + ln(1 + e^-|x|), which does not overflow.
Result<Symbol> AppendSoftplus(OnnxContext& context, const Symbol& x) {
  Parts part(context);
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol above, part("Relu", {x}));
  BLUESTEM_ASSIGN_OR_RETURN(Symbol rest, part("Abs", {x}));
  BLUESTEM_ASSIGN_OR_RETURN(rest, part("Neg", {rest}));
  BLUESTEM_ASSIGN_OR_RETURN(rest, part("Exp", {rest}));
  BLUESTEM_ASSIGN_OR_RETURN(rest, part("Add", {rest, Parts::Number(1)}));
  BLUESTEM_ASSIGN_OR_RETURN(rest, part("Log", {rest}));
  return part("Add", {above, rest});
}

Status ReadSoftplus(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  return context.Set(AppendSoftplus(context, x));
}

Status ReadMish(OnnxContext& context) {
  Parts part(context);
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol plus, AppendSoftplus(context, x));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol gate, part("Tanh", {plus}));
  return context.Set(part("Mul", {x, gate}));
}

Status ReadSoftsign(OnnxContext& context) {
  Parts part(context);
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(Symbol bottom, part("Abs", {x}));
  BLUESTEM_ASSIGN_OR_RETURN(bottom, part("Add", {bottom, Parts::Number(1)}));
  return context.Set(part("Div", {x, bottom}));
}

// z - ln(sum e^z), z = x - max(x), along the axis; before opset 13 along all axes from it on.
Status ReadLogSoftmax(OnnxContext& context) {
  Parts part(context);
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  const auto rank = static_cast<int64_t>(context.builder.ShapeOf(x).size());
  BLUESTEM_ASSIGN_OR_RETURN(int64_t axis, context.Int("axis", context.opset < 13 ? 1 : -1));
  if (axis < -rank || axis >= rank) {
    return Error(Code::kInvalidData, "axis {} is outside a value of {} axes", axis, rank);
  }
  if (axis < 0) axis += rank;
  std::vector<int64_t> axes = {axis};
  for (int64_t i = axis + 1; context.opset < 13 && i < rank; ++i) axes.push_back(i);
  ir::Attributes reduce;
  reduce.Set("axes", axes).Set("keepdims", int64_t{1});
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol top, part("ReduceMax", {x}, reduce));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol z, part("Sub", {x, top}));
  BLUESTEM_ASSIGN_OR_RETURN(Symbol sum, part("Exp", {z}));
  BLUESTEM_ASSIGN_OR_RETURN(sum, part("ReduceSum", {sum}, reduce));
  BLUESTEM_ASSIGN_OR_RETURN(sum, part("Log", {sum}));
  return context.Set(part("Sub", {z, sum}));
}

// Ranking at the end of a graph is left to whoever reads the scores: they are the output.
Status ReadRanking(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t largest, context.Int("largest", 1));
  if (largest != 1) return Error(Code::kUnsupported, "ranks from the least up");
  for (int i = 0; i < context.node.output_size(); ++i) {
    if (context.node.output(i).empty()) continue;
    if (context.builder.IsRead(context.node.output(i))) {
      return Error(Code::kUnsupported,
                   "other nodes read its output \"{}\"; only a ranking at the end can be left out",
                   context.node.output(i));
    }
    BLUESTEM_RETURN_IF_ERROR(context.Set(x, i));
    context.builder.MarkRanked(context.node.output(i));
    context.builder.graph.notes.push_back(
        fmt::format("node \"{}\" ({}) is left out: the output \"{}\" is the scores that it ranks",
                    context.name, context.node.op_type(), context.node.output(i)));
  }
  return OkStatus();
}

constexpr OnnxReader kReaders[] = {
    {"Elu", ReadElu},
    {"Selu", ReadSelu},
    {"Celu", ReadCelu},
    {"Softplus", ReadSoftplus},
    {"Mish", ReadMish},
    {"Softsign", ReadSoftsign},
    {"LogSoftmax", ReadLogSoftmax},
    {"ArgMax", ReadRanking},
    {"TopK", ReadRanking},
};

}  // namespace

std::span<const OnnxReader> OnnxComposedReaders() {
  return kReaders;
}

}  // namespace bluestem::interchange
