// Pictures with their scores where a picture has any number of classes, for report.html and events:
// of each of the most frequent classes the most certain right answers, those with the class that
// score least and those without it that score most. The last two are there even where none of them
// is on the wrong side of the threshold: a rare class's scores may all be below it.
// Threads: free functions without state.
#pragma once

#include <string>
#include <vector>

#include "bluestem/data/cache.h"
#include "bluestem/task/multi_label.h"
#include "bluestem/train/internal/predictions.h"

namespace bluestem::train {

// What is shown of a class; the answer of each prediction is that class.
struct LabelPredictions {
  size_t label = 0;
  int64_t pictures = 0;              // that have the class
  int64_t missed = 0;                // have it, and score below the threshold
  int64_t false_alarms = 0;          // do not have it, and score from the threshold on
  std::vector<Prediction> right;     // have it and are answered, from the greatest score down
  std::vector<Prediction> least;     // have it, from the least score up; none of `right`
  std::vector<Prediction> greatest;  // do not have it, from the greatest score down
};

// Of ShownClasses, in their order.
std::vector<LabelPredictions> ChooseLabelPredictions(const task::MultiLabelCounts& counts,
                                                     double threshold);

// `scores` has a row of class scores for each picture of `validation`.
task::MultiLabelCounts CountLabels(const data::PixelCache& validation,
                                   const std::vector<std::vector<float>>& scores, double threshold);

// "red, blue", or "none".
std::string LabelsText(const data::PixelCache& validation, int64_t index);

// "" where no class can be ranked.
std::string LabelPredictionsSection(const data::PixelCache& validation,
                                    const task::MultiLabelCounts& counts, double threshold);

}  // namespace bluestem::train
