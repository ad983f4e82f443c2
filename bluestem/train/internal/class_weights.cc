#include "bluestem/train/internal/class_weights.h"

#include <algorithm>

namespace bluestem::train {

std::vector<float> BalancedWeights(const data::PixelCache& cache, Ranks& ranks) {
  std::vector<double> counts(cache.classes().size());
  for (int64_t i = 0; i < cache.size(); ++i)
    for (const int32_t label : cache.Labels(i)) ++counts[static_cast<size_t>(label)];
  ranks.Sum(counts.data(), static_cast<int64_t>(counts.size()));
  const auto images = static_cast<double>(cache.size() * ranks.count());
  std::vector<float> weights;
  for (const double count : counts) {
    const double even = images / static_cast<double>(counts.size());
    const bool one_side = count == 0 || count == images;
    const double weight = cache.multi_label() ? (one_side ? 1.0 : (images - count) / count)
                                              : even / std::max(1.0, count);
    weights.push_back(static_cast<float>(weight));
  }
  return weights;
}

}  // namespace bluestem::train
