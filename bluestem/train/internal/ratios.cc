#include "bluestem/train/internal/ratios.h"

#include <algorithm>
#include <cmath>

#include "bluestem/train/internal/exact_math.h"

namespace bluestem::train {
namespace {

struct Gap {
  double middle = 0, width = 0;
};

// Returns the widest gap between fractions, on a circle of length 1.
Gap WidestGap(std::vector<double> fractions) {
  std::sort(fractions.begin(), fractions.end());
  const double around = 1 - fractions.back() + fractions.front();
  Gap widest{.middle = fractions.back() + around / 2, .width = around};
  for (size_t k = 0; k + 1 < fractions.size(); ++k) {
    const double width = fractions[k + 1] - fractions[k];
    if (width > widest.width) widest = {.middle = fractions[k] + width / 2, .width = width};
  }
  return widest;
}

// Returns the gap around integers that the thresholds need: roundings to f32 of A, b, the product,
// two sums and gamma', each 2^-24 of at most |b| and the quantizers' ranges, in units of acc; and
// of the value that beta' makes of b.
double NeededGap(double a, double b, double ranges) {
  return 16 * std::ldexp((std::abs(b) + ranges) / std::abs(a), -24);
}

}  // namespace

bool AddsCodesToSums(const Network& network, size_t i) {
  const Block& block = network.blocks[i];
  const auto back = static_cast<size_t>(block.code_shortcut);
  return back > 0 && network.MakesCodes(i) && network.MakesCodes(i - back) &&
         network.MakesCodes(i - 1) && network.WeightsOf(block).bits != 0;
}

bool MakeRatiosWhole(const Network& network, size_t i, BlockConstants& constants) {
  const Block& block = network.blocks[i];
  const ActivationSpec& source = network.blocks[i - static_cast<size_t>(block.code_shortcut)].spec;
  const auto step = static_cast<double>(source.Scale()),
             out = static_cast<double>(block.spec.Scale());
  const auto x_scale = static_cast<double>(network.blocks[i - 1].spec.Scale());
  const auto chain = [&](const BlockConstants& of) {
    return MakeChain(of, block.epsilon, block.channels, x_scale, true);
  };
  BlockConstants changed = constants;
  const Chain before = chain(constants);
  for (size_t c = 0; c < before.a.size(); ++c) {
    const double ratio = step / (before.scale[c] * before.a[c]);
    const double whole = std::clamp(std::round(std::abs(ratio)), 1.0, kGreatestRatio);
    const double deviation =
        std::sqrt(static_cast<double>(constants.variance[c]) + static_cast<double>(block.epsilon));
    changed.gamma[c] =
        static_cast<float>(std::copysign(step / (whole * before.scale[c]) * deviation, ratio));
  }
  std::vector<float> multiply, add;
  chain(changed).Folded(multiply, add);
  const double ranges = step * source.Levels() + out * block.spec.Levels();
  for (size_t c = 0; c < multiply.size(); ++c) {
    const auto a = static_cast<double>(multiply[c]), b = static_cast<double>(add[c]);
    std::vector<double> fractions;
    for (int32_t k = 1; k < block.spec.Levels(); ++k) {
      const double threshold = ((k - 0.5) * out - b) / a;
      fractions.push_back(threshold - std::floor(threshold));
    }
    const Gap gap = WidestGap(std::move(fractions));
    if (!(gap.width > NeededGap(a, b, ranges))) return false;
    const double shift = std::round(gap.middle) - gap.middle;
    changed.beta[c] = static_cast<float>(static_cast<double>(constants.beta[c]) - shift * a);
  }
  constants = std::move(changed);
  return true;
}

}  // namespace bluestem::train
