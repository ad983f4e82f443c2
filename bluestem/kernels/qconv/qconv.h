// qconv: convolution of unsigned codes with signed low-bit weights, and its epilogue.
//
//   acc[oy,ox,co] = sum over kh,kw,ci of  x[oy*stride_h - pad_top + kh*dilation_h, ..., g*cig + ci]
//   * w[co,kh,kw,ci]     (s32, exact) where x outside the map reads pad_value; g = co /
//   (co_count/groups); cig = ci_count/groups.
//
// Epilogue:
//   kThreshold: y(u8) = d[co] > 0 ? #{k : v >= t[co][k]} : #{k : v <= t[co][k]}, where v = acc, or
//               acc + ratios[co] * residual[oy,ox,co] if residual_bits is not 0
//   kAffine:    y(f32) = float(acc) * a[co] + b[co]  (multiply rounds, add rounds: no FMA), then
//   max(y, 0) if relu kRaw:       y(s32) = acc
//
// Layouts: x u8 [h, w, ci], one byte a code whatever the bits; y [ho, wo, co]. One image a call.
// Weights are packed once, by PackWeights, into the layout of their type (one for all ISAs, so that
// one library holds one copy):
//   w_bits == 1 ("s1"): blocks of 32 outputs: [ceil(co/32)][kh*kw][ceil(cig/8)][32] bytes. Bit i of
//   byte (g8, lane): weight of channel
//                 8*g8+i is +1 (1) or -1 (0). So each nibble indexes a 16-entry table of the sums
//                 of 4 codes. Padding bits and lanes are 0; codes of padding channels are taken as
//                 0. One group, more than 4 channels and codes of at most 4 bits only; other
//                 convolutions of such weights are packed as s8 (layout.h, PacksS1).
//   otherwise ("s8"):   blocks of 32 outputs (within a group):
//   [groups][ceil(cog/32)][kh*kw][ceil(cig/4)][32][4] s8; padding is 0. With one group of at most 4
//   channels, all taps are one: [ceil(co/32)][ceil(kh*kw*ci/4)][32][4].
// Requires (proven at lowering): |acc| < 2^31, |v| < 2^31; codes < 2^x_bits, those of the residual
// < 2^residual_bits; for thresholds 1 <= levels <= 256.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bluestem/kernels/isa.h"

namespace bluestem::kernels {

enum class QConvEpilogue : int32_t { kThreshold = 0, kAffine = 1, kRaw = 2 };

// Plain integers so that generated code prints it as a designated initializer.
struct QConvParams {
  int32_t h, w, ci;
  int32_t ho, wo, co;
  int32_t kernel_h, kernel_w;
  int32_t stride_h, stride_w;
  int32_t pad_top, pad_left;  // negative in a part that begins inside the map
  int32_t dilation_h, dilation_w;
  int32_t groups;
  int32_t pad_value;
  int32_t x_bits, w_bits;  // w_bits 1: weights are -1/+1
  QConvEpilogue epilogue;
  int32_t levels;         // of the output codes, for kThreshold
  int32_t relu;           // 0 or 1, for kAffine
  int32_t narrow_steps;   // QConvNarrowSteps of the weights; 0 if only their bits are known
  int32_t residual_bits;  // of the codes that are added, 1 to 8, for kThreshold; 0: there are none
};

struct QConvArgs {
  const uint8_t* x;
  const uint8_t* weights;     // packed; 64-byte aligned
  const int32_t* thresholds;  // [co][levels-1], or null
  const int8_t* directions;   // [co], or null
  const float* a;             // [co], or null
  const float* b;             // [co], or null
  const uint8_t* residual;    // codes [ho, wo, co], or null
  const int32_t* ratios;      // [co], or null
  void* y;
  int32_t y_channels = 0;  // of a pixel of y and of the residual, in a part of some; 0: params.co
  uint8_t* scratch;        // ScratchBytes of the chosen kernel, 64-byte aligned
};

using QConvFn = void (*)(const QConvParams& params, const QConvArgs& args);

struct QConvKernel {
  const char* symbol;
  Isa isa;
  QConvFn run;  // null where this architecture does not have it
  const char* (*refuses)(const QConvParams& params);  // null: takes it; else the reason
  size_t (*scratch_bytes)(const QConvParams& params);
  // Whether a call is better cut in runs of outputs than of rows: for each part prepares all
  // weights. Null: never, and then it takes no such part.
  bool (*cuts_outputs)(const QConvParams& params, int32_t parts) = nullptr;
};

// The rows, preferred first, the reference last.
extern const QConvKernel kQConvKernels[];
extern const int32_t kQConvKernelCount;

// Returns the first row that `isas` has and that does not refuse.
const QConvKernel& SelectQConv(const QConvParams& params, IsaSet isas);

// Makes a whole call part `part` of `parts`: a call of its own, with its own scratch
// (kernel.scratch_bytes of the new params; a part may ask for more than the whole). The parts
// together write exactly what the whole writes, in any order or at the same time. Returns false for
// a part without outputs, which is not to be run. Requires: 0 <= part < parts.
bool TakePart(int32_t part, int32_t parts, QConvParams& params, QConvArgs& args);
// The same for a part of some outputs, in whole blocks of 32. Requires: the kernel's cuts_outputs;
// one group.
bool TakeOutputs(int32_t part, int32_t parts, QConvParams& params, QConvArgs& args);
// Of that the params alone; returns the first block.
int32_t TakeOutputShape(int32_t part, int32_t parts, QConvParams& params);

size_t QConvPackedBytes(const QConvParams& params);
// Packs `w` [co, kh, kw, ci/groups] into `packed` (QConvPackedBytes).
void QConvPackWeights(const QConvParams& params, const int8_t* w, uint8_t* packed);
// Returns over how many steps of 4 channels, wherever they begin, two neighbouring channels'
// products of these weights and any codes sum up within 16 bits: more than their bits promise. 0
// where the weights are packed s1 or one step may not.
int32_t QConvNarrowSteps(const QConvParams& params, const uint8_t* packed);

}  // namespace bluestem::kernels
