// Evaluation: a classifier over a dataset, image by image, to counts, scores and latency.
//
// Threads: Evaluate starts one thread a predictor beyond the first and joins them; the callbacks
// run on the calling thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "bluestem/data/dataset.h"
#include "bluestem/predict/predictor.h"
#include "bluestem/task/counts.h"

namespace bluestem::predict {

struct EvaluateOptions {
  int64_t limit = 0;  // images; 0: all. Fewer than all are spread evenly over the dataset
  std::function<void(int64_t done, int64_t total)> progress;  // may be empty
  std::function<bool()> interrupted;  // may be empty; true ends with kInterrupted
};

struct Evaluation {
  std::unique_ptr<task::Counts> counts;      // of the model's task
  std::vector<int64_t> indices;              // into the dataset, rising
  std::vector<std::vector<int32_t>> labels;  // one row an index
  std::vector<std::vector<float>> scores;    // one row an index
  double latency_seconds_median = 0;         // of the inference alone, one image (or its share)
  double images_per_second = 0;              // with decoding and preprocessing, all threads
};

// Returns the indices that `limit` leaves of `size` images: all, or `limit` of them spread evenly.
std::vector<int64_t> Spread(int64_t size, int64_t limit);

// Scores the images on all `predictors`, one thread each, so many together as their sessions gain
// by. The result depends on neither. Requires: at least one predictor; all of the same model and
// meta; the dataset's labels index meta().classes. Errors: the failure of the image with the lowest
// index, naming it; kInterrupted.
Result<Evaluation> Evaluate(const std::vector<std::unique_ptr<Predictor>>& predictors,
                            const data::Dataset& dataset, const EvaluateOptions& options);

// Puts labels and scores of `evaluation`'s indices together in its counts.
void Count(const data::Dataset& dataset, const task::Meta& meta, Evaluation& evaluation);

// Returns the index of the greatest score; of equal ones the first, as task::Rank does.
int32_t TopClass(const std::vector<float>& scores);

// Returns the middle value (of an even count the lower middle), 0 for none.
double Median(std::vector<double> values);

}  // namespace bluestem::predict
