#include "bluestem/train/internal/validation.h"

#include <algorithm>

#include "bluestem/task/multi_label.h"
#include "bluestem/train/internal/batches.h"
#include "bluestem/train/internal/exact_math.h"
#include "bluestem/train/internal/loss.h"

namespace bluestem::train {
namespace {

// All ranks' values, one rank's after another's.
std::vector<float> Gather(const std::vector<float>& own, Ranks& ranks) {
  std::vector<double> sizes(static_cast<size_t>(ranks.count()));
  const auto rank = static_cast<size_t>(ranks.rank());
  sizes[rank] = static_cast<double>(own.size());
  ranks.Sum(sizes.data(), ranks.count());
  size_t total = 0, before = 0;
  for (size_t r = 0; r < sizes.size(); ++r) {
    if (r < rank) before += static_cast<size_t>(sizes[r]);
    total += static_cast<size_t>(sizes[r]);
  }
  std::vector<float> all(total);  // the others' places are 0: a sum puts them in
  std::copy(own.begin(), own.end(), all.begin() + static_cast<int64_t>(before));
  ranks.Sum(all.data(), static_cast<int64_t>(total));
  return all;
}

// Exact answers and ranking of all ranks' scores (before the head) and marks, [pictures, classes].
void RankClasses(const data::PixelCache& cache, double threshold, const std::vector<float>& scores,
                 const std::vector<float>& marks, EpochMetrics& row) {
  const size_t classes = cache.classes().size();
  task::MultiLabelCounts counts(cache.classes(), threshold);
  std::vector<float> probabilities(classes);
  for (size_t at = 0; at < scores.size(); at += classes) {
    Sigmoids(static_cast<int64_t>(classes), scores.data() + at, probabilities.data());
    std::vector<int32_t> labels;
    for (size_t k = 0; k < classes; ++k) {
      if (marks[at + k] != 0) labels.push_back(static_cast<int32_t>(k));
    }
    counts.Add(labels, probabilities);
  }
  const task::MultiLabelQuality quality = counts.Quality();
  row.validation_accuracy =
      static_cast<double>(counts.correct()) / static_cast<double>(counts.total());
  row.validation_auroc = quality.mean_auroc.value_or(0);
  row.validation_average_precision = quality.mean_average_precision.value_or(0);
}

}  // namespace

void Validate(Module& module, const data::PixelCache& cache, double threshold, Ranks& ranks,
              EpochMetrics& row) {
  // This rank's share. Rank 0 has all pictures, and leaves out those that the others have; that
  // goes by their places in the dataset, as pictures may be missing (data.unreadable: skip).
  std::vector<int64_t> order;
  for (int64_t i = 0; i < cache.size(); ++i) {
    if (ranks.rank() != 0 || cache.Origin(i) % ranks.count() == 0) order.push_back(i);
  }
  const auto size = static_cast<int64_t>(order.size());
  std::vector<uint8_t> pixels;
  std::vector<float> images, all_scores, all_marks;
  double sums[3] = {0, 0, static_cast<double>(size)};  // loss, correct, images
  for (int64_t first = 0; first < size; first += kValidationBatch) {
    const int64_t count = std::min(kValidationBatch, size - first);
    CopyPixels(cache, order, first, count, pixels);
    NormalizeBatch(module.network().normalize, count, cache.picture_bytes(), pixels.data(), images);
    const std::vector<float> scores =
        module.Scores({.count = count, .images = images.data(), .labels = nullptr});
    std::vector<int32_t> labels;
    std::vector<float> marks;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t index = order[static_cast<size_t>(first + i)];
      labels.push_back(cache.Label(index));
      if (!cache.multi_label()) continue;
      const uint8_t* own = cache.Marks(index);
      marks.insert(marks.end(), own, own + cache.classes().size());
    }
    const LossResult result = CrossEntropy(
        count, module.network().classes, scores.data(),
        {.labels = labels.data(), .marks = marks.empty() ? nullptr : marks.data()}, nullptr);
    sums[0] += result.loss * static_cast<double>(count);
    sums[1] += static_cast<double>(result.correct);
    all_marks.insert(all_marks.end(), marks.begin(), marks.end());
    if (cache.multi_label()) all_scores.insert(all_scores.end(), scores.begin(), scores.end());
  }
  ranks.Sum(sums, 3);
  row.validation_loss = sums[0] / sums[2];
  row.validation_accuracy = sums[1] / sums[2];
  if (!cache.multi_label()) return;
  RankClasses(cache, threshold, Gather(all_scores, ranks), Gather(all_marks, ranks), row);
}

}  // namespace bluestem::train
