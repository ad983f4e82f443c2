// Passes of norm_act.h over maps with many channels, each in one loop: a map that does not fit a
// cache is read once and not tile by tile. The same bits as norm_act.cc's plain loops.
//
// Rows are [rows, channels] f32; channels are a multiple of 16. Constants are [channels]. Threads:
// free functions without state.
#pragma once

#include <cstdint>

#include "bluestem/train/quantizers/quantizers.h"

namespace bluestem::train {

constexpr int64_t kNormLanes = 16;

// Returns whether the quantizer's codes and gradient are what RunNormCodes and RunNormSums compute.
bool HasNormPasses(const ActivationQuantizer* quantizer);

struct NormCodes {
  const float *z, *a, *b;
  const float* shortcut;  // or null
  float* r;               // out, or null
  uint8_t* codes;         // out
};
// codes of r = z*a + b (+ shortcut).
void RunNormCodes(const ActivationSpec& spec, int64_t rows, int64_t channels, const NormCodes& n);

struct NormSums {
  const float *z, *a, *b, *inverse, *offset;
  const float* shortcut;  // or null
  const float* gy;        // may be g
  const float* gr;        // or null
  float* g;               // out: gy where 0 < r < spec.max, plus gr
  float* sum;             // out [channels]: g is added to it
  float* product;         // out [channels]: g * (z*inverse + offset) is
};
void RunNormSums(const ActivationSpec& spec, int64_t rows, int64_t channels, const NormSums& n);

struct NormGradient {
  const float *g, *z, *a, *p, *q;
  float* gz;  // out; may be g
};
// gz = a*g + (z*p + q). Returns the greatest magnitude of gz, infinity and then NaN above all.
float RunNormGradient(int64_t rows, int64_t channels, const NormGradient& n);

}  // namespace bluestem::train
