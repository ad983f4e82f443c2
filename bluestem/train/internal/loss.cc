#include "bluestem/train/internal/loss.h"

#include <algorithm>
#include <cmath>

namespace bluestem::train {

LossResult CrossEntropy(int64_t rows, int64_t classes, const float* scores, const int32_t* labels,
                        double smoothing, float* gradient) {
  LossResult result;
  for (int64_t i = 0; i < rows; ++i, scores += classes) {
    const float* greatest = std::max_element(scores, scores + classes);
    double sum = 0, total = 0;
    for (int64_t k = 0; k < classes; ++k) {
      sum += std::exp(static_cast<double>(scores[k]) - static_cast<double>(*greatest));
      total += static_cast<double>(scores[k]) - static_cast<double>(*greatest);
    }
    const double log_sum = std::log(sum);
    const auto own = static_cast<double>(scores[labels[i]]) - static_cast<double>(*greatest);
    const double even = smoothing / static_cast<double>(classes);
    result.loss += log_sum - (1.0 - smoothing) * own - even * total;
    result.correct += greatest - scores == labels[i] ? 1 : 0;
    if (gradient == nullptr) continue;
    for (int64_t k = 0; k < classes; ++k) {
      const double probability =
          std::exp(static_cast<double>(scores[k]) - static_cast<double>(*greatest)) / sum;
      const double target = (k == labels[i] ? 1.0 - smoothing : 0.0) + even;
      gradient[i * classes + k] =
          static_cast<float>((probability - target) / static_cast<double>(rows));
    }
  }
  result.loss /= static_cast<double>(rows);
  return result;
}

}  // namespace bluestem::train
