#include "bluestem/fpga/call_kind.h"

#include <algorithm>

#include "bluestem/program/dataflow.h"
#include "bluestem/program/footprint.h"

namespace bluestem::fpga {

namespace {

// Whether the copy is space-to-depth of `shape`: every element, against the definition.
bool IsSpaceToDepthOf(const kernels::CopyParams& p, const SpaceToDepth& shape) {
  if (shape.h <= 0 || shape.w <= 0 || shape.h % 2 != 0 || shape.w % 2 != 0) return false;
  const int64_t row = int64_t{shape.w} * shape.c;
  std::vector<int32_t> at(static_cast<size_t>(p.rank), 0);
  for (int64_t i = 0; i < shape.h * row; ++i) {
    int64_t x = 0, y = 0;
    for (size_t k = 0; k < at.size(); ++k) {
      x += at[k] * p.x_stride[k];
      y += at[k] * p.y_stride[k];
    }
    const int64_t channel = x % shape.c, column = x / shape.c % shape.w, line = x / row;
    const int64_t pixel = line / 2 * (shape.w / 2) + column / 2;
    if (y != (pixel * 4 + line % 2 * 2 + column % 2) * shape.c + channel) return false;
    for (size_t k = at.size(); k-- > 0;) {
      if (++at[k] < p.extent[k]) break;
      at[k] = 0;
    }
  }
  return true;
}

}  // namespace

std::optional<SpaceToDepth> AsSpaceToDepth(const kernels::CopyParams& p) {
  if (p.element_bytes != 1 || p.x_offset != 0 || p.y_offset != 0) return std::nullopt;
  int64_t count = 1;
  int32_t run = 0;  // of bytes that lie side by side before and after
  for (int32_t k = 0; k < p.rank; ++k) {
    count *= p.extent[k];
    if (p.x_stride[k] == 1 && p.y_stride[k] == 1) run = p.extent[k];
  }
  // The run is a pixel's channels, or those of two pixels, which stay neighbours.
  for (const int32_t channels : {run, run / 2}) {
    for (int32_t k = 0; channels > 0 && k < p.rank; ++k) {
      const int64_t row = p.x_stride[k];  // if this axis is the two lines
      if (p.extent[k] != 2 || p.y_stride[k] != int64_t{2} * channels) continue;
      if (row <= 0 || row % channels != 0 || count % row != 0) continue;
      const SpaceToDepth shape = {static_cast<int32_t>(count / row),
                                  static_cast<int32_t>(row / channels), channels};
      if (IsSpaceToDepthOf(p, shape)) return shape;
    }
  }
  return std::nullopt;
}

bool IsHalvingPool(const program::MaxPoolCall& pool) {
  const kernels::PoolParams& p = pool.params;
  return pool.dtype == DType::kU8 && p.kernel_h == 2 && p.kernel_w == 2 && p.stride_h == 2 &&
         p.stride_w == 2 && p.pad_top == 0 && p.pad_left == 0 && p.ho == p.h / 2 && p.wo == p.w / 2;
}

std::vector<size_t> ReadersOf(const program::Program& program, size_t index) {
  std::vector<size_t> readers;
  for (const program::Flow& flow : program::FlowsOf(program)) {
    if (flow.writer != static_cast<int64_t>(index)) continue;
    const auto reader = static_cast<size_t>(flow.reader);
    if (readers.empty() || readers.back() != reader) readers.push_back(reader);
  }
  return readers;
}

std::optional<size_t> WriterOf(const program::Program& program, size_t index, size_t input) {
  for (const program::Flow& flow : program::FlowsOf(program)) {
    const bool found = flow.reader == static_cast<int64_t>(index) &&
                       flow.operand == program.calls[index].inputs[input];
    if (found && flow.writer >= 0) return static_cast<size_t>(flow.writer);
  }
  return std::nullopt;
}

int64_t BytesAt(const program::Program& program, const program::Operand& operand) {
  int64_t bytes = 0;
  if (operand.space == program::Space::kInput && operand.offset >= 0 &&
      operand.offset < static_cast<int64_t>(program.inputs.size())) {
    bytes = program.inputs[static_cast<size_t>(operand.offset)].bytes();
  }
  for (const program::Call& call : program.calls) {
    const program::Footprint footprint = program::FootprintOf(call);
    if (call.output == operand) bytes = std::max(bytes, footprint.output_bytes);
    for (size_t k = 0; k < call.inputs.size(); ++k) {
      if (call.inputs[k] == operand) bytes = std::max(bytes, footprint.input_bytes[k]);
    }
  }
  return bytes;
}

MapLayout LayoutOf(int32_t h, int32_t w, int32_t c, bool planes, int32_t bits) {
  const int32_t shrink = planes ? 2 : 1;
  return {.h = CeilDiv(h, shrink),
          .w = CeilDiv(w, shrink),
          .blocks = CeilDiv(c, kLanes),
          .planes = planes ? 4 : 1,
          .digits = std::max(bits / 2, 1)};
}

const kernels::QConvParams* AsConv(const program::Call& call) {
  return std::get_if<kernels::QConvParams>(&call.params);
}

bool AddsResidual(const program::Call& call) {
  const kernels::QConvParams* p = AsConv(call);
  return p != nullptr && p->residual_bits != 0;
}

bool IsMove(const program::Call& call) {
  if (const auto* pool = std::get_if<program::MaxPoolCall>(&call.params)) {
    return IsHalvingPool(*pool);
  }
  const auto* copy = std::get_if<kernels::CopyParams>(&call.params);
  return copy != nullptr && AsSpaceToDepth(*copy).has_value();
}

bool LeavesRaw(const kernels::QConvParams& p) {
  return p.epilogue != kernels::QConvEpilogue::kThreshold;
}

bool GathersWindows(const kernels::QConvParams& p) {
  const int32_t taps = p.kernel_h * p.kernel_w;
  return p.x_bits > 2 && CeilDiv(taps * p.ci, kLanes) < taps * CeilDiv(p.ci, kLanes);
}

kernels::QConvParams OnArray(const kernels::QConvParams& params) {
  if (!GathersWindows(params)) return params;
  kernels::QConvParams p = params;
  p.h = p.ho;
  p.w = p.wo;
  p.ci = params.ci * params.kernel_h * params.kernel_w;
  p.kernel_h = p.kernel_w = p.stride_h = p.stride_w = p.dilation_h = p.dilation_w = 1;
  p.pad_top = p.pad_left = p.pad_value = 0;
  return p;
}

std::optional<size_t> FusedMove(const program::Program& program, size_t index) {
  if (LeavesRaw(*AsConv(program.calls[index]))) return std::nullopt;
  const std::vector<size_t> readers = ReadersOf(program, index);
  if (readers.size() != 1 || readers[0] >= program.calls.size()) return std::nullopt;
  const program::Call& reader = program.calls[readers[0]];
  if (!IsMove(reader)) return std::nullopt;
  const bool is_copy = std::holds_alternative<kernels::CopyParams>(reader.params);
  if (is_copy && AsConv(program.calls[index])->co % kLanes != 0) return std::nullopt;
  return readers[0];
}

int32_t Steps(const kernels::QConvParams& params) {
  const kernels::QConvParams p = OnArray(params);
  return p.kernel_h * p.kernel_w * CeilDiv(p.ci, kLanes);
}

}  // namespace bluestem::fpga
