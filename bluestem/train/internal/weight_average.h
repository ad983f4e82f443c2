// The exponential moving average of all parameters: what is validated and becomes the model where
// train.ema is on (Polyak and Juditsky 1992; with the rising decay of TensorFlow's
// ExponentialMovingAverage, so that the first steps are forgotten).
//
// Threads: one thread. Ownership: owns the average, refers to the module's parameters.
#pragma once

#include <vector>

#include "bluestem/train/internal/parameter.h"

namespace bluestem::train {

class WeightAverage {
 public:
  // decay 0: off, and everything below does nothing.
  WeightAverage(double decay, std::vector<ParameterView> parameters);

  // average += (1 - d) * (w - average), d = min(decay, (1 + step) / (10 + step)).
  void Update(int64_t step);
  // Exchanges parameters and average; twice is as before.
  void Swap();
  // Named arrays, for checkpoints: "average/conv1/weight", ...
  std::vector<ParameterView> State();

 private:
  double decay_;
  std::vector<ParameterView> parameters_;
  std::vector<std::vector<float>> average_;  // empty: off
};

}  // namespace bluestem::train
