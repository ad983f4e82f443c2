// How pact and lsq learn the greatest value of an activation. Their codes are
// linear_mid_tread_half's.
#include <algorithm>
#include <cmath>

#include "bluestem/train/internal/clones.h"
#include "bluestem/train/quantizers/quantizers.h"

namespace bluestem::train {
namespace {

// Terms are summed up in so many lanes, element i in lane i % kLanes, block by block: the same
// bits in every clone, and no addition waits for the one before.
constexpr int64_t kLanes = 32, kBlock = 512;

BLUESTEM_CLONES void AddToLanes(int64_t count, const float* __restrict terms,
                                float* __restrict lanes) {
  for (int64_t i = 0; i < count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += terms[i + lane];
  }
}

BLUESTEM_CLONES void PactTerms(float max, int64_t count, const float* x, const float* gy,
                               float* terms) {
  for (int64_t i = 0; i < count; ++i) terms[i] = x[i] >= max ? gy[i] : 0.0F;
}

BLUESTEM_CLONES void LsqTerms(float inverse, float levels, int64_t count, const float* __restrict x,
                              const float* __restrict gy, float* __restrict terms) {
  for (int64_t i = 0; i < count; ++i) {
    terms[i] = std::min(std::max(0.0F, x[i] * inverse), levels);  // not a number: 0
  }
  for (int64_t i = 0; i < count; ++i) {  // apart from the first, or it becomes branches
    const float v = terms[i], inside = static_cast<float>(static_cast<int32_t>(v + 0.5F)) - v;
    terms[i] = gy[i] * (inside + (v < levels ? 0.0F : levels));  // there, `inside` is 0
  }
}

// Returns the sum of what write(first, count, terms) writes.
template <typename Write>
double SumTerms(int64_t count, const Write& write) {
  float lanes[kLanes] = {}, terms[kBlock];
  for (int64_t first = 0; first < count; first += kBlock) {
    const int64_t some = std::min(kBlock, count - first);
    const int64_t whole = (some + kLanes - 1) / kLanes * kLanes;
    write(first, some, terms);
    std::fill(terms + some, terms + whole, 0.0F);
    AddToLanes(whole, terms, lanes);
  }
  double sum = 0;
  for (const float lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

}  // namespace

double PactMaxGradient(const ActivationSpec& spec, int64_t count, const float* x, const float* gy) {
  return SumTerms(count, [&](int64_t first, int64_t some, float* terms) {
    PactTerms(spec.max, some, x + first, gy + first, terms);
  });
}

double PactMaxFactor(const ActivationSpec&, int64_t) {
  return 1.0;
}

double LsqMaxGradient(const ActivationSpec& spec, int64_t count, const float* x, const float* gy) {
  const float inverse = 1.0F / spec.Scale();
  const auto levels = static_cast<float>(spec.Levels() - 1);
  return SumTerms(count, [&](int64_t first, int64_t some, float* terms) {
    LsqTerms(inverse, levels, some, x + first, gy + first, terms);
  });
}

double LsqMaxFactor(const ActivationSpec& spec, int64_t features) {
  const auto levels = static_cast<double>(spec.Levels() - 1);
  return levels / std::sqrt(static_cast<double>(features) * levels);
}

}  // namespace bluestem::train
