#include <algorithm>

#include "bluestem/interchange/onnx/context.h"

// Convolutions, matrix products, pools and normalizations. ONNX's maps are NCHW.
namespace bluestem::interchange {
namespace {

constexpr int64_t kMaxWindow = int64_t{1} << 24;

struct Window {
  std::vector<int64_t> kernel, strides, dilations, pads;

  ir::Attributes Attributes() const {
    ir::Attributes attributes;
    attributes.Set("strides", strides).Set("pads", pads).Set("layout", std::string("NCHW"));
    return attributes;
  }
};

// A list over one axis becomes one over h and w, where h has extent 1; pads are [begin, end].
std::vector<int64_t> Widened(std::vector<int64_t> list, int64_t other, bool is_pads) {
  if (is_pads && list.size() == 2) return {other, list[0], other, list[1]};
  if (!is_pads && list.size() == 1) return {other, list[0]};
  return list;
}

// Returns a value [n,c,l] (or weights [co,ci,k]) as [n,c,1,l]; others as they are.
Result<Symbol> WithHeight(OnnxContext& context, const Symbol& x, const char* what) {
  const Shape shape = context.builder.ShapeOf(x);
  if (shape.size() != 3) return x;
  ir::Attributes attributes;
  attributes.Set("shape", Shape{shape[0], shape[1], 1, shape[2]});
  return context.builder.Append("Reshape", context.name + what, {x}, attributes);
}

// Binds y [n,c,1,l] as [n,c,l] where the node's input was so.
Status SetWithoutHeight(OnnxContext& context, Result<Symbol> y, size_t rank) {
  if (!y.ok() || rank != 3) return context.Set(std::move(y));
  const Shape shape = context.builder.ShapeOf(*y);
  ir::Attributes attributes;
  attributes.Set("shape", Shape{shape[0], shape[1], shape[3]});
  return context.Set(context.builder.Append("Reshape", context.name + "/line", {*y}, attributes));
}

Status CheckList(const char* key, const std::vector<int64_t>& list, size_t count, int64_t low) {
  if (list.size() != count) {
    return Error(Code::kUnsupported,
                 "{} has {} entries; only two-dimensional maps are supported ({})", key,
                 list.size(), count);
  }
  for (const int64_t entry : list) {
    if (entry < low || entry > kMaxWindow) {
      return Error(Code::kInvalidData, "{} holds {}; expected {} to {}", key, entry, low,
                   kMaxWindow);
    }
  }
  return OkStatus();
}

// Reads strides, dilations, pads and auto_pad of a window over the map `x`.
Result<Window> ReadWindow(const OnnxContext& context, const Shape& x, std::vector<int64_t> kernel) {
  if (x.size() != 4) {
    return Error(Code::kUnsupported, "input has shape {}; only [n,c,h,w] and [n,c,l] are supported",
                 ShapeText(x));
  }
  Window window;
  window.kernel = std::move(kernel);
  BLUESTEM_ASSIGN_OR_RETURN(window.strides, context.Ints("strides", {1, 1}));
  BLUESTEM_ASSIGN_OR_RETURN(window.dilations, context.Ints("dilations", {1, 1}));
  BLUESTEM_ASSIGN_OR_RETURN(window.pads, context.Ints("pads", {0, 0, 0, 0}));
  window.kernel = Widened(window.kernel, 1, false);
  window.strides = Widened(window.strides, 1, false);
  window.dilations = Widened(window.dilations, 1, false);
  window.pads = Widened(window.pads, 0, true);
  BLUESTEM_RETURN_IF_ERROR(CheckList("kernel_shape", window.kernel, 2, 1));
  BLUESTEM_RETURN_IF_ERROR(CheckList("strides", window.strides, 2, 1));
  BLUESTEM_RETURN_IF_ERROR(CheckList("dilations", window.dilations, 2, 1));
  BLUESTEM_RETURN_IF_ERROR(CheckList("pads", window.pads, 4, 0));
  BLUESTEM_ASSIGN_OR_RETURN(const std::string mode, context.Text("auto_pad", "NOTSET"));
  if (mode == "NOTSET") return window;
  window.pads = {0, 0, 0, 0};
  if (mode == "VALID") return window;
  if (mode != "SAME_UPPER" && mode != "SAME_LOWER") {
    return Error(Code::kInvalidData,
                 "auto_pad is \"{}\"; expected NOTSET, VALID, SAME_UPPER or SAME_LOWER", mode);
  }
  for (size_t i = 0; i < 2; ++i) {
    const Pads pads = SamePads(x[2 + i], window.kernel[i], window.strides[i], window.dilations[i],
                               mode == "SAME_LOWER");
    window.pads[i] = pads.before;
    window.pads[2 + i] = pads.after;
  }
  return window;
}

Status ReadConv(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(Symbol w, context.In(1));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol bias, context.OptionalIn(2));
  const size_t rank = context.builder.ShapeOf(x).size();
  BLUESTEM_ASSIGN_OR_RETURN(x, WithHeight(context, x, "/map"));
  BLUESTEM_ASSIGN_OR_RETURN(w, WithHeight(context, w, "/weights"));
  const Shape shape = context.builder.ShapeOf(w);
  if (shape.size() != 4) {
    return Error(Code::kUnsupported,
                 "weights have shape {}; only [co,ci,kh,kw] and [co,ci,k] are supported",
                 ShapeText(shape));
  }
  BLUESTEM_ASSIGN_OR_RETURN(const Window window,
                            ReadWindow(context, context.builder.ShapeOf(x), {shape[2], shape[3]}));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t groups, context.Int("group", 1));
  BLUESTEM_ASSIGN_OR_RETURN(auto declared, context.Ints("kernel_shape", window.kernel));
  declared = Widened(declared, 1, false);
  if (declared != window.kernel) {
    return Error(Code::kInvalidData, "kernel_shape is {}, but the weights have shape {}",
                 ShapeText(declared), ShapeText(shape));
  }
  ir::Attributes attributes = window.Attributes();
  attributes.Set("dilations", window.dilations).Set("groups", groups);
  std::vector<Symbol> inputs = {x, w};
  if (!bias.IsAbsent()) inputs.push_back(bias);
  return SetWithoutHeight(
      context, context.builder.Append("Conv", context.name, inputs, std::move(attributes)), rank);
}

