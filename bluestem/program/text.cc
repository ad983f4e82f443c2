#include "bluestem/program/footprint.h"
#include "bluestem/program/program.h"

namespace bluestem::program {
namespace {

std::string OperandText(const Operand& operand) {
  switch (operand.space) {
    case Space::kNone: return "-";
    case Space::kArena: return fmt::format("arena+{}", operand.offset);
    case Space::kConstants: return fmt::format("constants+{}", operand.offset);
    case Space::kInput: return fmt::format("input{}", operand.offset);
    case Space::kOutput: return fmt::format("output{}", operand.offset);
  }
  return "?";
}

std::string InfoText(const TensorInfo& info) {
  std::string text =
      fmt::format("{} {} {}", info.name, ShapeText(info.shape), DTypeName(info.dtype));
  if (info.scale != 0) text += fmt::format(" scale {} zero_point {}", info.scale, info.zero_point);
  return text;
}

}  // namespace

std::string ToText(const Program& program) {
  std::string text =
      fmt::format("program {}\nmodel {}\narena {} bytes, constants {} bytes\n", program.name,
                  program.model_hash, program.arena_bytes, program.constants.size());
  for (const TensorInfo& info : program.inputs) text += "input " + InfoText(info) + "\n";
  for (const TensorInfo& info : program.outputs) text += "output " + InfoText(info) + "\n";
  for (const Call& call : program.calls) {
    std::string operands;
    for (const Operand& input : call.inputs) {
      operands += (operands.empty() ? "" : ", ") + OperandText(input);
    }
    text += fmt::format("{} = {}({})", OperandText(call.output), FamilyName(call.params), operands);
    text += "  # " + call.comment;
    if (call.macs > 0) text += fmt::format(", {} MAC", call.macs);
    text += "\n";
  }
  return text;
}

}  // namespace bluestem::program
