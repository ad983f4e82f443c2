#include "bluestem/train/internal/optimizer.h"

#include <cmath>

#include "bluestem/train/internal/clones.h"

namespace bluestem::train {
namespace {

constexpr int64_t kLookaheadSteps = 5;
constexpr float kBeta1 = 0.9F, kBeta2 = 0.999F, kAdamEpsilon = 1e-8F;

struct Rates {
  float rate, momentum, decay;
};

BLUESTEM_CLONES void Sgd(int64_t count, const Rates& rates, const float* g, float* w) {
  for (int64_t i = 0; i < count; ++i) w[i] -= rates.rate * (g[i] + rates.decay * w[i]);
}

BLUESTEM_CLONES void Momentum(int64_t count, const Rates& rates, bool nesterov, const float* g,
                              float* w, float* v) {
  const float ahead = nesterov ? 1.0F : 0.0F;
  const float scale = nesterov ? rates.momentum : 1.0F;
  for (int64_t i = 0; i < count; ++i) {
    const float gradient = g[i] + rates.decay * w[i];
    v[i] = rates.momentum * v[i] + gradient;
    w[i] -= rates.rate * (ahead * gradient + scale * v[i]);
  }
}

BLUESTEM_CLONES void Adam(int64_t count, const Rates& rates, bool decoupled, float correction1,
                          float correction2, const float* g, float* w, float* m, float* v) {
  const float inside = decoupled ? 0.0F : rates.decay;
  const float outside = decoupled ? rates.rate * rates.decay : 0.0F;
  for (int64_t i = 0; i < count; ++i) {
    const float gradient = g[i] + inside * w[i];
    m[i] = kBeta1 * m[i] + (1.0F - kBeta1) * gradient;
    v[i] = kBeta2 * v[i] + (1.0F - kBeta2) * gradient * gradient;
    w[i] -= outside * w[i] +
            rates.rate * (m[i] * correction1) / (std::sqrt(v[i] * correction2) + kAdamEpsilon);
  }
}

}  // namespace

Optimizer::Optimizer(OptimizerSettings settings, std::vector<ParameterView> parameters)
    : settings_(std::move(settings)), parameters_(std::move(parameters)) {
  const bool adam = settings_.name == "adam" || settings_.name == "adamw";
  for (const ParameterView& parameter : parameters_) {
    const auto count = static_cast<size_t>(parameter.count);
    first_.emplace_back(settings_.name == "sgd" ? 0 : count, 0.0F);
    second_.emplace_back(adam ? count : 0, 0.0F);
    slow_.emplace_back();
    if (settings_.lookahead > 0) slow_.back().assign(parameter.value, parameter.value + count);
  }
}

void Optimizer::Update(int64_t step, double rate, double progress) {
  const double t = static_cast<double>(step) + 1;
  const auto correction1 =
      static_cast<float>(1.0 / (1.0 - std::pow(static_cast<double>(kBeta1), t)));
  const auto correction2 =
      static_cast<float>(1.0 / (1.0 - std::pow(static_cast<double>(kBeta2), t)));
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const ParameterView& p = parameters_[i];
    const bool shift = p.role == Role::kBeta;
    const Rates rates{
        .rate = static_cast<float>(rate * (shift ? settings_.beta_rate : 1.0)),
        .momentum = static_cast<float>(settings_.momentum),
        .decay = p.role == Role::kWeight ? static_cast<float>(settings_.weight_decay) : 0.0F};
    if (settings_.name == "sgd") {
      Sgd(p.count, rates, p.gradient, p.value);
    } else if (settings_.name == "adam" || settings_.name == "adamw") {
      Adam(p.count, rates, settings_.name == "adamw", correction1, correction2, p.gradient, p.value,
           first_[i].data(), second_[i].data());
    } else {
      Momentum(p.count, rates, settings_.name == "nesterov", p.gradient, p.value, first_[i].data());
    }
  }
  if (settings_.lookahead > 0 && (step + 1) % kLookaheadSteps == 0) Lookahead(progress);
}

// slow += (1 - decay^5 * progress^3) * (fast - slow); fast = slow: averages more as the run ends
// (Zhang et al., arXiv 1907.08610).
void Optimizer::Lookahead(double progress) {
  const double decay = std::pow(settings_.lookahead, static_cast<double>(kLookaheadSteps)) *
                       progress * progress * progress;
  const auto share = static_cast<float>(1.0 - decay);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    for (size_t k = 0; k < slow_[i].size(); ++k) {
      slow_[i][k] += share * (parameters_[i].value[k] - slow_[i][k]);
      parameters_[i].value[k] = slow_[i][k];
    }
  }
}

std::vector<ParameterView> Optimizer::State() {
  std::vector<ParameterView> views;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const auto add = [&](const char* what, std::vector<float>& values) {
      if (values.empty()) return;
      views.push_back({.name = std::string(what) + "/" + parameters_[i].name,
                       .role = parameters_[i].role,
                       .block = parameters_[i].block,
                       .count = static_cast<int64_t>(values.size()),
                       .value = values.data(),
                       .gradient = nullptr});
    };
    add("momentum", first_[i]);
    add("second_moment", second_[i]);
    add("slow", slow_[i]);
  }
  return views;
}

double RateFactor(const config::TrainConfig& config, int64_t step, int64_t steps,
                  int64_t steps_per_epoch) {
  constexpr double kPi = 3.141592653589793;
  const double done = static_cast<double>(step) / static_cast<double>(steps);
  if (done < config.warmup) return 0.2 + 0.8 * done / config.warmup;
  // The last step, steps - 1, is made with p close to 1 and after it p is exactly 1.
  const double p = (done - config.warmup) / (1.0 - config.warmup);
  if (config.schedule == "constant") return 1.0;
  if (config.schedule == "cosine") return 0.5 * (1.0 + std::cos(kPi * p));
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
