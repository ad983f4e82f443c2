// Batch norm, shortcut and activation in one pass over a channels-last map, forward and backward:
// memory traffic, not arithmetic, is what these cost.
//
//   xhat = (z - mean) * inverse;  a = gamma * inverse;  b = beta - mean * a
//   r = z*a + b (+ shortcut);  y = activation(r)
//
// Maps are [rows, channels] f32, rows = n*h*w. Sums are over fixed chunks of rows, added in order
// in double: the same bits for any number of threads. Moments are those of the joint batch of all
// ranks, each of which has as many rows. Threads: uses OpenMP inside; call from one
// thread. Ownership: none.
#pragma once

#include <cstdint>
#include <vector>

#include "bluestem/train/internal/ranks.h"
#include "bluestem/train/quantizers/quantizers.h"

namespace bluestem::train {

// A norm of one step: mean and variance of the batch, and what follows from them.
struct NormState {
  std::vector<float> mean, variance, inverse, a, b;  // [channels]
};

struct Map {
  int64_t rows = 0;
  int64_t channels = 0;
};

// Fills mean and (biased) variance of the batch.
void BatchMoments(const Map& map, const float* z, Ranks& ranks, NormState& state);
// Fills inverse, a and b from mean and variance. `gamma` null: 1.
void FinishNorm(const float* gamma, const float* beta, float epsilon, NormState& state);

// One activation, or none (quantizer null: y = r).
struct ActivationCall {
  const ActivationQuantizer* quantizer = nullptr;
  ActivationSpec spec;
};

// shortcut: null or [rows, channels]. r: null, or receives the value before the activation. Either
// y or codes receives the activation.
void NormActForward(const Map& map, const NormState& state, const ActivationCall& activation,
                    const float* z, const float* shortcut, float* r, float* y, uint8_t* codes);

struct NormActGradients {
  const float* gy = nullptr;   // of y; gz or gshortcut may take its place
  const float* gr = nullptr;   // of r from a later shortcut, or null
  float* gz = nullptr;         // out
  float* gshortcut = nullptr;  // out, or null
  float* ggamma = nullptr;     // out [channels], this rank's part, or null
  float* gbeta = nullptr;      // out [channels], this rank's part
  double* gmax = nullptr;      // out: the activation's max_gradient, this rank's part before its
                               // factor; or null
  float* greatest = nullptr;   // out: the greatest magnitude of gz, not a number if any is not; or
                               // null. Requires: channels are a multiple of 16
};
void NormActBackward(const Map& map, const NormState& state, const ActivationCall& activation,
                     const float* z, const float* shortcut, Ranks& ranks,
                     const NormActGradients& gradients);

// y = activation(z + nothing): for blocks without a norm. In place allowed.
void ActForward(const Map& map, const ActivationCall& activation, const float* z, float* y);
void ActBackward(const Map& map, const ActivationCall& activation, const float* z, const float* gy,
                 float* gz);
// bias gradient: sums over rows.
void ColumnSums(const Map& map, const float* g, float* sums);

}  // namespace bluestem::train