// Returns x [..,k] times w [co,k] transposed, for any rank of x.
Result<Symbol> AppendDense(OnnxContext& context, const Symbol& x, const Symbol& w,
                           const Symbol& bias) {
  Builder& builder = context.builder;
  const Shape shape = builder.ShapeOf(x);
  std::vector<Symbol> inputs = {x, w};
  if (!bias.IsAbsent()) inputs.push_back(bias);
  if (shape.size() == 2) return builder.Append("Dense", context.name, inputs);
  if (shape.empty()) return Error(Code::kInvalidData, "a scalar is not a matrix");
  ir::Attributes flat;
  flat.Set("shape", std::vector<int64_t>{-1, shape.back()});
  BLUESTEM_ASSIGN_OR_RETURN(inputs[0],
                            builder.Append("Reshape", context.name + "/flat", {x}, flat));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol y, builder.Append("Dense", context.name, inputs));
  Shape out = shape;
  out.back() = builder.ShapeOf(w)[0];
  ir::Attributes back;
  back.Set("shape", out);
  return builder.Append("Reshape", context.name + "/shape", {y}, back);
}

Status ReadMatMul(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol w, context.In(1));
  const Shape& x_shape = context.builder.ShapeOf(x);
  const Shape& w_shape = context.builder.ShapeOf(w);
  if (w_shape.size() != 2 || x_shape.empty() || x_shape.back() != w_shape[0]) {
    return Error(Code::kUnsupported,
                 "{} times {}: the right side must be a matrix [k,co] that fits",
                 ShapeText(x_shape), ShapeText(w_shape));
  }
  BLUESTEM_ASSIGN_OR_RETURN(const Symbol turned, context.builder.TransposeWeights(context.name, w));
  return context.Set(AppendDense(context, x, turned, Symbol{}));
}

Result<Symbol> Scaled(OnnxContext& context, const Symbol& x, double factor, const char* suffix) {
  if (factor == 1) return x;
  return context.builder.Append(
      "Mul", context.name + suffix,
      {x, ConstantSymbol(Tensor::Of<float>({}, {static_cast<float>(factor)}))});
}

