// Pictures with their answers, for report.html and events: right ones, and the worst mistakes.
// Threads: free functions without state.
#pragma once

#include <string>
#include <vector>

#include "bluestem/data/cache.h"
#include "bluestem/image/image.h"

namespace bluestem::train {

struct Prediction {
  double probability = 0;
  int64_t index = 0;  // of the picture
  size_t answer = 0;
};

// What is shown of them.
struct Predictions {
  std::vector<Prediction> right;  // from the most to the least certain
  std::vector<Prediction> wrong;  // the most certain
  size_t all_right = 0, all_wrong = 0;
};

// `scores` as below.
Predictions ChoosePredictions(const data::PixelCache& validation,
                              const std::vector<std::vector<float>>& scores);

// Returns a picture as it was decoded.
image::Image PictureOf(const data::PixelCache& validation, int64_t index);

// `scores` has a row of class probabilities for each picture of `validation`.
std::string PredictionsSection(const data::PixelCache& validation,
                               const std::vector<std::vector<float>>& scores);

}  // namespace bluestem::train
