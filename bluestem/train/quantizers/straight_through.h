// Straight-through estimators of 1-bit weights: what takes the place of the sign's derivative,
// which is zero. They change gradients alone, never a value. Those of activations are rows of
// ActivationQuantizers (quantizers.h); lsq and weights of more bits have gradients of their own.
//
// The weights of a layer are measured in their root mean square: u = w / r, r = sqrt(mean w^2),
// which counts as a constant. The sign is taken for r * F(u), so a value's gradient reaches its
// weight times F'(u):
//
//   identity     F(u) = u, F' = 1 (Bengio et al., 2013, arXiv 1308.3432)
//   clipped      F(u) = clip(u, -1, 1), F' = 1 where |u| < 1, else 0 (BinaryNet's hard tanh, arXiv
//                1602.02830)
//   approx_sign  F(u) = 2u - u|u| for |u| < 1, else the sign; F' = 2 - 2|u|, else 0 (Bi-Real Net,
//                arXiv 1808.00278, which has it for activations)
//   ede          F(u) = k tanh(t u), t = 10^(2p - 1), k = max(1 / t, 1), p the share of the steps
//                that are done: from nearly the identity to nearly the sign.
//                F' = k t (1 - tanh^2(t u)) (IR-Net, arXiv 1909.10788, without its balancing: u has
//                the mean that it has)
//
// Threads: free functions without state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bluestem::train {

struct WeightSte {
  const char* name;
  // Multiplies gradient[i] by F' at w[i]; `progress` is p, 0..1. Null: the identity.
  void (*pass)(double progress, int64_t count, const float* w, float* gradient);
};

// The rows, as in the table above.
const std::vector<WeightSte>& WeightStes();
// Returns the row of that name, or nullptr.
const WeightSte* FindWeightSte(const std::string& name);

}  // namespace bluestem::train
