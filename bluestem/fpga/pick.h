// pick: maps that copies make for a convolution to add: another map's pixels, or every second one
// of them, with channels of code 0 before and behind. The engine makes no copy: it reads the other
// map where it lies, a plane of it where that is in planes, and adds nothing to the rest.
//
//   pixels:   copy [2h, 2w, c] -> [h, w, c]        (or plane 1, 2, 3; or the map as it is)
//   channels: fill 0 -> [h, w, co], copy [h, w, c] -> its channels first .. first + c - 1
//   conv:     adds [h, w, co]
//
// A region may begin or end between them.
//
// Threads: free functions without state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bluestem/program/program.h"

namespace bluestem::fpga {

// What a map of [h, w, any] is of another one, `source`: codes of 0, and from channel `first` on
// all of its channels.
struct Pick {
  std::optional<size_t> writer;  // of the source; nothing: the caller
  program::Operand source;
  int32_t h = 0, w = 0, c = 0;  // of the source; c is 0: there is none, all codes are 0
  bool planes = false;          // every second pixel: (2 y + plane / 2, 2 x + plane % 2)
  int32_t plane = 0;
  int32_t first = 0;  // a multiple of 32
};

// Returns what convolution `index` adds, copies before call `begin` having been made by the host;
// the map itself where it is no pick. Requires: AddsResidual.
Pick ResidualOf(const program::Program& program, size_t index, size_t begin);

// A map of which the copies in a region make something that calls after it read.
struct LeavingPick {
  program::Operand operand;
  int32_t h = 0, w = 0, c = 0;
  Pick pick;
  size_t call = 0;  // the last one that writes it
};
// Returns those of calls [begin, end). Requires: none of its copies and fills is refused.
std::vector<LeavingPick> PicksThatLeave(const program::Program& program, size_t begin, size_t end);

// Returns the convolutions that add what call `index`, a copy or fill, makes a part of.
std::vector<size_t> AddersOf(const program::Program& program, size_t index);

// Returns why the copies and fills that make what convolution `index` adds are no picks that the
// engine can do without, wherever a region begins and ends; or "". Requires: AddsResidual.
std::string PickRefusal(const program::Program& program, size_t index);

}  // namespace bluestem::fpga
