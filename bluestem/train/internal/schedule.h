// Learning-rate schedules: how high the rate is at a step. Threads: pure. Ownership: none.
#pragma once

#include "bluestem/config/experiment.h"

namespace bluestem::train {

// Returns the rate as a factor of train.learning_rate at `step` of `steps`.
//   constant 1 | cosine (1 + cos(pi p)) / 2 | linear 1 - p | 2-step and 3-step: a tenth at each
//   boundary, counted in epochs E: 2-step (E-1)/2 and E-1; 3-step (E-1)/3, 2(E-1)/3 and E-1;
//   3-step-with-warmup: a thousandth during the first epoch, then 3-step.
// `warmup` share of the steps first rises from 0.2 to 1 in a line; p runs over what is left and
// reaches 1 at the last step.
//   one-cycle (Smith, arXiv 1803.09820): half a cosine from 1/25 up to 1 over `warmup` of the steps
//   (0: over 0.3 of them), another from 1 down to 0.
double RateFactor(const config::TrainConfig& config, int64_t step, int64_t steps,
                  int64_t steps_per_epoch);

}  // namespace bluestem::train