Status ReadGemm(OnnxContext& context) {
  Builder& builder = context.builder;
  BLUESTEM_ASSIGN_OR_RETURN(Symbol x, context.In(0));
  BLUESTEM_ASSIGN_OR_RETURN(Symbol w, context.In(1));
  BLUESTEM_ASSIGN_OR_RETURN(Symbol c, context.OptionalIn(2));
  BLUESTEM_ASSIGN_OR_RETURN(const double alpha, context.Float("alpha", 1));
  BLUESTEM_ASSIGN_OR_RETURN(const double beta, context.Float("beta", 1));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t turn_x, context.Int("transA", 0));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t turned_w, context.Int("transB", 0));
  if (builder.ShapeOf(x).size() != 2 || builder.ShapeOf(w).size() != 2) {
    return Error(Code::kInvalidData, "{} and {} must be matrices", ShapeText(builder.ShapeOf(x)),
                 ShapeText(builder.ShapeOf(w)));
  }
  if (turn_x != 0) {
    ir::Attributes swap;
    swap.Set("perm", std::vector<int64_t>{1, 0});
    BLUESTEM_ASSIGN_OR_RETURN(x, builder.Append("Transpose", context.name + "/a", {x}, swap));
  }
  if (turned_w == 0) {
    BLUESTEM_ASSIGN_OR_RETURN(w, builder.TransposeWeights(context.name, w));
  }
  if (!c.IsAbsent()) {
    BLUESTEM_ASSIGN_OR_RETURN(c, Scaled(context, c, beta, "/beta"));
  }
  // [1,co] is a bias too; anything else is added by a node of its own.
  const int64_t co = builder.ShapeOf(w)[0];
  if (c.IsConstant() && builder.ShapeOf(c) == Shape{1, co}) {
    c = ConstantSymbol(c.constant->Reshaped({co}));
  }
  const bool is_bias = alpha == 1 && !c.IsAbsent() && builder.ShapeOf(c) == Shape{co};
  BLUESTEM_ASSIGN_OR_RETURN(Symbol y, AppendDense(context, x, w, is_bias ? c : Symbol{}));
  BLUESTEM_ASSIGN_OR_RETURN(y, Scaled(context, y, alpha, "/alpha"));
  if (!is_bias && !c.IsAbsent()) {
    BLUESTEM_ASSIGN_OR_RETURN(y, builder.Append("Add", context.name + "/c", {y, c}));
  }
  return context.Set(y);
}

Status ReadBatchNorm(OnnxContext& context) {
  std::vector<Symbol> inputs;
  for (int i = 0; i < 5; ++i) {
    BLUESTEM_ASSIGN_OR_RETURN(const Symbol input, context.In(i));
    inputs.push_back(input);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const double epsilon, context.Float("epsilon", 1e-5F));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t training, context.Int("training_mode", 0));
  if (training != 0) {
    return Error(Code::kUnsupported, "training_mode is 1; export the model for inference");
  }
  context.LeaveOutputs(1);
  ir::Attributes attributes;
  attributes.Set("epsilon", epsilon).Set("layout", std::string("NCHW"));
  return context.Set(context.builder.Append("BatchNorm", context.name, inputs, attributes));
}

// Rounding up is a wider pad below and on the right, whose taps are skipped; a window that would
// begin there is not made.
Status RoundUp(const Shape& x, bool counts_pads, Window& window) {
  for (size_t i = 0; i < 2; ++i) {
    const int64_t span = x[2 + i] + window.pads[i] + window.pads[2 + i] - window.kernel[i];
    const int64_t rest = span < 0 ? 0 : span % window.strides[i];
    if (rest == 0) continue;
    const int64_t start = span - rest + window.strides[i];
    if (start >= x[2 + i] + window.pads[i]) continue;
    if (counts_pads) {
      return Error(Code::kUnsupported,
                   "ceil_mode with count_include_pad: the windows at the edge "
                   "differ; export without ceil_mode");
    }
    window.pads[2 + i] += window.strides[i] - rest;
  }
  return OkStatus();
}

