#include "bluestem/train/internal/optimizer.h"

#include <algorithm>
#include <cmath>

#include "bluestem/train/internal/clones.h"
#include "bluestem/train/internal/orthogonal.h"

namespace bluestem::train {
namespace {

constexpr int64_t kLookaheadSteps = 5;
constexpr float kBeta1 = 0.9F, kBeta2 = 0.999F, kAdamEpsilon = 1e-8F;
constexpr double kLarsTrust = 0.001;
constexpr double kMuonSpread = 0.2;  // root mean square of an update, as adam's
constexpr int64_t kPiece = 1 << 14;  // elements that a thread takes at a time

struct Rates {
  float rate, momentum, decay;
  float inner = 1.0F;  // factor on what the velocity takes in
};

// Calls work(first, count) for the pieces of `count` elements, on all threads.
template <typename Work>
void ForPieces(int64_t count, const Work& work) {
#pragma omp parallel for schedule(static) if (count > kPiece)
  for (int64_t first = 0; first < count; first += kPiece)
    work(first, std::min(kPiece, count - first));
}

BLUESTEM_CLONES void Sgd(int64_t count, const Rates& rates, const float* g, float* w) {
  for (int64_t i = 0; i < count; ++i) w[i] -= rates.rate * (g[i] + rates.decay * w[i]);
}

BLUESTEM_CLONES void Momentum(int64_t count, const Rates& rates, bool nesterov, const float* g,
                              float* w, float* v) {
  const float ahead = nesterov ? 1.0F : 0.0F;
  const float scale = nesterov ? rates.momentum : 1.0F;
  for (int64_t i = 0; i < count; ++i) {
    const float gradient = rates.inner * (g[i] + rates.decay * w[i]);
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

// Adam's step before a rate, with the decay in it.
BLUESTEM_CLONES void LambDirection(int64_t count, float decay, float correction1, float correction2,
                                   const float* g, const float* w, float* m, float* v, float* r) {
  for (int64_t i = 0; i < count; ++i) {
    m[i] = kBeta1 * m[i] + (1.0F - kBeta1) * g[i];
    v[i] = kBeta2 * v[i] + (1.0F - kBeta2) * g[i] * g[i];
    r[i] = (m[i] * correction1) / (std::sqrt(v[i] * correction2) + kAdamEpsilon) + decay * w[i];
  }
}

BLUESTEM_CLONES void NesterovDirection(int64_t count, float momentum, const float* g, float* v,
                                       float* u) {
  for (int64_t i = 0; i < count; ++i) {
    v[i] = momentum * v[i] + g[i];
    u[i] = g[i] + momentum * v[i];
  }
}

BLUESTEM_CLONES void Along(int64_t count, float shrink, float length, const float* direction,
                           float* w) {
  for (int64_t i = 0; i < count; ++i) w[i] = shrink * w[i] - length * direction[i];
}

BLUESTEM_CLONES void Approach(int64_t count, float share, float* slow, float* w) {
  for (int64_t i = 0; i < count; ++i) {
    slow[i] += share * (w[i] - slow[i]);
    w[i] = slow[i];
  }
}

double Norm(int64_t count, const float* x) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return std::sqrt(sum);
}

// 1 where a ratio would say nothing.
double Ratio(double above, double below) {
  return above > 0 && below > 0 ? above / below : 1.0;
}

float Correction(float beta, int64_t step) {
  return static_cast<float>(
      1.0 / (1.0 - std::pow(static_cast<double>(beta), static_cast<double>(step) + 1)));
}

}  // namespace

Optimizer::Optimizer(OptimizerSettings settings, std::vector<ParameterView> parameters)
    : settings_(std::move(settings)), parameters_(std::move(parameters)) {
  const std::string& name = settings_.name;
  const bool adam = name == "adam" || name == "adamw" || name == "lamb";
  for (const ParameterView& parameter : parameters_) {
    const auto count = static_cast<size_t>(parameter.count);
    first_.emplace_back(name == "sgd" ? 0 : count, 0.0F);
    second_.emplace_back(adam ? count : 0, 0.0F);
    slow_.emplace_back();
    if (settings_.lookahead > 0) slow_.back().assign(parameter.value, parameter.value + count);
  }
}

void Optimizer::ClipGradients() {
  double square = 0;
  for (const ParameterView& p : parameters_) {
    const double norm = Norm(p.count, p.gradient);
    square += norm * norm;
  }
  if (std::sqrt(square) <= settings_.clip) return;
  const auto scale = static_cast<float>(settings_.clip / std::sqrt(square));
  for (const ParameterView& p : parameters_) {
    for (int64_t k = 0; k < p.count; ++k) p.gradient[k] *= scale;
  }
}

void Optimizer::Move(size_t i, int64_t step, double rate) {
  const ParameterView& p = parameters_[i];
  const std::string& name = settings_.name;
  const bool weight = p.role == Role::kWeight;
  if (p.role == Role::kBeta) rate *= settings_.beta_rate;
  Rates rates{.rate = static_cast<float>(rate),
              .momentum = static_cast<float>(settings_.momentum),
              .decay = weight ? static_cast<float>(settings_.weight_decay) : 0.0F};
  const float correction1 = Correction(kBeta1, step), correction2 = Correction(kBeta2, step);
  float *v = first_[i].data(), *square = second_[i].data();
  direction_.resize(static_cast<size_t>(p.count));
  if (name == "sgd") {
    ForPieces(p.count,
              [&](int64_t k, int64_t count) { Sgd(count, rates, p.gradient + k, p.value + k); });
  } else if (name == "lamb" && weight) {
    LambDirection(p.count, rates.decay, correction1, correction2, p.gradient, p.value, v, square,
                  direction_.data());
    const double trust = Ratio(Norm(p.count, p.value), Norm(p.count, direction_.data()));
    Along(p.count, 1.0F, static_cast<float>(rate * trust), direction_.data(), p.value);
  } else if (name == "muon" && weight) {
    NesterovDirection(p.count, rates.momentum, p.gradient, v, direction_.data());
    Orthogonalize(p.rows, p.count / p.rows, direction_.data());
    const auto longer = static_cast<double>(std::max(p.rows, p.count / p.rows));
    Along(p.count, 1.0F - rates.rate * rates.decay,
          static_cast<float>(rate * kMuonSpread * std::sqrt(longer)), direction_.data(), p.value);
  } else if (name == "adam" || name == "adamw" || name == "lamb") {
    const bool decoupled = name == "adamw";
    ForPieces(p.count, [&](int64_t k, int64_t count) {
      Adam(count, rates, decoupled, correction1, correction2, p.gradient + k, p.value + k, v + k,
           square + k);
    });
  } else {
    if (name == "lars" && weight) {
      const double norm = Norm(p.count, p.value);
      const double step_norm = Norm(p.count, p.gradient) + settings_.weight_decay * norm;
      rates.inner = static_cast<float>(rate * kLarsTrust * Ratio(norm, step_norm));
      rates.rate = 1.0F;
    }
    const bool nesterov = name == "nesterov" || name == "muon";
    ForPieces(p.count, [&](int64_t k, int64_t count) {
      Momentum(count, rates, nesterov, p.gradient + k, p.value + k, v + k);
    });
  }
}

void Optimizer::Update(int64_t step, double rate, double progress) {
  if (settings_.clip > 0) ClipGradients();
  for (size_t i = 0; i < parameters_.size(); ++i) Move(i, step, rate);
  if (settings_.lookahead > 0 && (step + 1) % kLookaheadSteps == 0) Lookahead(progress);
}

// slow += (1 - decay^5 * progress^3) * (fast - slow); fast = slow: averages more as the run ends
// (Zhang et al., arXiv 1907.08610).
void Optimizer::Lookahead(double progress) {
  const double decay = std::pow(settings_.lookahead, static_cast<double>(kLookaheadSteps)) *
                       progress * progress * progress;
  const auto share = static_cast<float>(1.0 - decay);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    ForPieces(parameters_[i].count, [&](int64_t k, int64_t count) {
      Approach(count, share, slow_[i].data() + k, parameters_[i].value + k);
    });
  }
}

std::vector<ParameterView> Optimizer::State() {
  std::vector<ParameterView> views;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const auto add = [&](const char* what, std::vector<float>& values) {
      if (!values.empty()) views.push_back(StateView(what, parameters_[i], values));
    };
    add("momentum", first_[i]);
    add("second_moment", second_[i]);
    add("slow", slow_[i]);
  }
  return views;
}

}  // namespace bluestem::train
