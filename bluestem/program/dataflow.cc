#include "bluestem/program/dataflow.h"

#include "bluestem/program/footprint.h"

namespace bluestem::program {
namespace {

// Whether older values may show in the first `bytes` of what the call writes: a copy may be one of
// several that fill a buffer, and the fill before them. A copy writes each element once.
bool MayWriteAPart(const Call& call, int64_t bytes) {
  const auto* copy = std::get_if<kernels::CopyParams>(&call.params);
  if (copy == nullptr && !std::holds_alternative<FillCall>(call.params)) return false;
  const int64_t reach = FootprintOf(call).output_bytes;
  if (copy == nullptr) return reach < bytes;
  int64_t written = copy->element_bytes;
  for (int32_t k = 0; k < copy->rank; ++k) written *= copy->extent[k];
  return written < reach || reach < bytes;
}

// Adds the flows of a read at `operand` by `reader`. A buffer begins at its operand, so that equal
// operands are the same buffer and others share no live byte.
void AddFlows(const Program& program, int64_t reader, const Operand& operand, int64_t bytes,
              std::vector<Flow>& flows) {
  if (operand.space == Space::kNone || operand.space == Space::kConstants) return;
  for (int64_t writer = reader - 1; writer >= 0; --writer) {
    const Call& call = program.calls[static_cast<size_t>(writer)];
    if (call.output != operand) continue;
    flows.push_back({writer, reader, operand, bytes});
    if (!MayWriteAPart(call, bytes)) return;
  }
  if (operand.space == Space::kInput) flows.push_back({Flow::kCaller, reader, operand, bytes});
}

}  // namespace

std::vector<Flow> FlowsOf(const Program& program) {
  std::vector<Flow> flows;
  for (size_t i = 0; i < program.calls.size(); ++i) {
    const Call& call = program.calls[i];
    const Footprint footprint = FootprintOf(call);
    for (size_t k = 0; k < call.inputs.size(); ++k) {
      AddFlows(program, static_cast<int64_t>(i), call.inputs[k], footprint.input_bytes[k], flows);
    }
  }
  for (size_t o = 0; o < program.outputs.size(); ++o) {
    AddFlows(program, static_cast<int64_t>(program.calls.size()),
             {Space::kOutput, static_cast<int64_t>(o)}, program.outputs[o].bytes(), flows);
  }
  return flows;
}

}  // namespace bluestem::program
