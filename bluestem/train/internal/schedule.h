// Learning-rate schedules: how high the rate is at a step. Threads: pure. Ownership: none.
#pragma once

#include "bluestem/config/experiment.h"

namespace bluestem::train {

// Returns the rate as a factor of train.learning_rate at `step` of `steps`, t = step / steps.
//
//   constant   1
//   cosine     (1 + cos(pi p)) / 2: SGDR (Loshchilov and Hutter, arXiv 1608.03983), one period down
//              to 0 without a restart
//   linear     1 - p
//   2-step, 3-step
//              a tenth from each boundary on, counted in epochs of all E: 2-step (E-1)/2 and E-1;
//              3-step (E-1)/3, 2(E-1)/3 and E-1
//   3-step-with-warmup
//              a thousandth during the first epoch, then 3-step
//   one-cycle  half a cosine up from 1/25, (1 + cos(pi (1 - t/w))) / 2 of the way to 1, over the
//              share w = `warmup` of the steps (0: w = 0.3), then another from 1 down to 0 (Smith
//              and Topin, arXiv 1708.07120; Smith, arXiv 1803.09820, whose lines end in a last fall
//              below where they began). Their cycle of the momentum, down while the rate goes up,
//              is left out: train.momentum stays
//
// Warm-up, of all but one-cycle: while t < `warmup`, 0.2 + 0.8 t / warmup in place of these (Goyal
// et al., arXiv 1706.02677, who begin at 1 / workers). p = (t - warmup) / (1 - warmup) runs over
// what is left: it is below 1 at the last step, and 1 after it. Boundaries are not moved.
double RateFactor(const config::TrainConfig& config, int64_t step, int64_t steps,
                  int64_t steps_per_epoch);

}  // namespace bluestem::train
