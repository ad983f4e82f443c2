// WeightFlips: how many 1-bit weights have changed their sign from one epoch's end to the next. A
// 1-bit weight learns by flipping and by nothing else, so this says whether a layer still learns
// (Helwegen et al., "Latent weights do not exist", arXiv 1906.02107, watch the same).
//
//   share of a layer = #{i : sign(w_i now) != sign(w_i then)} / #weights,  sign(0) = +1
//
// of the latent weights that the optimizer moves, not of their average (train.ema). Once an epoch,
// one pass over the weights. Threads: one thread. Ownership: owns the signs; the module must
// outlive it.
#pragma once

#include <string>
#include <vector>

#include "bluestem/train/internal/module.h"
#include "bluestem/train/internal/run_folder.h"

namespace bluestem::train {

class WeightFlips {
 public:
  // Remembers the signs that the module has now.
  explicit WeightFlips(const Module& module);
  // Returns the share of each layer with 1-bit weights, in block order, since the last call (or
  // the construction), and remembers the signs of now.
  std::vector<LayerShare> Take();
  // The signs remembered, for checkpoints: "signs/LAYER/weight", 24 to a float, whose integers up
  // to 2^24 are exact.
  std::vector<ParameterView> State();

 private:
  struct Layer {
    std::string name;
    ParameterView weights;
    std::vector<float> signs;
  };
  std::vector<Layer> layers_;
};

// The curves, for report.html; "" where no layer has 1-bit weights.
std::string WeightFlipsSection(const std::vector<EpochMetrics>& metrics, const Network& network);

}  // namespace bluestem::train
