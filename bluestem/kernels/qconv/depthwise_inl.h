// depthwise: qconv with one input and one output channel a group. Vectors run over channels, by the
// compiler. Included by ISA files: every function has internal linkage.
//
// Scratch: weights [taps][channels] s16, then a padding pixel's codes [channels], then rearranged
// thresholds [levels][channels rounded up to 32]; each 64-byte aligned (DepthwisePlan).
#pragma once

#include "bluestem/kernels/qconv/depthwise.h"
#include "bluestem/kernels/qconv/epilogue_inl.h"

namespace bluestem::kernels {

struct DepthwiseRun {
  QConvParams p;  // with groups = 1, as the epilogue sees it
  QConvArgs args;
  const int16_t* weights;
  const uint8_t* pad;
  ThresholdForm form;
};

// The sums of `count` channels from `c` on of one output pixel. Count is a constant where inlined
// for whole blocks.
static inline __attribute__((always_inline)) void SumChannels(const DepthwiseRun& run, int32_t oy,
                                                              int32_t ox, int32_t c, int32_t count,
                                                              int32_t* acc) {
  const QConvParams& p = run.p;
  for (int32_t i = 0; i < count; ++i) acc[i] = 0;
  const int16_t* w = run.weights + c;
  for (int32_t kh = 0; kh < p.kernel_h; ++kh) {
    const int32_t iy = oy * p.stride_h - p.pad_top + kh * p.dilation_h;
    for (int32_t kw = 0; kw < p.kernel_w; ++kw, w += p.ci) {
      const int32_t ix = ox * p.stride_w - p.pad_left + kw * p.dilation_w;
      const bool inside = iy >= 0 && iy < p.h && ix >= 0 && ix < p.w;
      const uint8_t* x = inside ? run.args.x + (int64_t{iy} * p.w + ix) * p.ci + c : run.pad + c;
      for (int32_t i = 0; i < count; ++i) acc[i] += static_cast<int16_t>(x[i]) * w[i];
    }
  }
}

static inline void RunDepthwise(const QConvParams& params, const QConvArgs& args) {
  const DepthwisePlan plan = PlanDepthwise(params);
  DepthwiseRun run;
  run.p = params;
  run.p.groups = 1;
  run.args = args;
  int16_t* weights = reinterpret_cast<int16_t*>(args.scratch);
  for (int32_t tap = 0; tap < Taps(params); ++tap) {
    for (int32_t c = 0; c < params.co; ++c) {
      const uint8_t* block = args.weights + c * BlockBytes(params);
      weights[int64_t{tap} * params.co + c] =
          static_cast<int16_t>(PackedWeight(params, block, tap, 0, 0));
    }
  }
  run.weights = weights;
  uint8_t* pad = args.scratch + plan.pad_at;
  std::memset(pad, params.pad_value, static_cast<size_t>(params.ci));
  run.pad = pad;
  run.form = PrepareThresholds(run.p, args, args.scratch + plan.thresholds_at);
  alignas(64) int32_t acc[kQConvBlock] = {};
  for (int32_t oy = 0; oy < params.ho; ++oy) {
    for (int32_t ox = 0; ox < params.wo; ++ox) {
      for (int32_t c = 0; c < params.co; c += kQConvBlock) {
        const int32_t count = params.co - c < kQConvBlock ? params.co - c : kQConvBlock;
        if (count == kQConvBlock) {
          SumChannels(run, oy, ox, c, kQConvBlock, acc);
        } else {
          SumChannels(run, oy, ox, c, count, acc);
        }
        const EpilogueBlock to = {.form = run.form,
                                  .row_length = int64_t{GroupBlocks(run.p)} * kQConvBlock,
                                  .lane = c,
                                  .co = c,
                                  .count = count};
        FinishBlock<kQConvBlock>(run.p, args, to, acc, int64_t{oy} * params.wo + ox);
      }
    }
  }
}

}  // namespace bluestem::kernels
