#include "bluestem/fpga/constants.h"

#include <algorithm>
#include <cstring>

#include "bluestem/fpga/call_kind.h"
#include "bluestem/kernels/qconv/layout.h"

namespace bluestem::fpga {

using kernels::QConvParams;
using program::Call;
using program::Program;

std::vector<uint8_t> WeightsOf(const Program& program, const Call& call, int32_t first,
                               int32_t count) {
  const QConvParams& p = *AsConv(call);
  const uint8_t* packed = program.constants.data() + call.inputs[1].offset;
  const QConvParams seen = OnArray(p);
  const int32_t blocks = CeilDiv(seen.ci, kLanes), taps = seen.kernel_h * seen.kernel_w;
  std::vector<uint8_t> bytes(static_cast<size_t>(count * taps * blocks) * kWeightWordBytes);
  uint8_t* word = bytes.data();
  for (int32_t g = first; g < first + count; ++g) {
    const uint8_t* outputs = packed + g * kernels::BlockBytes(p);
    for (int32_t step = 0; step < taps * blocks; ++step, word += kWeightWordBytes) {
      for (int32_t i = 0; i < kLanes * kLanes; ++i) {
        const int32_t lane = i % kLanes, input = i / kLanes;
        const int32_t ci = step % blocks * kLanes + input;
        if (ci >= seen.ci || g * kLanes + lane >= p.co) continue;
        // Of gathered windows a channel is one of a tap.
        const int32_t tap = taps == 1 ? ci / p.ci : step / blocks;
        const int32_t weight = kernels::PackedWeight(p, outputs, tap, ci % p.ci, lane);
        if (weight > 0) word[input / 8 * kLanes + lane] |= static_cast<uint8_t>(1 << (input % 8));
      }
    }
  }
  return bytes;
}

std::vector<uint8_t> ThresholdsOf(const Program& program, const Call& call, int32_t first,
                                  int32_t count) {
  const QConvParams& p = *AsConv(call);
  const uint8_t* constants = program.constants.data();
  std::vector<uint8_t> bytes(static_cast<size_t>(count) * kThresholdBytes);
  for (int32_t i = 0; i < count * kLanes; ++i) {
    const int32_t co = first * kLanes + i;
    int16_t entry[4] = {kMaxAccumulator + 1, kMaxAccumulator + 1, kMaxAccumulator + 1, 1};
    if (co < p.co) {
      const bool rising = static_cast<int8_t>(constants[call.inputs[3].offset + co]) > 0;
      entry[3] = rising ? 1 : 0;
      for (int32_t k = 0; k < 3; ++k) {
        int32_t t = rising ? kMaxAccumulator + 1 : -kMaxAccumulator - 1;  // never reached
        if (k < p.levels - 1) {
          std::memcpy(&t, constants + call.inputs[2].offset + 4 * (co * (p.levels - 1) + k), 4);
        }
        entry[k] = static_cast<int16_t>(std::clamp(t, -kMaxAccumulator - 1, kMaxAccumulator + 1));
      }
      if (AddsResidual(call)) {
        int32_t ratio = 0;
        std::memcpy(&ratio, constants + call.inputs[kRatiosInput].offset + 4 * co, 4);
        entry[3] = static_cast<int16_t>(2 * ratio + entry[3]);
      }
    }
    std::memcpy(bytes.data() + static_cast<size_t>(i) * sizeof(entry), entry, sizeof(entry));
  }
  return bytes;
}

std::vector<Tap> TapsOf(const QConvParams& p) {
  const MapLayout in = LayoutOf(p.h, p.w, p.ci, p.stride_h == 2, p.x_bits);
  std::vector<Tap> taps;
  for (int32_t kh = 0; kh < p.kernel_h; ++kh) {
    for (int32_t kw = 0; kw < p.kernel_w; ++kw) {
      const int32_t y = kh * p.dilation_h - p.pad_top, x = kw * p.dilation_w - p.pad_left;
      if (p.stride_h == 1) {
        taps.push_back({0, y, x});
      } else {  // the plane of that parity
        taps.push_back({((y & 1) * 2 + (x & 1)) * in.plane_step(), y >> 1, x >> 1});
      }
    }
  }
  return taps;
}

RawFinish FinishOf(const Program& program, const Call& call) {
  const QConvParams& p = *AsConv(call);
  RawFinish finish = {p.epilogue, p.relu != 0, {}, {}};
  if (p.epilogue != kernels::QConvEpilogue::kAffine) return finish;
  const auto read = [&](const program::Operand& operand) {
    std::vector<float> values(static_cast<size_t>(p.co));
    std::memcpy(values.data(), program.constants.data() + operand.offset,
                values.size() * sizeof(float));
    return values;
  };
  finish.a = read(call.inputs[4]);
  finish.b = read(call.inputs[5]);
  return finish;
}

}  // namespace bluestem::fpga
