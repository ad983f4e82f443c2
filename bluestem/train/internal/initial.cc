#include "bluestem/train/internal/initial.h"

#include <cmath>

namespace bluestem::train {
namespace {

double Normal(Rng& rng) {
  // Box and Muller; 1 - Unit() is never 0.
  constexpr double kTwoPi = 6.283185307179586;
  const double radius = std::sqrt(-2.0 * std::log(1.0 - rng.Unit()));
  return radius * std::cos(kTwoPi * rng.Unit());
}

}  // namespace

void Initialise(const Block& block, const BlockShape& shape, Rng rng, std::vector<float>& weight) {
  const double uniform = 1.0 / std::sqrt(static_cast<double>(shape.k));
  const double deviation =
      block.initial == Initial::kHeNormal ? std::sqrt(2.0 / static_cast<double>(shape.k)) : 0.01;
  weight.resize(static_cast<size_t>(shape.co * shape.k));
  for (float& w : weight) {
    w = static_cast<float>(block.initial == Initial::kUniform ? rng.Uniform(-uniform, uniform)
                                                              : deviation * Normal(rng));
  }
}

}  // namespace bluestem::train
