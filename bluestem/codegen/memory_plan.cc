#include "bluestem/codegen/memory_plan.h"

#include <algorithm>

#include "bluestem/program/footprint.h"

namespace bluestem::codegen {
namespace {

using program::Call;
using program::Operand;
using program::Space;

size_t LastReader(const program::Program& program, size_t writer, int64_t offset, int64_t bytes) {
  size_t last = writer;
  for (size_t i = writer + 1; i < program.calls.size(); ++i) {
    for (const Operand& operand : program.calls[i].inputs) {
      if (operand.space != Space::kArena) continue;
      if (operand.offset >= offset && operand.offset < offset + bytes) last = i;
    }
    const Operand& output = program.calls[i].output;
    if (output.space != Space::kArena || output.offset >= offset + bytes) continue;
    const int64_t end = output.offset + program::FootprintOf(program.calls[i]).output_bytes;
    if (end > offset) break;  // bytes are reused
  }
  return last;
}

}  // namespace

std::vector<ArenaRow> MemoryPlan(const program::Program& program) {
  std::vector<ArenaRow> rows;
  for (size_t i = 0; i < program.calls.size(); ++i) {
    const Call& call = program.calls[i];
    if (call.output.space == Space::kArena) {
      const int64_t bytes = program::FootprintOf(call).output_bytes;
      rows.push_back({.offset = call.output.offset,
                      .bytes = bytes,
                      .first_call = i,
                      .last_call = LastReader(program, i, call.output.offset, bytes),
                      .what = call.op});
    }
  }
  return rows;
}

}  // namespace bluestem::codegen
