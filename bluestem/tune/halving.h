// Halving: a bracket of successive halving. Many trials get few epochs; the best 1/eta of them get
// eta times as many; and so on, until the last rung has the whole budget.
//
// Source: Jamieson, Talwalkar, "Non-stochastic best arm identification and hyperparameter
// optimization", AISTATS 2016 (arXiv 1502.07943); the rungs are those of a bracket of Li et al.,
// "Hyperband", JMLR 18 (2018).
//
// Deterministic: equal accuracies are ordered by trial number. Threads: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bluestem/base/status.h"

namespace bluestem::tune {

struct HalvingOptions {
  int64_t trials = 0;      // 0: as many as leave one for the last rung, eta^(rungs - 1)
  int64_t eta = 3;         // from 2 on
  int64_t min_epochs = 1;  // of the first rung, at least
  int64_t max_epochs = 0;  // of the last rung, exactly
};

struct Rung {
  int64_t epochs = 0;
  int64_t trials = 0;  // that enter it; fewer where too many were lost
};

// Rung k of s + 1 has floor(max_epochs / eta^(s - k)) epochs, with the greatest s that leaves the
// first rung min_epochs, and ceil(trials / eta^k) trials. Requires: 1 <= min_epochs <= max_epochs.
std::vector<Rung> Rungs(const HalvingOptions& options);

// What came of one trial in one rung.
struct Outcome {
  double accuracy =
      0;               // on the validation images, 0..1, or another measure of which more is better
  int64_t images = 0;  // that it was measured on
  double seconds = 0;  // of training
  std::string lost;    // why there is no accuracy; "" where there is
};

struct Trial {
  int64_t number = 0;
  std::vector<Outcome> outcomes;  // rung by rung, as far as it came; only the last can be lost

  bool Lost() const { return !outcomes.empty() && !outcomes.back().lost.empty(); }
};

// Trains trial `number` in rung `rung`. A failure of the trial's own is an Outcome; a Status ends
// the search.
using TrainTrial = std::function<Result<Outcome>(int64_t number, size_t rung)>;

// Runs the trials 0, 1, ... of the first rung in order, then the best of them in the order of their
// numbers, to the last rung. `trials` is filled as outcomes come and is whole when this returns ok.
Status RunHalving(const std::vector<Rung>& rungs, const TrainTrial& train,
                  std::vector<Trial>& trials);

// Returns the indices of `trials`, best first: further rungs, then greater accuracy, then smaller
// number; those that were lost come last.
std::vector<size_t> Ranking(const std::vector<Trial>& trials);

}  // namespace bluestem::tune
