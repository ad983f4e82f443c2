// A block's convolution, trained in integers: codes times signs forward, 8-bit gradients backward.
//
//   forward          z  = (sum of codes * signs) * code scale * weight scale: the artefact's own
//                    kernels and sums
//   input gradient   gx = (sum of gradient codes * signs) * gradient scale * weight scale: the same
//                    kernels, with taps and channels of the weights turned round
//   weight gradient  dw = (sum of gradient codes * codes) * gradient scale * code scale
//
// Over a stride of 2 both gradients are those of stride 1, with zeros between the gradient's codes:
// the same sums, four times the products.
// Sums are exact s32, so they do not depend on threads; scaling them rounds to f32. Maps are [n, h,
// w, c]; codes are below 2^code_bits. Threads: one thread at a time; uses OpenMP inside.
#pragma once

#include <cstdint>
#include <memory>

#include "bluestem/kernels/isa.h"

namespace bluestem::train {

struct IntegerConvShape {
  int64_t h, w, ci, oh, ow, co;
  int32_t kernel, stride, pad;
  int32_t code_bits;
};

class IntegerConv {
 public:
  // Returns why a convolution cannot be trained in integers, or null.
  static const char* Refuses(const IntegerConvShape& shape);

  // Requires: Refuses(shape) == nullptr.
  IntegerConv(const IntegerConvShape& shape, kernels::IsaSet isas);
  ~IntegerConv();
  IntegerConv(const IntegerConv&) = delete;
  IntegerConv& operator=(const IntegerConv&) = delete;

  // Takes the signs (-1, +1) of a step, [co, kernel, kernel, ci]. Before any of the passes.
  void SetSigns(const int8_t* signs);

  // codes u8 [n, h, w, ci] to z f32 [n, oh, ow, co], sums times `scale`.
  void Forward(int64_t n, const uint8_t* codes, float scale, float* z);
  // The same, then MaxPool (pool.h): z and choices [n, oh/pool, ow/pool, co].
  void ForwardPooled(int64_t n, const uint8_t* codes, float scale, int32_t pool, float* z,
                     uint8_t* choices);
  // gradients (rounding.h) [n, oh, ow, co] to gx f32 [n, h, w, ci], sums times `scale`.
  void InputGradient(int64_t n, const uint8_t* gradients, float scale, float* gx);
  // Writes dw f32 [co, kernel, kernel, ci], sums times `scale`.
  void WeightGradient(int64_t n, const uint8_t* codes, const uint8_t* gradients, float scale,
                      float* dw);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bluestem::train
