// From codes to codes through ops on one element: 256 results are all there are, so they become a
// table. The table is filled by ir::EvaluateDouble on the very nodes that it replaces.
#include <algorithm>

#include "bluestem/ir/evaluate.h"
#include "bluestem/passes/catalogue.h"
#include "bluestem/passes/codes.h"
#include "bluestem/passes/rewrite.h"

namespace bluestem::passes {
namespace {

using ir::Node;
using ir::QuantInfo;
using ir::ValueId;

// Returns which input of a node is data where all others are one number each, or nothing.
std::optional<size_t> DataOperand(const ir::Graph& graph, const Node& node) {
  if (IsUnary(node.op)) return 0;
  if (!IsBinary(node.op)) return std::nullopt;
  const size_t data = graph.IsConstant(node.inputs[0]) ? 1 : 0;
  const bool same_shape =
      graph.value(node.inputs[data]).shape == graph.value(node.outputs[0]).shape;
  if (!same_shape || !UniformOf(graph, node.inputs[1 - data])) return std::nullopt;
  return data;
}

// Returns the nodes between codes and `value`, first to last, and sets `codes`; nothing where there
// are other ops in between.
std::optional<std::vector<Node>> ChainFromCodes(const ir::Graph& graph, ValueId value,
                                                ValueId& codes) {
  std::vector<Node> chain;
  while (true) {
    codes = CodesOf(graph, value);
    if (codes != ir::kNoValue) {
      std::reverse(chain.begin(), chain.end());
      return chain;
    }
    const Node* node = graph.Producer(value);
    if (node == nullptr) return std::nullopt;
    const auto data = DataOperand(graph, *node);
    if (!data) return std::nullopt;
    chain.push_back(*node);
    value = node->inputs[*data];
  }
}

// Returns the first of the rows or elements of a constant that all are alike.
Tensor FirstRow(const Tensor& rows) {
  Shape shape = rows.shape();
  shape[0] = 1;
  const float* data = rows.data<float>();
  return Tensor::Of<float>(shape, {data, data + ElementCount(shape)});
}

// Returns chain(code) for all 256 codes: f64 real values, or u8 codes where the chain ends in a
// Quantize.
Result<Tensor> Tabulate(const ir::Graph& graph, const QuantInfo& from,
                        const std::vector<Node>& chain) {
  ir::Graph table;
  const ValueId codes = table.AddInput("codes", DType::kU8, {256, 1});
  table.value(codes).quant = std::make_shared<const QuantInfo>(from);
  BLUESTEM_ASSIGN_OR_RETURN(ValueId value, table.Append("Dequantize", "real", {codes}));
  for (const Node& node : chain) {
    std::vector<ValueId> inputs;
    const size_t data = MakesCodes(node) ? 0 : *DataOperand(graph, node);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (i != data && MakesCodes(node)) {  // what belongs to the first channel belongs to all
        inputs.push_back(
            table.AddConstant("operand", FirstRow(*ConstantOf(graph, node.inputs[i]))));
        continue;
      }
      inputs.push_back(
          i == data
              ? value
              : table.AddConstant("operand", Tensor::Of<float>({}, {static_cast<float>(*UniformOf(
                                                                       graph, node.inputs[i]))})));
    }
    BLUESTEM_ASSIGN_OR_RETURN(value, table.Append(node.op, node.name, inputs, node.attributes));
  }
  table.outputs = {value};
  Tensor all(DType::kU8, {256, 1});
  for (int64_t i = 0; i < 256; ++i) all.data<uint8_t>()[i] = static_cast<uint8_t>(i);
  BLUESTEM_ASSIGN_OR_RETURN(auto results, ir::EvaluateDouble(table, {all}));
  return results[0].Reshaped({256});
}

bool IsIdentity(const Tensor& table, const QuantInfo& from, const QuantInfo& to) {
  if (!(from == to)) return false;
  for (int32_t code = 0; code < from.levels; ++code) {
    if (table.data<uint8_t>()[code] != code) return false;
  }
  return true;
}

// True where a node that makes codes gives equal values equal codes in all channels.
bool TreatsChannelsAlike(const ir::Graph& graph, const Node& node) {
  if (node.inputs.size() < 2) return true;
  const Tensor& rows = *ConstantOf(graph, node.inputs[1]);
  const int64_t each = rows.size() / rows.shape()[0];
  for (int64_t i = each; i < rows.size(); ++i) {
    if (rows.At(i) != rows.At(i % each)) return false;
  }
  return true;
}

// Quantize(chain(Dequantize(codes))) becomes Lookup(codes).
Result<bool> LookUpQuantize(Rewriter& rewriter, const Node& node, PassContext& context) {
  ir::Graph& graph = rewriter.graph();
  if (!TreatsChannelsAlike(graph, node)) return false;
  ValueId codes = ir::kNoValue;
  auto chain = ChainFromCodes(graph, rewriter.Now(node.inputs[0]), codes);
  if (!chain) return false;
  Node quantize = node;
  quantize.inputs[0] = rewriter.Now(node.inputs[0]);
  const QuantInfo from = *graph.value(codes).quant;
  const QuantInfo to = *graph.value(node.outputs[0]).quant;
  chain->push_back(quantize);
  BLUESTEM_ASSIGN_OR_RETURN(Tensor table, Tabulate(graph, from, *chain));
  if (IsIdentity(table, from, to)) {
    rewriter.Redirect(node.outputs[0], codes);
    Decide(context, "lookup", node.name, "its input has its codes already");
    return true;
  }
  const ValueId constant = graph.AddConstant(node.name + "/table", std::move(table));
  BLUESTEM_ASSIGN_OR_RETURN(
      const ValueId value,
      rewriter.Emit("Lookup", node.name, {codes, constant}, CodeAttributes(to)));
  rewriter.Replace(node.outputs[0], value);
  Decide(context, "lookup", node.name,
         fmt::format("{} ops from codes to codes are one table", chain->size()));
  return true;
}

// Relu and the like of codes whose results are all among the values of those codes.
Result<bool> LookUpClosed(Rewriter& rewriter, const Node& node, PassContext& context) {
  ir::Graph& graph = rewriter.graph();
  const bool is_closed_kind = node.op == "Relu" || node.op == "Clip" || node.op == "Max" ||
                              node.op == "Min" || node.op == "Abs";
  Node now = node;
  for (ValueId& id : now.inputs) id = rewriter.Now(id);
  if (!is_closed_kind || !DataOperand(graph, now)) return false;
  const ValueId codes = CodesOf(graph, now.inputs[*DataOperand(graph, now)]);
  if (codes == ir::kNoValue) return false;
  const QuantInfo info = *graph.value(codes).quant;
  BLUESTEM_ASSIGN_OR_RETURN(const Tensor values, Tabulate(graph, info, {now}));
  Tensor table(DType::kU8, {256});
  for (int32_t code = 0; code < info.levels; ++code) {
    const auto result = CodeOfReal(info, values.At(code));
    if (!result) return false;
    table.data<uint8_t>()[code] = static_cast<uint8_t>(*result);
  }
  ValueId looked_up = codes;
  if (!IsIdentity(table, info, info)) {
    const ValueId constant = graph.AddConstant(node.name + "/table", std::move(table));
    BLUESTEM_ASSIGN_OR_RETURN(
        looked_up, rewriter.Emit("Lookup", node.name, {codes, constant}, CodeAttributes(info)));
  }
  BLUESTEM_ASSIGN_OR_RETURN(const ValueId real,
                            rewriter.Emit("Dequantize", node.name + "/real", {looked_up}));
  rewriter.Replace(node.outputs[0], real);
  Decide(context, "lookup", node.name, "keeps its input's codes");
  return true;
}

}  // namespace

Result<int> MakeLookups(ir::Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (const Node& node : rewriter.old_nodes()) {
    BLUESTEM_ASSIGN_OR_RETURN(const bool done, MakesCodes(node)
                                                   ? LookUpQuantize(rewriter, node, context)
                                                   : LookUpClosed(rewriter, node, context));
    if (!done) BLUESTEM_RETURN_IF_ERROR(rewriter.Keep(node));
  }
  return rewriter.Finish();
}

}  // namespace bluestem::passes
