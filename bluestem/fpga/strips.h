// strips: a convolution whose maps do not all fit the banks, some rows of its output after the
// other. A strip is a convolution of its own: of the rows that its windows reach, with other
// padding above. Rows are cut so that what lies whole in the banks is read and written where it is.
//
//   source  rows in.first .. in.end  --conv-->  rows out.first .. out.end  --pool-->  half of them
//           (with the kernel's halo)            + the same rows of a residual map
//
// Threads: free functions without state.
#pragma once

#include <vector>

#include "bluestem/fpga/call_kind.h"
#include "bluestem/fpga/engine/command.h"

namespace bluestem::fpga {

// Rows [first, end) of a map.
struct Rows {
  int32_t first = 0, end = 0;
  int32_t count() const { return end - first; }
  bool operator==(const Rows&) const = default;
};

// The maps of a convolution, as the array has them.
struct StageMaps {
  kernels::QConvParams conv;  // OnArray
  WriteMode mode = WriteMode::kPlain;
  MapLayout source, result;
  MapLayout residual;  // the plane of it that is added; 0 blocks: nothing is

  // Whether two rows become one, or two planes.
  bool halves() const { return mode == WriteMode::kMaxPool || mode == WriteMode::kSpaceToDepth; }
  // Rows of the convolution that leave something.
  int32_t rows() const { return halves() ? conv.ho / 2 * 2 : conv.ho; }
  // What strips are multiples of, but for the last: in a map of the banks they begin at an even
  // row.
  int32_t unit() const { return halves() ? 4 : 2; }
  Rows Written(const Rows& out) const { return halves() ? Rows{out.first / 2, out.end / 2} : out; }
};

// Returns the call's maps by themselves; written as planes where `halves`, as far as that can be.
// Requires: a convolution.
StageMaps MapsOf(const program::Call& call, bool halves = false);

// Which maps lie in the banks whole; of the others a strip does.
struct Whole {
  bool source = false, residual = false, result = false;
};

struct Strip {
  Rows out, in;
  int32_t pad_top = 0;  // of the convolution of these rows; below 0 its windows begin inside
};

struct Strips {
  std::vector<Strip> strips;
  MapLayout source, residual, result;  // as they lie in the banks, whole or the largest strip
  int32_t words = 0;                   // of the strips
  int64_t clocks = 0;                  // that moving strips takes, and beginning more convolutions
};

// Cuts the output into strips of `rows`. Requires: a multiple of maps.unit().
Strips CutInto(const StageMaps& maps, const Whole& whole, int32_t rows, const EngineConfig& config);

// Calls fits(strips) with fewer and fewer rows a strip, of about the same height, until it returns
// true. Returns whether it did.
template <typename Fits>
bool CutUntil(const StageMaps& maps, const Whole& whole, const EngineConfig& config, Fits fits) {
  const int32_t units = CeilDiv(maps.rows(), maps.unit());
  for (int32_t count = 1, before = 0; count <= units; ++count) {
    const int32_t rows = CeilDiv(units, count) * maps.unit();
    if (rows == before) continue;
    before = rows;
    if (fits(CutInto(maps, whole, rows, config))) return true;
  }
  return false;
}

// Returns the convolution of the strip, whose source has `source_h` rows.
kernels::QConvParams ConvOf(const kernels::QConvParams& conv, const Strip& strip, int32_t source_h);

// Returns the words of the banks that the smallest strips of the call take, however its result is
// written.
int32_t LeastWords(const program::Call& call, const EngineConfig& config);

// Returns the clocks that moving the map's rows takes, by themselves. A plane of a block lies in
// memory row by row: of fewer rows each is a descriptor.
int64_t MoveClocks(Opcode opcode, const MapLayout& map, int32_t rows, const EngineConfig& config);

}  // namespace bluestem::fpga
