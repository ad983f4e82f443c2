// Pictures with their answers for report.html: right ones, and the worst mistakes.
// Threads: free functions without state.
#pragma once

#include <string>
#include <vector>

#include "bluestem/data/cache.h"

namespace bluestem::train {

// `scores` has a row of class probabilities for each picture of `validation`.
std::string PredictionsSection(const data::PixelCache& validation,
                               const std::vector<std::vector<float>>& scores);

}  // namespace bluestem::train
