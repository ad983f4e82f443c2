#include "bluestem/task/counts.h"

#include <algorithm>

#include "bluestem/task/classification.h"
#include "bluestem/task/multi_label.h"

namespace bluestem::task {

std::unique_ptr<Counts> MakeCounts(const Meta& meta) {
  if (meta.multi_label()) return std::make_unique<MultiLabelCounts>(meta.classes, meta.threshold);
  return std::make_unique<ClassificationCounts>(meta.classes);
}

std::vector<int32_t> Answer(const std::vector<float>& scores, const Meta& meta) {
  if (!meta.multi_label()) {
    return {static_cast<int32_t>(std::max_element(scores.begin(), scores.end()) - scores.begin())};
  }
  std::vector<int32_t> answer;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (IsAnswered(scores[i], meta.threshold)) answer.push_back(static_cast<int32_t>(i));
  }
  return answer;
}

}  // namespace bluestem::task
