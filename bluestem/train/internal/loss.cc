#include "bluestem/train/internal/loss.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace bluestem::train {
namespace {

// t of one row into `target` [classes]; returns how much the row counts.
double RowTarget(const Targets& targets, int64_t row, std::vector<double>& target) {
  const auto weight = [&](int32_t label) {
    return targets.class_weights == nullptr ? 1.0
                                            : static_cast<double>(targets.class_weights[label]);
  };
  const double share = targets.others == nullptr ? 1.0 : targets.share;
  const auto label = static_cast<size_t>(targets.labels[row]);
  std::fill(target.begin(), target.end(), targets.smoothing / static_cast<double>(target.size()));
  target[label] += share * (1.0 - targets.smoothing);
  if (targets.others == nullptr) return weight(targets.labels[row]);
  target[static_cast<size_t>(targets.others[row])] += (1.0 - share) * (1.0 - targets.smoothing);
  return share * weight(targets.labels[row]) + (1.0 - share) * weight(targets.others[row]);
}

}  // namespace

LossResult CrossEntropy(int64_t rows, int64_t classes, const float* scores, const Targets& targets,
                        float* gradient) {
  LossResult result;
  std::vector<double> target(static_cast<size_t>(classes)), weights(static_cast<size_t>(rows));
  double& total_weight = result.weight;
  for (int64_t i = 0; i < rows; ++i)
    total_weight += weights[static_cast<size_t>(i)] = RowTarget(targets, i, target);
  for (int64_t i = 0; i < rows; ++i, scores += classes) {
    RowTarget(targets, i, target);
    const double share = weights[static_cast<size_t>(i)] / total_weight;
    const float* greatest = std::max_element(scores, scores + classes);
    const auto score = [&](int64_t k) {
      return static_cast<double>(scores[k]) - static_cast<double>(*greatest);
    };
    double sum = 0, aimed = 0;
    for (int64_t k = 0; k < classes; ++k) {
      sum += std::exp(score(k));
      aimed += target[static_cast<size_t>(k)] * score(k);
    }
    result.loss += share * (std::log(sum) - aimed);
    result.correct += greatest - scores == targets.labels[i] ? 1 : 0;
    if (gradient == nullptr) continue;
    for (int64_t k = 0; k < classes; ++k)
      gradient[i * classes + k] =
          static_cast<float>(share * (std::exp(score(k)) / sum - target[static_cast<size_t>(k)]));
  }
  return result;
}

}  // namespace bluestem::train
