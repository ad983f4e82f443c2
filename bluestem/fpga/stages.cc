#include "bluestem/fpga/stages.h"

#include <algorithm>

#include "bluestem/fpga/call_kind.h"

namespace bluestem::fpga {

Stages::Stages(const program::Program& program, size_t begin, size_t end)
    : program_(program), end_(end), leaving_(PicksThatLeave(program, begin, end)) {
  std::vector<size_t> fused;
  for (size_t i = begin; i < end; ++i) {
    if (AsConv(program.calls[i]) == nullptr) {
      const bool is_fused = std::count(fused.begin(), fused.end(), i) > 0;
      if (IsMove(program.calls[i]) && !is_fused) host_calls_.push_back(i);
      continue;
    }
    Stage stage = {i, i};
    if (AddsResidual(program.calls[i])) stage.adds = ResidualOf(program, i, begin);
    const auto move = FusedMove(program, i);
    if (move && *move < end) {
      stage.last = *move;
      fused.push_back(*move);
    }
    stages_.push_back(stage);
  }
}

size_t Stages::LastUse(std::optional<size_t> writer, const program::Operand& operand) const {
  const auto is_of = [&](const Pick& pick) {
    return pick.c > 0 && pick.source == operand && pick.writer == writer;
  };
  for (const LeavingPick& leaving : leaving_) {
    if (is_of(leaving.pick)) return stages_.size();
  }
  size_t last = 0;
  for (size_t s = 0; s < stages_.size(); ++s) {
    const size_t conv = stages_[s].conv;
    const bool reads =
        program_.calls[conv].inputs[0] == operand && WriterOf(program_, conv) == writer;
    if (reads || is_of(stages_[s].adds)) last = s;
  }
  return last;
}

bool Stages::ReadAsPlanes(size_t call) const {
  const auto of_planes = [&](const Pick& pick) { return pick.planes && pick.writer == call; };
  for (const Stage& stage : stages_) {
    if (of_planes(stage.adds)) return true;
    const size_t conv = stage.conv;
    const bool halves = OnArray(*AsConv(program_.calls[conv])).stride_h == 2;
    if (halves && WriterOf(program_, conv) == call) return true;
  }
  return std::any_of(leaving_.begin(), leaving_.end(),
                     [&](const LeavingPick& leaving) { return of_planes(leaving.pick); });
}

bool Stages::IsOutput(size_t call) const {
  for (const size_t reader : ReadersOf(program_, call)) {
    if (reader >= end_) return true;
  }
  return false;
}

}  // namespace bluestem::fpga
