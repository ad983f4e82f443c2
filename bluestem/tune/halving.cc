#include "bluestem/tune/halving.h"

#include <algorithm>
#include <numeric>

namespace bluestem::tune {
namespace {

int64_t CeilDiv(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// Further, then better, then earlier; what was lost comes last.
bool Before(const Trial& a, const Trial& b) {
  if (a.Lost() != b.Lost()) return b.Lost();
  if (a.outcomes.size() != b.outcomes.size()) return a.outcomes.size() > b.outcomes.size();
  const double x = a.outcomes.empty() ? 0 : a.outcomes.back().accuracy;
  const double y = b.outcomes.empty() ? 0 : b.outcomes.back().accuracy;
  return x != y ? x > y : a.number < b.number;
}

}  // namespace

std::vector<Rung> Rungs(const HalvingOptions& options) {
  BLUESTEM_CHECK(options.eta >= 2 && options.min_epochs >= 1, "checked by the caller");
  BLUESTEM_CHECK(options.min_epochs <= options.max_epochs, "checked by the caller");
  std::vector<Rung> rungs;
  for (int64_t epochs = options.max_epochs; epochs >= options.min_epochs; epochs /= options.eta)
    rungs.insert(rungs.begin(), {.epochs = epochs});  // floor of floor is the floor
  int64_t trials = options.trials;
  if (trials == 0) {
    trials = 1;
    for (size_t k = 1; k < rungs.size(); ++k) trials *= options.eta;
  }
  for (Rung& rung : rungs) {
    rung.trials = trials;
    trials = CeilDiv(trials, options.eta);
  }
  return rungs;
}

std::vector<size_t> Ranking(const std::vector<Trial>& trials) {
  std::vector<size_t> order(trials.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return Before(trials[a], trials[b]); });
  return order;
}

Status RunHalving(const std::vector<Rung>& rungs, const TrainTrial& train,
                  std::vector<Trial>& trials) {
  trials.clear();
  for (int64_t number = 0; number < rungs[0].trials; ++number)
    trials.push_back({.number = number, .outcomes = {}});
  for (size_t rung = 0; rung < rungs.size(); ++rung) {
    std::vector<size_t> entering;
    for (const size_t i : Ranking(trials)) {
      const bool came_here = trials[i].outcomes.size() == rung && !trials[i].Lost();
      if (came_here && static_cast<int64_t>(entering.size()) < rungs[rung].trials)
        entering.push_back(i);
    }
    std::sort(entering.begin(), entering.end());
    for (const size_t i : entering) {
      BLUESTEM_ASSIGN_OR_RETURN(Outcome outcome, train(trials[i].number, rung));
      trials[i].outcomes.push_back(std::move(outcome));
    }
  }
  return OkStatus();
}

}  // namespace bluestem::tune
