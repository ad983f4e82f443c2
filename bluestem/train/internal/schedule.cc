#include "bluestem/train/internal/schedule.h"

#include <cmath>
#include <numbers>
#include <vector>

namespace bluestem::train {
namespace {

constexpr double kOneCycleStart = 1.0 / 25, kOneCycleRise = 0.3;

double OneCycle(double warmup, double done) {
  const double rise = warmup > 0 ? warmup : kOneCycleRise;
  const bool rising = done < rise;
  const double p = rising ? 1.0 - done / rise : (done - rise) / (1.0 - rise);
  const double low = rising ? kOneCycleStart : 0.0;
  return low + (1.0 - low) * 0.5 * (1.0 + std::cos(std::numbers::pi * p));
}

}  // namespace

double RateFactor(const config::TrainConfig& config, int64_t step, int64_t steps,
                  int64_t steps_per_epoch) {
  const double done = static_cast<double>(step) / static_cast<double>(steps);
  if (config.schedule == "one-cycle") return OneCycle(config.warmup, done);
  if (done < config.warmup) return 0.2 + 0.8 * done / config.warmup;
  // The last step, steps - 1, is made with p close to 1 and after it p is exactly 1.
  const double p = (done - config.warmup) / (1.0 - config.warmup);
  if (config.schedule == "constant") return 1.0;
  if (config.schedule == "cosine") return 0.5 * (1.0 + std::cos(std::numbers::pi * p));
  if (config.schedule == "linear") return 1.0 - p;
  const double epochs = static_cast<double>(steps) / static_cast<double>(steps_per_epoch);
  const double epoch = static_cast<double>(step) / static_cast<double>(steps_per_epoch);
  if (config.schedule == "3-step-with-warmup" && epoch < 1.0) return 1e-3;
  const double last = epochs - 1.0;
  const std::vector<double> boundaries = config.schedule == "2-step"
                                             ? std::vector<double>{last / 2, last}
                                             : std::vector<double>{last / 3, 2 * last / 3, last};
  double factor = 1.0;
  for (const double boundary : boundaries) {
    if (epochs > 1.0 && epoch >= boundary) factor *= 0.1;
  }
  return factor;
}

}  // namespace bluestem::train
