#include "bluestem/runtime/onednn/plan.h"

#include <algorithm>
#include <cstdlib>

#include "bluestem/kernels/part_inl.h"
#include "bluestem/kernels/qconv/layout.h"

namespace bluestem::runtime {

using kernels::QConvEpilogue;
using kernels::QConvParams;

Status Refuse(const std::string& reason) {
  return Error(Code::kUnavailable, "oneDNN: {}", reason);
}

PlainWeights Unpack(const QConvParams& p, const uint8_t* packed) {
  PlainWeights plain;
  const int32_t inputs = kernels::GroupInputs(p);
  const int32_t outputs = kernels::GroupOutputs(p);
  const int64_t most_code = (int64_t{1} << p.x_bits) - 1;
  plain.values.reserve(static_cast<size_t>(p.co) * kernels::Taps(p) * inputs);
  for (int32_t co = 0; co < p.co; ++co) {
    const int32_t lane = co % outputs;
    const int64_t block =
        int64_t{co / outputs} * kernels::GroupBlocks(p) + lane / kernels::kQConvBlock;
    const uint8_t* from = packed + block * kernels::BlockBytes(p);
    SumRange range{0, 0};
    for (int32_t tap = 0; tap < kernels::Taps(p); ++tap) {
      for (int32_t ci = 0; ci < inputs; ++ci) {
        const int32_t w = kernels::PackedWeight(p, from, tap, ci, lane % kernels::kQConvBlock);
        plain.values.push_back(static_cast<int8_t>(w));
        plain.greatest = std::max(plain.greatest, std::abs(w));
        (w < 0 ? range.least : range.greatest) += w * most_code;
      }
    }
    plain.ranges.push_back(range);
  }
  return plain;
}

Result<Cut> CutPart(const QConvParams& whole, int32_t part, int32_t parts) {
  Cut cut{whole};
  QConvParams& p = cut.params;
  if (parts > 1) {
    const kernels::PartShift shift = kernels::TakeShape(part, parts, p);
    const int64_t result_bytes = p.epilogue == QConvEpilogue::kThreshold ? 1 : 4;
    cut.x_offset = shift.x_pixels * p.ci;
    cut.y_offset = shift.y_pixels * p.co * result_bytes;
  }
  if (p.pad_top < 0) {
    cut.x_offset += int64_t{-p.pad_top} * p.w * p.ci;
    p.h += p.pad_top;
    p.pad_top = 0;
  }
  if (p.pad_left < 0) {
    if (p.h > 1) return Refuse("a part in columns of a map of several rows");
    cut.x_offset += int64_t{-p.pad_left} * p.ci;
    p.w += p.pad_left;
    p.pad_left = 0;
  }
  const int32_t rows = (p.ho - 1) * p.stride_h - p.pad_top + (p.kernel_h - 1) * p.dilation_h + 1;
  const int32_t columns =
      (p.wo - 1) * p.stride_w - p.pad_left + (p.kernel_w - 1) * p.dilation_w + 1;
  p.h = std::min(p.h, std::max(rows, 1));
  if (p.h == 1) p.w = std::min(p.w, std::max(columns, 1));
  cut.pad_bottom = std::max(rows - p.h, 0);
  cut.pad_right = std::max(columns - p.w, 0);
  const bool pads = p.pad_top + p.pad_left + cut.pad_bottom + cut.pad_right > 0;
  if (pads && p.pad_value != 0) return Refuse(fmt::format("padding reads code {}", p.pad_value));
  return cut;
}

}  // namespace bluestem::runtime
