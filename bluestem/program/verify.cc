#include <algorithm>

#include "bluestem/program/footprint.h"
#include "bluestem/program/program.h"

namespace bluestem::program {
namespace {

// Returns the bytes that a space offers from the operand's start on, or -1 where the operand names
// nothing.
int64_t Room(const Program& program, const Operand& operand) {
  const auto tensor = [&](const std::vector<TensorInfo>& tensors) -> int64_t {
    if (operand.offset < 0 || operand.offset >= static_cast<int64_t>(tensors.size())) return -1;
    return tensors[static_cast<size_t>(operand.offset)].bytes();
  };
  const auto inside = [&](int64_t bytes) {
    return operand.offset < 0 || operand.offset > bytes ? -1 : bytes - operand.offset;
  };
  switch (operand.space) {
    case Space::kNone: return 0;
    case Space::kArena: return inside(program.arena_bytes);
    case Space::kConstants: return inside(static_cast<int64_t>(program.constants.size()));
    case Space::kInput: return tensor(program.inputs);
    case Space::kOutput: return tensor(program.outputs);
  }
  return -1;
}

Status CheckOperand(const Program& program, const Operand& operand, int64_t bytes,
                    const std::string& what) {
  const int64_t room = Room(program, operand);
  if (room < bytes) {
    return Error(Code::kInvalidData, "{} needs {} bytes and has {}", what, bytes, room);
  }
  const bool placed = operand.space == Space::kArena || operand.space == Space::kConstants;
  if (placed && operand.offset % 64 != 0) {
    return Error(Code::kInvalidData, "{} lies at offset {}, no multiple of 64", what,
                 operand.offset);
  }
  return OkStatus();
}

// Returns the least element that a copy touches by `stride`, which may go backwards.
int64_t First(const kernels::CopyParams& params, const int64_t* stride, int64_t offset) {
  for (int32_t i = 0; i < params.rank; ++i)
    offset += (params.extent[i] - 1) * std::min<int64_t>(stride[i], 0);
  return offset;
}

Status CheckCall(const Program& program, const Call& call) {
  const Footprint footprint = FootprintOf(call);
  if (call.inputs.size() != footprint.input_bytes.size()) {
    return Error(Code::kInvalidData, "{} operands; {} takes {}", call.inputs.size(),
                 FamilyName(call.params), footprint.input_bytes.size());
  }
  const auto* copy = std::get_if<kernels::CopyParams>(&call.params);
  if (copy != nullptr) {
    const int64_t first = std::min(First(*copy, copy->x_stride, copy->x_offset),
                                   First(*copy, copy->y_stride, copy->y_offset));
    if (first < 0) return Error(Code::kInvalidData, "it begins at element {}", first);
  }
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    if (call.inputs[i].space == Space::kNone) continue;
    BLUESTEM_RETURN_IF_ERROR(CheckOperand(program, call.inputs[i], footprint.input_bytes[i],
                                          fmt::format("input {}", i)));
  }
  if (call.output.space != Space::kArena && call.output.space != Space::kOutput) {
    return Error(Code::kInvalidData, "the result must go to the arena or to an output");
  }
  return CheckOperand(program, call.output, footprint.output_bytes, "the result");
}

}  // namespace

Status Verify(const Program& program) {
  if (program.outputs.empty()) return Error(Code::kInvalidData, "a program needs an output");
  for (size_t i = 0; i < program.calls.size(); ++i) {
    const Call& call = program.calls[i];
    BLUESTEM_RETURN_IF_ERROR(
        CheckCall(program, call)
            .At(fmt::format("call {} ({} for \"{}\")", i, FamilyName(call.params), call.op)));
  }
  return OkStatus();
}

}  // namespace bluestem::program
