#include "bluestem/train/internal/distillation.h"

#include <algorithm>
#include <cmath>

namespace bluestem::train {
namespace {

// log softmax(scores / temperature).
void LogSoftmax(int64_t classes, const float* scores, double temperature,
                std::vector<double>& logs) {
  const auto greatest = static_cast<double>(*std::max_element(scores, scores + classes));
  double sum = 0;
  for (int64_t k = 0; k < classes; ++k) {
    logs[static_cast<size_t>(k)] = (static_cast<double>(scores[k]) - greatest) / temperature;
    sum += std::exp(logs[static_cast<size_t>(k)]);
  }
  for (double& log : logs) log -= std::log(sum);
}

}  // namespace

void Distil(int64_t rows, int64_t classes, const float* scores, const TeacherScores& teacher,
            LossResult& loss, float* gradient) {
  const double t = teacher.temperature, w = teacher.weight;
  std::vector<double> log_p(static_cast<size_t>(classes)), log_q(log_p.size());
  double divergence = 0;
  for (int64_t i = 0; i < rows; ++i) {
    const double share = loss.shares[static_cast<size_t>(i)];
    LogSoftmax(classes, teacher.scores + i * classes, t, log_p);
    LogSoftmax(classes, scores + i * classes, t, log_q);
    for (int64_t k = 0; k < classes; ++k) {
      const auto at = static_cast<size_t>(k);
      const double p = std::exp(log_p[at]);
      divergence += share * p * (log_p[at] - log_q[at]);
      if (gradient == nullptr) continue;
      float& g = gradient[i * classes + k];
      g = static_cast<float>((1 - w) * static_cast<double>(g) +
                             w * t * share * (std::exp(log_q[at]) - p));
    }
  }
  loss.loss = (1 - w) * loss.loss + w * t * t * divergence;
}

}  // namespace bluestem::train
