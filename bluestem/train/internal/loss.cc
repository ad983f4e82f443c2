#include "bluestem/train/internal/loss.h"

#include <algorithm>
#include <cmath>

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

// log(1 + e^x), whatever x is.
double Softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}

double Sigmoid(double x) {
  const double e = std::exp(-std::abs(x));
  return x >= 0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
}

LossResult OfMarks(int64_t rows, int64_t classes, const float* scores, const Targets& targets,
                   float* gradient) {
  LossResult result;
  result.weight = static_cast<double>(rows);
  for (int64_t i = 0; i < rows; ++i) {
    bool exact = true;
    for (int64_t k = 0; k < classes; ++k) {
      const int64_t at = i * classes + k;
      const auto x = static_cast<double>(scores[at]);
      const auto mark = static_cast<double>(targets.marks[at]);
      const double t = (1.0 - targets.smoothing) * mark + targets.smoothing / 2;
      const double weight =
          targets.class_weights == nullptr ? 1.0 : static_cast<double>(targets.class_weights[k]);
      exact = exact && (x >= 0) == (mark > 0.5);
      result.loss += weight * t * Softplus(-x) + (1.0 - t) * Softplus(x);
      if (gradient == nullptr) continue;
      const double slope = (1.0 - t) * Sigmoid(x) - weight * t * Sigmoid(-x);
      gradient[at] = static_cast<float>(slope / static_cast<double>(rows));
    }
    result.correct += exact ? 1 : 0;
  }
  result.loss /= static_cast<double>(std::max<int64_t>(1, rows));
  return result;
}

}  // namespace

LossResult CrossEntropy(int64_t rows, int64_t classes, const float* scores, const Targets& targets,
                        float* gradient) {
  if (targets.marks != nullptr) return OfMarks(rows, classes, scores, targets, gradient);
  LossResult result;
  std::vector<double> target(static_cast<size_t>(classes)), weights(static_cast<size_t>(rows));
  double& total_weight = result.weight;
  for (int64_t i = 0; i < rows; ++i)
    total_weight += weights[static_cast<size_t>(i)] = RowTarget(targets, i, target);
  for (int64_t i = 0; i < rows; ++i, scores += classes) {
    RowTarget(targets, i, target);
    const double share = weights[static_cast<size_t>(i)] / total_weight;
    result.shares.push_back(share);
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
