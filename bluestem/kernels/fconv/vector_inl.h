// fconv over some blocks of 8 outputs at once: independent sums, so that vectors change nothing in
// the order of any of them. Template over V, the lanes of one ISA: kBlocks, Vector, Zero(),
// Load(w, next), where the next block's weights are `next` floats on, Store(v, y) and
// Add(sum, x, w), which rounds the product before it adds; if kBlocks is 2, One, for the odd last
// block. On armv7 only scalar arithmetic will do, because NEON there flushes denormals. Included by
// ISA files: every function has internal linkage.
#pragma once

#include "bluestem/kernels/fconv/layout.h"

namespace bluestem::kernels {

// The taps of one output pixel that lie inside the map: [begin, end) of kh and of kw.
struct FConvTaps {
  int32_t kh_begin, kh_end, kw_begin, kw_end;
};

static inline int32_t FirstInside(int32_t start, int32_t dilation) {
  return start >= 0 ? 0 : (-start + dilation - 1) / dilation;
}

static inline int32_t EndInside(int32_t start, int32_t dilation, int32_t size, int32_t taps) {
  if (start >= size) return 0;
  const int32_t end = (size - 1 - start) / dilation + 1;
  return end < taps ? end : taps;
}

static inline FConvTaps InsideTaps(const FConvParams& p, int32_t top, int32_t left) {
  return {FirstInside(top, p.dilation_h), EndInside(top, p.dilation_h, p.h, p.kernel_h),
          FirstInside(left, p.dilation_w), EndInside(left, p.dilation_w, p.w, p.kernel_w)};
}

static inline void FConvFinish(const FConvParams& p, const FConvArgs& args, int32_t co,
                               int32_t count, const float* sums, float* y) {
  for (int32_t i = 0; i < count; ++i) {
    float v = sums[i];
    if (args.bias != nullptr) v = v + args.bias[co + i];
    if (args.a != nullptr) {
      const float product = v * args.a[co + i];
      v = product + args.b[co + i];
    }
    y[i] = p.relu && v < 0 ? 0.0f : v;
  }
}

// kPixels neighbours in a row whose taps are all the same share each load of weights.
template <class V, int kPixels>
static void FConvTile(const FConvParams& p, const FConvArgs& args, const FConvTaps& taps,
                      int32_t oy, int32_t ox, int32_t group, int32_t block) {
  const int32_t cig = FConvGroupInputs(p);
  const int32_t top = oy * p.stride_h - p.pad_top;
  const int32_t left = ox * p.stride_w - p.pad_left;
  const int64_t pixel_stride = int64_t{p.stride_w} * p.ci;
  const int64_t next = FConvBlockFloats(p);
  const float* weights = args.weights + (int64_t{group} * FConvGroupBlocks(p) + block) * next;
  typename V::Vector vectors[kPixels];
#pragma GCC unroll 16
  for (int32_t pixel = 0; pixel < kPixels; ++pixel) vectors[pixel] = V::Zero();
  for (int32_t kh = taps.kh_begin; kh < taps.kh_end; ++kh) {
    for (int32_t kw = taps.kw_begin; kw < taps.kw_end; ++kw) {
      const int64_t at = int64_t{top + kh * p.dilation_h} * p.w + left + kw * p.dilation_w;
      const float* x = args.x + at * p.ci + int64_t{group} * cig;
      const float* w = weights + (int64_t{kh} * p.kernel_w + kw) * cig * kFConvBlock;
      for (int32_t ci = 0; ci < cig; ++ci, w += kFConvBlock) {
        const typename V::Vector lanes = V::Load(w, next);
#pragma GCC unroll 16
        for (int32_t pixel = 0; pixel < kPixels; ++pixel) {
          vectors[pixel] = V::Add(vectors[pixel], x[pixel * pixel_stride + ci], lanes);
        }
      }
    }
  }
  constexpr int32_t kLanes = V::kBlocks * kFConvBlock;
  float sums[kPixels][kLanes];
#pragma GCC unroll 16
  for (int32_t pixel = 0; pixel < kPixels; ++pixel) V::Store(vectors[pixel], sums[pixel]);
  const int32_t first = block * kFConvBlock;
  const int32_t rest = FConvGroupOutputs(p) - first;
  const int32_t co = group * FConvGroupOutputs(p) + first;
  for (int32_t pixel = 0; pixel < kPixels; ++pixel) {
    float* y = args.y + (int64_t{oy} * p.wo + ox + pixel) * p.co + co;
    FConvFinish(p, args, co, rest < kLanes ? rest : kLanes, sums[pixel], y);
  }
}

// One row of outputs of V's blocks: tiles where every pixel's columns lie inside the map, single
// pixels elsewhere.
template <class V, int kPixels>
static void FConvRow(const FConvParams& p, const FConvArgs& args, int32_t oy, int32_t group,
                     int32_t block) {
  const int32_t top = oy * p.stride_h - p.pad_top;
  for (int32_t ox = 0; ox < p.wo;) {
    const int32_t left = ox * p.stride_w - p.pad_left;
    const FConvTaps taps = InsideTaps(p, top, left);
    const auto inside = [&](int32_t pixels) {
      const int32_t end = left + (pixels - 1) * p.stride_w + (p.kernel_w - 1) * p.dilation_w;
      return ox + pixels <= p.wo && left >= 0 && end < p.w;
    };
    constexpr int kHalf = kPixels / 2;
    if (inside(kPixels)) {
      FConvTile<V, kPixels>(p, args, taps, oy, ox, group, block);
      ox += kPixels;
    } else if (kHalf > 1 && inside(kHalf)) {
      FConvTile<V, kHalf>(p, args, taps, oy, ox, group, block);
      ox += kHalf;
    } else {
      FConvTile<V, 1>(p, args, taps, oy, ox, group, block);
      ++ox;
    }
  }
}

template <class V, int kPixels>
static void RunFConv(const FConvParams& p, const FConvArgs& args) {
  for (int32_t oy = 0; oy < p.ho; ++oy) {
    for (int32_t group = 0; group < p.groups; ++group) {
      int32_t block = 0;
      for (; block + V::kBlocks <= FConvGroupBlocks(p); block += V::kBlocks) {
        FConvRow<V, kPixels>(p, args, oy, group, block);
      }
      if constexpr (V::kBlocks > 1) {
        if (block < FConvGroupBlocks(p))
          FConvRow<typename V::One, kPixels>(p, args, oy, group, block);
      }
    }
  }
}

}  // namespace bluestem::kernels
