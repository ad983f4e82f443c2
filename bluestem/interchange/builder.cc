#include "bluestem/interchange/builder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "bluestem/ir/ops/ops.h"

namespace bluestem::interchange {
namespace {

// Folding may not make much more than it reads: a small file must not fill the memory.
constexpr int64_t kMaxFoldedElements = int64_t{1} << 24;

// Ops that are folded where all their inputs are constants.
constexpr const char* kFoldable[] = {
    "Relu",  "Clip",    "Sigmoid",   "Tanh",       "Abs",       "Neg",       "Exp",
    "Sqrt",  "Log",     "Floor",     "Ceil",       "Round",     "Add",       "Sub",
    "Mul",   "Div",     "Min",       "Max",        "Pow",       "Pad",       "Concat",
    "Slice", "Reshape", "Transpose", "ReduceMean", "ReduceMax", "ReduceSum", "MultiThreshold"};

bool IsFoldable(const std::string& op) {
  return std::any_of(std::begin(kFoldable), std::end(kFoldable),
                     [&](const char* name) { return op == name; });
}

Tensor ToF32(const Tensor& tensor) {
  return tensor.dtype() == DType::kF32 ? tensor : tensor.Cast(DType::kF32);
}

// Evaluates one node over constants.
Result<Symbol> Fold(const std::string& op, const std::string& name,
                    const std::vector<Symbol>& inputs, ir::Attributes attributes) {
  ir::Graph graph;
  std::vector<ir::ValueId> ids;
  int64_t read = kMaxFoldedElements;
  for (const Symbol& input : inputs) {
    ids.push_back(graph.AddConstant("c", *input.constant));
    read += input.constant->size();
  }
  BLUESTEM_ASSIGN_OR_RETURN(const ir::ValueId out,
                            graph.Append(op, name, ids, std::move(attributes)));
  if (ElementCount(graph.value(out).shape) > read) {
    return Error(Code::kUnsupported,
                 "node \"{}\" ({}): a constant of shape {} is too large to fold", name, op,
                 ShapeText(graph.value(out).shape));
  }
  ir::Operands operands{graph, graph.nodes[0], {}};
  for (const Symbol& input : inputs) operands.inputs.push_back(input.constant.get());
  return ConstantSymbol(ir::FindOp(op)->evaluate(operands));
}

int64_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<int64_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int64_t>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int64_t diagonal = row[0];
    row[0] = static_cast<int64_t>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int64_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

Symbol ConstantSymbol(Tensor tensor) {
  return Symbol{ir::kNoValue, std::make_shared<const Tensor>(std::move(tensor))};
}

void Builder::NoteBatch(const std::string& input, const std::string& was) {
  if (was == fmt::format("{}", batch)) return;
  graph.notes.push_back(fmt::format("input \"{}\": the batch is {}; it becomes {}{}", input, was,
                                    batch, batch == 1 ? " (--batch N: N images a call)" : ""));
}

void Builder::PutBatch(const Symbol& x, Shape& shape) const {
  if (x.IsConstant() || shape.empty() || shape[0] != declared_batch) return;
  shape[0] = batch;
}

Result<Symbol> Builder::Append(const std::string& op, const std::string& name,
                               const std::vector<Symbol>& inputs, ir::Attributes attributes) {
  const bool constant = std::all_of(inputs.begin(), inputs.end(),
                                    [](const Symbol& input) { return input.IsConstant(); });
  if (constant && IsFoldable(op)) {
    // Arithmetic is of f32; moves keep the element type unless it is mixed.
    const bool mixed = std::any_of(inputs.begin(), inputs.end(), [&](const Symbol& input) {
      return input.constant->dtype() != inputs[0].constant->dtype();
    });
    const bool moves = op == "Concat" || op == "Slice" || op == "Reshape" || op == "Transpose";
    if (moves && !mixed) return Fold(op, name, inputs, std::move(attributes));
    std::vector<Symbol> real;
    for (const Symbol& input : inputs) real.push_back(ConstantSymbol(ToF32(*input.constant)));
    return Fold(op, name, real, std::move(attributes));
  }
  std::vector<ir::ValueId> ids;
  for (const Symbol& input : inputs) ids.push_back(input.IsAbsent() ? ir::kNoValue : Use(input));
  BLUESTEM_ASSIGN_OR_RETURN(const ir::ValueId id,
                            graph.Append(op, name, std::move(ids), std::move(attributes)));
  return Symbol{id, nullptr};
}

ir::ValueId Builder::Use(const Symbol& symbol) {
  if (!symbol.IsConstant()) return symbol.id;
  const auto [it, inserted] = used_.try_emplace(symbol.constant, ir::kNoValue);
  if (inserted) {
    it->second = graph.AddConstant("const", Tensor());
    ir::Value& value = graph.value(it->second);
    value.constant = symbol.constant->dtype() == DType::kF32
                         ? symbol.constant
                         : std::make_shared<const Tensor>(ToF32(*symbol.constant));
    value.dtype = DType::kF32;
    value.shape = symbol.constant->shape();
  }
  return it->second;
}

const Shape& Builder::ShapeOf(const Symbol& symbol) const {
  return symbol.IsConstant() ? symbol.constant->shape() : graph.value(symbol.id).shape;
}

Status Builder::Bind(const std::string& name, Symbol symbol) {
  if (symbols_.emplace(name, std::move(symbol)).second) return OkStatus();
  return Error(Code::kInvalidData, "two nodes make \"{}\"", name);
}

Result<Symbol> Builder::Find(const std::string& name) const {
  const auto it = symbols_.find(name);
  if (it != symbols_.end()) return it->second;
  return Error(Code::kInvalidData, "reads \"{}\", which nothing supported makes", name);
}

Result<Symbol> Builder::TransposeWeights(const std::string& name, const Symbol& weights) {
  ir::Attributes swap;
  swap.Set("perm", std::vector<int64_t>{1, 0});
  const ir::Node* producer = weights.IsConstant() ? nullptr : graph.Producer(weights.id);
  if (producer == nullptr || ShapeOf(weights).size() != 2) {
    return Append("Transpose", name + "/transpose", {weights}, swap);
  }
  if (producer->op == "Transpose" && producer->attributes.Ints("perm")[0] == 1) {
    return Symbol{producer->inputs[0], nullptr};
  }
  const bool quantizer = producer->op == "Quant" || producer->op == "BinaryQuant";
  if (!quantizer || !graph.IsConstant(producer->inputs[0])) {
    return Append("Transpose", name + "/transpose", {weights}, swap);
  }
  const ir::Node copy = Supersede(weights.id);
  std::vector<Symbol> inputs;
  for (const ir::ValueId id : copy.inputs) {
    Symbol input{ir::kNoValue, graph.value(id).constant};
    if (input.constant->shape().size() == 1) {
      input = ConstantSymbol(input.constant->Reshaped({1, input.constant->size()}));
    }
    if (input.constant->shape().size() == 2) {
      input = ConstantSymbol(input.constant->Transposed({1, 0}));
    }
    inputs.push_back(std::move(input));
  }
  return Append(copy.op, copy.name, inputs, copy.attributes);
}

Result<Symbol> Builder::AppendSign(const std::string& name, const Symbol& x, bool channels_first) {
  const Symbol thresholds =
      ConstantSymbol(Tensor::Of<float>({1, 2}, {0, std::numeric_limits<float>::denorm_min()}));
  ir::Attributes attributes;
  attributes.Set("bias", -1.0)
      .Set("layout", std::string(channels_first && ShapeOf(x).size() > 2 ? "NCHW" : "NHWC"));
  return Append("MultiThreshold", name, {x, thresholds}, attributes);
}

int32_t Builder::ElementType(const std::string& name) const {
  const auto it = element_types_.find(name);
  return it == element_types_.end() ? 0 : it->second;
}

ir::Node Builder::Supersede(ir::ValueId id) {
  ir::Node* producer = graph.Producer(id);
  BLUESTEM_CHECK(producer != nullptr, "a value that a node makes");
  const ir::Node copy = *producer;
  producer->name += "/superseded";
  return copy;
}

Result<ir::Graph> Builder::Finish() {
  std::set<ir::ValueId> needed(graph.outputs.begin(), graph.outputs.end());
  std::vector<ir::Node> kept;
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    ir::Node& node = graph.nodes[i];
    if (needed.count(node.outputs[0]) == 0) continue;
    needed.insert(node.inputs.begin(), node.inputs.end());
    kept.push_back(std::move(node));
  }
  std::reverse(kept.begin(), kept.end());
  graph.nodes = std::move(kept);
  BLUESTEM_RETURN_IF_ERROR(ir::Verify(graph));
  return std::move(graph);
}

Result<std::vector<int64_t>> ConstantInts(const Symbol& symbol, const std::string& what) {
  if (!symbol.IsConstant()) {
    return Error(Code::kUnsupported, "{} must be a constant, not computed at run time", what);
  }
  std::vector<int64_t> list;
  for (int64_t i = 0; i < symbol.constant->size(); ++i) {
    if (symbol.constant->dtype() == DType::kS64) {
      list.push_back(symbol.constant->data<int64_t>()[i]);
      continue;
    }
    const double value = symbol.constant->At(i);
    if (!(std::fabs(value) < 9e15) || value != std::trunc(value)) {
      return Error(Code::kInvalidData, "{} holds {}, which is not an integer", what, value);
    }
    list.push_back(static_cast<int64_t>(value));
  }
  return list;
}

Result<double> ConstantScalar(const Symbol& symbol, const std::string& what) {
  if (!symbol.IsConstant()) {
    return Error(Code::kUnsupported, "{} must be a constant, not computed at run time", what);
  }
  if (symbol.constant->size() != 1) {
    return Error(Code::kUnsupported, "{} has shape {}; expected one element", what,
                 ShapeText(symbol.constant->shape()));
  }
  return symbol.constant->At(0);
}

Result<std::vector<size_t>> OrderNodes(const std::vector<NodeNames>& nodes,
                                       const std::map<std::string, bool>& given,
                                       const std::vector<std::string>& outputs) {
  std::map<std::string, size_t> maker;
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const std::string& output : nodes[i].outputs) {
      if (output.empty()) continue;
      if (given.count(output) != 0 || !maker.emplace(output, i).second) {
        return Error(Code::kInvalidData, "\"{}\" is made twice, once by node \"{}\"", output,
                     nodes[i].name);
      }
    }
  }
  // Depth first from the outputs, with a stack of our own: a chain may be long.
  enum class Mark : uint8_t { kNew, kOpen, kDone };
  struct Visit {
    size_t node;
    size_t next_input;
  };
  std::vector<Mark> marks(nodes.size(), Mark::kNew);
  std::vector<size_t> order;
  std::vector<Visit> stack;
  const auto enter = [&](const std::string& name, const std::string& reader) -> Status {
    if (name.empty() || given.count(name) != 0) return OkStatus();
    const auto it = maker.find(name);
    if (it == maker.end()) {
      return Error(Code::kInvalidData, "{} reads \"{}\", which nothing makes", reader, name);
    }
    if (marks[it->second] == Mark::kOpen) {
      return Error(Code::kInvalidData, "the graph has a cycle through node \"{}\"",
                   nodes[it->second].name);
    }
    if (marks[it->second] == Mark::kNew) {
      marks[it->second] = Mark::kOpen;
      stack.push_back({it->second, 0});
    }
    return OkStatus();
  };
  for (const std::string& output : outputs) {
    BLUESTEM_RETURN_IF_ERROR(enter(output, "the graph's output list"));
    while (!stack.empty()) {
      const size_t current = stack.back().node;
      if (stack.back().next_input < nodes[current].inputs.size()) {
        const std::string& input = nodes[current].inputs[stack.back().next_input++];
        BLUESTEM_RETURN_IF_ERROR(enter(input, fmt::format("node \"{}\"", nodes[current].name)));
      } else {
        marks[current] = Mark::kDone;
        order.push_back(current);
        stack.pop_back();
      }
    }
  }
  return order;
}

Status AtNode(const Status& status, const std::string& name, const std::string& op) {
  if (status.message().rfind("node \"", 0) == 0) return status;
  return status.At(fmt::format("node \"{}\" ({})", name, op));
}

Pads SamePads(int64_t extent, int64_t kernel, int64_t stride, int64_t dilation, bool lower) {
  const int64_t out = (extent + stride - 1) / stride;
  const int64_t total =
      std::max<int64_t>((out - 1) * stride + (kernel - 1) * dilation + 1 - extent, 0);
  const int64_t half = total / 2;
  return lower ? Pads{total - half, half} : Pads{half, total - half};
}

std::string NearestText(const std::string& name, const std::vector<std::string>& known) {
  const auto nearest =
      std::min_element(known.begin(), known.end(), [&](const std::string& a, const std::string& b) {
        return EditDistance(name, a) < EditDistance(name, b);
      });
  if (nearest == known.end() || name.size() > 64 ||
      EditDistance(name, *nearest) > static_cast<int64_t>(name.size()) / 2) {
    return "";
  }
  return "; the nearest that is: " + *nearest;
}

}  // namespace bluestem::interchange
