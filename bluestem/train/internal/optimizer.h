// Optimizers and learning-rate schedules: how parameters move, given their gradients. Plain loops
// over f32 arrays in a fixed order.
//
//   sgd       w -= rate * g
//   momentum  v = momentum*v + g;  w -= rate * v
//   nesterov  v = momentum*v + g;  w -= rate * (g + momentum*v)
//   adam      Kingma and Ba, arXiv 1412.6980 (betas .9, .999, eps 1e-8)
//   adamw     Loshchilov and Hutter, arXiv 1711.05101: weight decay beside the gradient
//
// g holds the weight decay of weights (g + decay*w; adamw: w -= rate*decay*w). Biases, gammas and
// betas are not decayed. Threads: one thread. Ownership: an Optimizer owns its state and refers to
// the module's parameters.
#pragma once

#include <string>
#include <vector>

#include "bluestem/config/experiment.h"
#include "bluestem/train/internal/module.h"

namespace bluestem::train {

struct OptimizerSettings {
  std::string name = "momentum";
  double momentum = 0.9;
  double weight_decay = 0;
  double beta_rate = 1;  // factor on the rate of betas
  double lookahead = 0;  // decay of slow weights, 0: off
};

class Optimizer {
 public:
  Optimizer(OptimizerSettings settings, std::vector<ParameterView> parameters);

  // Moves every parameter. `step` counts from 0; `progress` is the share of the run that is done,
  // 0..1.
  void Update(int64_t step, double rate, double progress);

  // Named state arrays, for checkpoints: "momentum/conv1/weight", ...
  std::vector<ParameterView> State();

 private:
  void Lookahead(double progress);
  OptimizerSettings settings_;
  std::vector<ParameterView> parameters_;
  std::vector<std::vector<float>> first_, second_, slow_;
};

// Returns the rate as a factor of train.learning_rate at `step` of `steps`.
//   constant 1 | cosine (1 + cos(pi p)) / 2 | linear 1 - p | 2-step and 3-step: a tenth at each
//   boundary, counted in epochs E: 2-step (E-1)/2 and E-1; 3-step (E-1)/3, 2(E-1)/3 and E-1;
//   3-step-with-warmup: a thousandth during the first epoch, then 3-step.
// `warmup` share of the steps first rises from 0.2 to 1 in a line; p runs over what is left and
// reaches 1 at the last step.
double RateFactor(const config::TrainConfig& config, int64_t step, int64_t steps,
                  int64_t steps_per_epoch);

}  // namespace bluestem::train
