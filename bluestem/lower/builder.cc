#include "bluestem/lower/builder.h"

#include <algorithm>

#include "bluestem/lower/memory_plan.h"
#include "bluestem/lower/rules.h"

namespace bluestem::lower {
namespace {

using program::Operand;
using program::Space;

program::TensorInfo InfoOf(const ir::Value& value) {
  program::TensorInfo info{value.name, value.dtype, value.shape};
  if (value.quant != nullptr) {
    info.scale = value.quant->scale;
    info.zero_point = value.quant->zero_point;
  }
  return info;
}

}  // namespace

std::string Describe(const ir::Value& value) {
  if (value.quant == nullptr) return ShapeText(value.shape) + " " + DTypeName(value.dtype);
  return ShapeText(value.shape) + fmt::format(" u{}", value.quant->bits);
}

Builder::Builder(const ir::Graph& graph, std::vector<Decision>& decisions)
    : graph_(graph), decisions_(decisions) {
  program_.name = graph.name;
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    program_.inputs.push_back(InfoOf(value(graph.inputs[i])));
    operands_[graph.inputs[i]] = {Space::kInput, static_cast<int64_t>(i)};
  }
  for (const ir::ValueId id : graph.outputs) program_.outputs.push_back(InfoOf(value(id)));
  ClaimAliasedOutputs();
}

// An output that only renames the axes of a value is written where that value is made.
void Builder::ClaimAliasedOutputs() {
  for (size_t i = 0; i < graph_.outputs.size(); ++i) {
    ir::ValueId id = graph_.outputs[i];
    const ir::Node* node = graph_.Producer(id);
    while (node != nullptr && FindRule(node->op) != nullptr &&
           FindRule(node->op)->lower == LowerAlias) {
      id = node->inputs[0];
      node = graph_.Producer(id);
    }
    const bool is_output = std::count(graph_.outputs.begin(), graph_.outputs.end(), id) != 0;
    if (node != nullptr && !is_output) claimed_.emplace(id, static_cast<int64_t>(i));
  }
}

const ir::Node* Builder::OnlyReader(ir::ValueId id) const {
  const ir::Node* reader = nullptr;
  for (const ir::Node& node : graph_.nodes) {
    for (const ir::ValueId input : node.inputs) {
      if (input != id) continue;
      if (reader != nullptr) return nullptr;
      reader = &node;
    }
  }
  return std::count(graph_.outputs.begin(), graph_.outputs.end(), id) == 0 ? reader : nullptr;
}

Operand Builder::NewBuffer(int64_t bytes) {
  buffer_bytes_.push_back(std::max<int64_t>(bytes, 1));
  return {Space::kArena, static_cast<int64_t>(buffer_bytes_.size()) - 1};
}

Operand Builder::Read(ir::ValueId id) {
  if (id == ir::kNoValue) return {};
  const auto found = operands_.find(id);
  if (found != operands_.end()) return found->second;
  const ir::Value& constant = value(id);
  BLUESTEM_CHECK(constant.constant != nullptr, "a value is read before it is written");
  const Operand operand = Constant(constant.constant->raw(), constant.constant->bytes());
  operands_[id] = operand;
  return operand;
}

Operand Builder::Write(ir::ValueId id) {
  const ir::Value& result = value(id);
  const auto output = std::find(graph_.outputs.begin(), graph_.outputs.end(), id);
  const auto claim = claimed_.find(id);
  Operand operand;
  if (output != graph_.outputs.end()) {
    operand = {Space::kOutput, output - graph_.outputs.begin()};
  } else if (claim != claimed_.end()) {
    operand = {Space::kOutput, claim->second};
  } else {
    operand = NewBuffer(ElementCount(result.shape) * DTypeBytes(result.dtype));
  }
  operands_[id] = operand;
  return operand;
}

void Builder::Alias(ir::ValueId to, ir::ValueId from) {
  operands_[to] = Read(from);
}

Operand Builder::Scratch(int64_t bytes) {
  return bytes == 0 ? Operand{} : NewBuffer(bytes);
}

Operand Builder::Constant(const void* bytes, int64_t size) {
  const std::string key(static_cast<const char*>(bytes), static_cast<size_t>(size));
  const auto [entry, is_new] =
      constants_.try_emplace(key, static_cast<int64_t>(program_.constants.size()));
  if (is_new) {
    program_.constants.insert(program_.constants.end(), key.begin(), key.end());
    program_.constants.resize((program_.constants.size() + kAlignment - 1) / kAlignment *
                              kAlignment);
  }
  return {Space::kConstants, entry->second};
}

void Builder::Emit(program::Call call) {
  program_.calls.push_back(std::move(call));
}

// A graph output that is a reshape of something, an input, a constant or a second name of another
// output gets its bytes by a copy.
void Builder::CopyAliasedOutputs() {
  for (size_t i = 0; i < graph_.outputs.size(); ++i) {
    const ir::Value& output = value(graph_.outputs[i]);
    const Operand target{Space::kOutput, static_cast<int64_t>(i)};
    const Operand source = Read(graph_.outputs[i]);
    if (source == target) continue;
    const int64_t count = ElementCount(output.shape);
    program::Call call;
    call.op = output.name;
    call.comment = fmt::format("{}: {} to the output", output.name, Describe(output));
    call.params = DenseCopy(DTypeBytes(output.dtype), count);
    call.inputs = {source};
    call.output = target;
    Emit(std::move(call));
  }
}

program::Program Builder::Finish(const std::string& model_hash) {
  CopyAliasedOutputs();
  std::vector<Lifetime> lifetimes(buffer_bytes_.size());
  std::vector<bool> written(buffer_bytes_.size(), false);
  const auto visit = [&](const Operand& operand, int32_t call) {
    if (operand.space != Space::kArena) return;
    const auto buffer = static_cast<size_t>(operand.offset);
    Lifetime& lifetime = lifetimes[buffer];
    if (!written[buffer]) lifetime = {buffer_bytes_[buffer], call, call};
    written[buffer] = true;
    lifetime.last = call;
  };
  const auto each = [](program::Call& call, auto&& apply) {
    for (Operand& input : call.inputs) apply(input);
    apply(call.output);
  };
  for (size_t i = 0; i < program_.calls.size(); ++i) {
    each(program_.calls[i],
         [&](const Operand& operand) { visit(operand, static_cast<int32_t>(i)); });
  }
  const MemoryPlan plan = PlanMemory(lifetimes, kAlignment);
  for (program::Call& call : program_.calls) {
    each(call, [&](Operand& operand) {
      if (operand.space == Space::kArena) {
        operand.offset = plan.offsets[static_cast<size_t>(operand.offset)];
      }
    });
  }
  program_.arena_bytes = plan.arena_bytes;
  program_.model_hash = model_hash;
  return std::move(program_);
}

}  // namespace bluestem::lower
