#include "bluestem/fpga/strips.h"

#include <algorithm>

#include "bluestem/fpga/engine/timing.h"

namespace bluestem::fpga {
namespace {

using kernels::QConvParams;

// The rows of the source that rows `out` read, from a multiple of `align` on. Where all of them are
// padding it is a row that no window reaches.
Rows ReadRows(const QConvParams& p, const Rows& out, int32_t align, int32_t unit) {
  const int32_t first = std::clamp(out.first * p.stride_h - p.pad_top, 0, p.h - 1);
  const int32_t last = (out.end - 1) * p.stride_h - p.pad_top + (p.kernel_h - 1) * p.dilation_h;
  Rows in = {first / align * align, 0};
  in.end = std::clamp(CeilDiv(std::max(last, 0) + 1, unit) * unit, in.first + unit,
                      std::max(CeilDiv(p.h, unit) * unit, in.first + unit));
  return in;
}

}  // namespace

StageMaps MapsOf(const program::Call& call, bool halves) {
  StageMaps maps;
  const QConvParams p = OnArray(*AsConv(call));
  halves = halves && !LeavesRaw(p) && p.ho > 1;
  maps.conv = p;
  maps.source = LayoutOf(p.h, p.w, p.ci, p.stride_h == 2, p.x_bits);
  maps.result = LayoutOf(p.ho, p.wo, p.co, halves, 2);
  if (halves) maps.mode = WriteMode::kSpaceToDepth;
  if (LeavesRaw(p)) {
    maps.mode = WriteMode::kRaw;
    maps.result.blocks *= kLanes / kRawLanes;
  }
  if (AddsResidual(call)) maps.residual = LayoutOf(p.ho, p.wo, p.co, false, 2);
  return maps;
}

int64_t MoveClocks(Opcode opcode, const MapLayout& map, int32_t rows, const EngineConfig& config) {
  const bool all = rows == map.h;
  Command command;
  command.opcode = opcode;
  command.in_h = static_cast<uint32_t>(rows);
  command.in_w = static_cast<uint32_t>(map.w);
  command.blocks = static_cast<uint32_t>(all ? map.blocks : 1);
  return int64_t{map.digits} * map.planes * (all ? 1 : map.blocks) *
         DescriptorClocks(command, config);
}

Strips CutInto(const StageMaps& maps, const Whole& whole, int32_t rows,
               const EngineConfig& config) {
  const QConvParams& p = maps.conv;
  const int32_t unit = maps.source.planes == 4 ? 2 : 1;  // rows of the source in a row of a plane
  Strips cut = {{}, maps.source, maps.residual, maps.result, 0, 0};
  int32_t most_in = 0;
  for (int32_t first = 0; first < maps.rows(); first += rows) {
    Strip strip;
    strip.out = {first, std::min(first + rows, maps.rows())};
    strip.in = ReadRows(p, strip.out, whole.source ? 2 * unit : unit, unit);
    strip.pad_top = p.pad_top + strip.in.first - first * p.stride_h;
    const int32_t in = strip.in.count() / unit, written = maps.Written(strip.out).count();
    most_in = std::max(most_in, in);
    if (!whole.source) cut.clocks += MoveClocks(Opcode::kLoadMap, maps.source, in, config);
    if (!whole.residual && maps.residual.blocks > 0) {
      cut.clocks += MoveClocks(Opcode::kLoadMap, maps.residual, strip.out.count(), config);
    }
    if (!whole.result) cut.clocks += MoveClocks(Opcode::kStoreMap, maps.result, written, config);
    cut.strips.push_back(strip);
  }
  Command begins;  // and ends: one tile's, less its steps
  begins.opcode = Opcode::kConv;
  begins.out_h = begins.out_w = begins.out_blocks = begins.tap_count = begins.blocks = 1;
  cut.clocks += (static_cast<int64_t>(cut.strips.size()) - 1) * DescriptorClocks(begins, config);
  const Rows& tallest = cut.strips.front().out;
  if (!whole.source) cut.source.h = most_in;
  if (!whole.residual) cut.residual.h = tallest.count();
  if (!whole.result) cut.result.h = maps.Written(tallest).count();
  cut.words = (whole.source ? 0 : cut.source.words()) +
              (whole.residual ? 0 : cut.residual.words()) + (whole.result ? 0 : cut.result.words());
  return cut;
}

QConvParams ConvOf(const QConvParams& conv, const Strip& strip, int32_t source_h) {
  QConvParams p = conv;
  p.h = source_h;
  p.ho = strip.out.count();
  p.pad_top = strip.pad_top;
  return p;
}

int32_t LeastWords(const program::Call& call, const EngineConfig& config) {
  int32_t least = 0;
  for (const bool halves : {false, true}) {
    const StageMaps maps = MapsOf(call, halves);
    least = std::max(least, CutInto(maps, {}, maps.unit(), config).words);
  }
  return least;
}

}  // namespace bluestem::fpga
