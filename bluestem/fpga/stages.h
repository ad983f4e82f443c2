// Stages: the convolutions of a region in order, each with the move that it makes while it writes
// and with what it adds; who reads their results, how, and for how long.
//
// Threads: immutable once built. Ownership: refers to its Program.
#pragma once

#include <optional>
#include <vector>

#include "bluestem/fpga/pick.h"

namespace bluestem::fpga {

struct Stage {
  size_t conv = 0;
  size_t last = 0;  // the call whose result it writes: the move's, or its own
  Pick adds{};      // c is 0: nothing
};

class Stages {
 public:
  // Of calls [begin, end). Requires: Refusal is "" for each of them.
  Stages(const program::Program& program, size_t begin, size_t end);

  size_t size() const { return stages_.size(); }
  bool empty() const { return stages_.empty(); }
  const Stage& operator[](size_t stage) const { return stages_[stage]; }
  const Stage& back() const { return stages_.back(); }
  // Moves of maps that come from outside.
  const std::vector<size_t>& host_calls() const { return host_calls_; }
  const std::vector<LeavingPick>& leaving() const { return leaving_; }

  // Returns the last stage that reads what call `writer` writes (nothing: the caller's map at
  // `operand`), or the number of stages where a pick of it leaves.
  size_t LastUse(std::optional<size_t> writer, const program::Operand& operand) const;
  // Returns whether what `call` writes is read in planes: by a stage of stride 2, or as a pick.
  bool ReadAsPlanes(size_t call) const;
  // Returns whether a call outside the region, or the caller, reads what `call` writes.
  bool IsOutput(size_t call) const;

 private:
  const program::Program& program_;
  size_t end_;
  std::vector<Stage> stages_;
  std::vector<size_t> host_calls_;
  std::vector<LeavingPick> leaving_;
};

}  // namespace bluestem::fpga
