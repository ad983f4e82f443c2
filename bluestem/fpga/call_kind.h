// call_kind: what a call of a Program is to the engine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bluestem/fpga/engine/command.h"
#include "bluestem/program/program.h"

namespace bluestem::fpga {

inline int32_t CeilDiv(int32_t n, int32_t d) {
  return (n + d - 1) / d;
}

// How a map lies in the banks; docs/formats/engine.md.
struct MapLayout {
  int32_t h = 0, w = 0;  // of one plane
  int32_t blocks = 0;    // of 32 channels
  int32_t planes = 1;    // 4 for convolutions of stride 2
  int32_t digits = 1;    // of 2 bits
  int32_t row_step() const { return CeilDiv(w, 2); }
  int32_t block_step() const { return CeilDiv(h, 2) * row_step(); }
  int32_t plane_step() const { return blocks * block_step(); }
  int32_t digit_step() const { return planes * plane_step(); }
  int32_t words() const { return digits * digit_step(); }
  bool operator==(const MapLayout&) const = default;
};
MapLayout LayoutOf(int32_t h, int32_t w, int32_t c, bool planes, int32_t bits);

// Returns the call's parameters where it is a convolution of codes, else null.
const kernels::QConvParams* AsConv(const program::Call& call);

// The inputs of a convolution that adds a residual map: its codes, and a ratio an output.
constexpr size_t kResidualInput = 6, kRatiosInput = 7;
// Returns whether the call is such a convolution.
bool AddsResidual(const program::Call& call);

// Whether the convolution's result is no code: its accumulators leave the engine as they are.
bool LeavesRaw(const kernels::QConvParams& params);

// Whether the host lays out the convolution's windows when it hands the map over: the codes of all
// taps as channels of one pixel, which saves most of the array's clocks where channels are few.
// Only for codes of more than 2 bits, which always come from the host.
bool GathersWindows(const kernels::QConvParams& params);
// Returns the convolution as the array sees it: 1x1 where windows are gathered.
kernels::QConvParams OnArray(const kernels::QConvParams& params);

// Whether the call is a move that the engine makes while it writes: IsHalvingPool or
// space-to-depth.
bool IsMove(const program::Call& call);

// Returns the call that takes over what the convolution `index` writes while it is written, or
// nothing.
std::optional<size_t> FusedMove(const program::Program& program, size_t index);

// Returns the weight words of 32 outputs on the array: taps times blocks of input channels.
int32_t Steps(const kernels::QConvParams& params);

// Extents of a 2x2 space-to-depth: [h, w, c] to [h / 2, w / 2, 4 c], channel 4-fold by (y, x)
// parity: output channel (2 * (y % 2) + x % 2) * c + channel.
struct SpaceToDepth {
  int32_t h = 0, w = 0, c = 0;
};
// Returns whether the copy is one, and of what.
std::optional<SpaceToDepth> AsSpaceToDepth(const kernels::CopyParams& params);

// Returns whether the pooling is 2x2 with stride 2 and without padding, on codes.
bool IsHalvingPool(const program::MaxPoolCall& pool);

// Returns the calls that read what call `index` writes, before it is written anew; calls.size()
// stands for the program's caller.
std::vector<size_t> ReadersOf(const program::Program& program, size_t index);
// Returns the call that wrote input `input` of call `index`, or nothing where the caller did.
std::optional<size_t> WriterOf(const program::Program& program, size_t index, size_t input = 0);
// Returns the most bytes that a call, or the caller, reads or writes at the operand: they are
// there.
int64_t BytesAt(const program::Program& program, const program::Operand& operand);

}  // namespace bluestem::fpga
