// Optimizers: how parameters move, given their gradients. Plain loops over f32 arrays in a fixed
// order; muon's products are LibTorch's.
//
//   sgd       w -= rate * g
//   momentum  v = momentum*v + g;  w -= rate * v
//   nesterov  v = momentum*v + g;  w -= rate * (g + momentum*v)
//   adam      Kingma and Ba, arXiv 1412.6980 (betas .9, .999, eps 1e-8)
//   adamw     Loshchilov and Hutter, arXiv 1711.05101: weight decay beside the gradient
//   lars      You, Gitman and Ginsburg, arXiv 1708.03888: v = momentum*v + rate * t * g;  w -= v,
//             for each weight array t = 0.001 |w| / (|g| + decay*|w|) with g before its decay
//   lamb      You et al., arXiv 1904.00962: adam's step r, with decay*w in it, of each weight array
//             times |w| / |r|
//   muon      Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/: nesterov, whose step
//             of a weight array [co, k], k = kh*kw*ci, becomes the nearest semi-orthogonal matrix
//             (internal/orthogonal.h), times 0.2 sqrt(max(co, k)) so that adam's rates fit (Liu et
//             al., arXiv 2502.16982); decay as adamw. That is every weight array, the first and
//             the last layer's too, which Jordan leaves to adamw
//
// g holds the weight decay of weights (g + decay*w; adamw and muon: w -= rate*decay*w). All else
// (biases, gammas, betas, what quantizers learn) is not decayed; lars, lamb and muon treat it as
// momentum, adam and nesterov. Betas move with rate * beta_rate (64 in Jordan, arXiv 2404.00498).
// Before all that, gradients longer together than `clip` are scaled to that length (Pascanu,
// Mikolov and Bengio, arXiv 1211.5063).
//
// Lookahead (Zhang et al., arXiv 1907.08610), after every fifth step, of every parameter:
//
//   slow += (1 - lookahead^5 * progress^3) * (w - slow);  w = slow
//
// with slow = w before the first step and progress the share of the run that is done: the cubic
// rise is Jordan's (arXiv 2404.00498), so that early steps are hardly held back and late ones are
// averaged. What optimizers remember stays as it is.
//
// Threads: call from one thread; uses OpenMP inside. Ownership: an Optimizer owns its state and
// refers to the module's parameters.
#pragma once

#include <string>
#include <vector>

#include "bluestem/train/internal/parameter.h"

namespace bluestem::train {

struct OptimizerSettings {
  std::string name = "momentum";
  double momentum = 0.9;
  double weight_decay = 0;
  double beta_rate = 1;  // factor on the rate of betas
  double lookahead = 0;  // decay of slow weights, 0: off
  double clip = 0;       // greatest norm of all gradients together, 0: off
};

class Optimizer {
 public:
  Optimizer(OptimizerSettings settings, std::vector<ParameterView> parameters);

  // Moves every parameter. `step` counts from 0; `progress` is the share of the run that is done,
  // 0..1. Scales the gradients if they are to be clipped.
  void Update(int64_t step, double rate, double progress);

  // Named state arrays, for checkpoints: "momentum/conv1/weight", ...
  std::vector<ParameterView> State();

 private:
  void ClipGradients();
  void Move(size_t i, int64_t step, double rate);
  void Lookahead(double progress);
  OptimizerSettings settings_;
  std::vector<ParameterView> parameters_;
  std::vector<std::vector<float>> first_, second_, slow_;
  std::vector<float> direction_;
};

}  // namespace bluestem::train