Status ReadPool(OnnxContext& context) {
  const bool is_max = context.node.op_type() == "MaxPool";
  BLUESTEM_ASSIGN_OR_RETURN(Symbol x, context.In(0));
  const size_t rank = context.builder.ShapeOf(x).size();
  BLUESTEM_ASSIGN_OR_RETURN(x, WithHeight(context, x, "/map"));
  BLUESTEM_ASSIGN_OR_RETURN(const auto kernel, context.Ints("kernel_shape", {}));
  BLUESTEM_ASSIGN_OR_RETURN(Window window, ReadWindow(context, context.builder.ShapeOf(x), kernel));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t ceil_mode, context.Int("ceil_mode", 0));
  BLUESTEM_ASSIGN_OR_RETURN(const int64_t count_pads, context.Int("count_include_pad", 0));
  const bool has_pads =
      std::any_of(window.pads.begin(), window.pads.end(), [](int64_t pad) { return pad != 0; });
  if (window.dilations != std::vector<int64_t>{1, 1}) {
    return Error(Code::kUnsupported, "dilations {}: pools without dilation are supported",
                 ShapeText(window.dilations));
  }
  if (ceil_mode != 0) {
    BLUESTEM_RETURN_IF_ERROR(
        RoundUp(context.builder.ShapeOf(x), !is_max && count_pads != 0 && has_pads, window));
  }
  context.LeaveOutputs(1);
  ir::Attributes attributes = window.Attributes();
  attributes.Set("kernel", window.kernel);
  if (!is_max) attributes.Set("count_include_pad", has_pads ? count_pads : int64_t{0});
  return SetWithoutHeight(context,
                          context.builder.Append(is_max ? "MaxPool" : "AvgPool", context.name, {x},
                                                 std::move(attributes)),
                          rank);
}

Status ReadGlobalPool(OnnxContext& context) {
  BLUESTEM_ASSIGN_OR_RETURN(Symbol x, context.In(0));
  const size_t rank = context.builder.ShapeOf(x).size();
  BLUESTEM_ASSIGN_OR_RETURN(x, WithHeight(context, x, "/map"));
  ir::Attributes attributes;
  attributes.Set("layout", std::string("NCHW"));
  const bool is_max = context.node.op_type() == "GlobalMaxPool";
  return SetWithoutHeight(context,
                          context.builder.Append(is_max ? "GlobalMaxPool" : "GlobalAvgPool",
                                                 context.name, {x}, std::move(attributes)),
                          rank);
}

Status ReadSoftmax(OnnxContext& context) {
  Builder& builder = context.builder;
  BLUESTEM_ASSIGN_OR_RETURN(Symbol x, context.In(0));
  const Shape shape = builder.ShapeOf(x);
  const auto rank = static_cast<int64_t>(shape.size());
  BLUESTEM_ASSIGN_OR_RETURN(int64_t axis, context.Int("axis", context.opset < 13 ? 1 : -1));
  if (axis < -rank || axis >= rank) {
    return Error(Code::kInvalidData, "axis {} is outside {}", axis, ShapeText(shape));
  }
  if (axis < 0) axis += rank;
  ir::Attributes attributes;
  if (context.opset >= 13 || axis == rank - 1) {
    attributes.Set("axis", axis);
    return context.Set(builder.Append("Softmax", context.name, {x}, attributes));
  }
  // Before opset 13 all axes from `axis` on are one.
  int64_t rows = 1;
  for (int64_t i = 0; i < axis; ++i) rows *= shape[static_cast<size_t>(i)];
  ir::Attributes flat;
  flat.Set("shape", std::vector<int64_t>{rows, -1});
  BLUESTEM_ASSIGN_OR_RETURN(x, builder.Append("Reshape", context.name + "/flat", {x}, flat));
  attributes.Set("axis", int64_t{1});
  BLUESTEM_ASSIGN_OR_RETURN(x, builder.Append("Softmax", context.name, {x}, attributes));
  ir::Attributes back;
  back.Set("shape", shape);
  return context.Set(builder.Append("Reshape", context.name + "/shape", {x}, back));
}

constexpr OnnxReader kReaders[] = {
    {"Conv", ReadConv},
    {"MatMul", ReadMatMul},
    {"Gemm", ReadGemm},
    {"BatchNormalization", ReadBatchNorm},
    {"MaxPool", ReadPool},
    {"AveragePool", ReadPool},
    {"GlobalAveragePool", ReadGlobalPool},
    {"GlobalMaxPool", ReadGlobalPool},
    {"Softmax", ReadSoftmax},
};

}  // namespace

std::span<const OnnxReader> OnnxComputeReaders() {
  return kReaders;
}

}  // namespace bluestem::interchange
