#include "bluestem/predict/evaluate.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

namespace bluestem::predict {
namespace {

struct Shared {
  const data::Dataset& dataset;
  const std::vector<int64_t>& indices;
  std::vector<std::vector<float>>& scores;
  std::vector<double>& seconds;
  std::vector<Status>& failures;  // one an index
  size_t workers;
  std::atomic<size_t> next{0};
  std::atomic<int64_t> done{0};
  std::atomic<bool> stop{false};
};

// Scores indices [begin, end) together, those of them that can be read.
void ScoreSome(Shared& shared, Predictor& predictor, size_t begin, size_t end) {
  std::vector<image::Image> images;
  std::vector<size_t> places;
  for (size_t at = begin; at < end; ++at) {
    auto sample = shared.dataset.Get(shared.indices[at]);
    if (!sample.ok()) {
      shared.failures[at] = data::UnreadableError(sample.status(), 1);
      continue;
    }
    images.push_back(std::move(sample->image));
    places.push_back(at);
  }
  if (images.empty()) return;
  std::vector<Result<Prediction>> predictions = predictor.PredictTogether(images);
  for (size_t i = 0; i < places.size(); ++i) {
    const size_t at = places[i];
    if (predictions[i].ok()) {
      shared.scores[at] = std::move(predictions[i]->scores);
      shared.seconds[at] = predictions[i]->seconds.inference;
    } else {
      shared.failures[at] = predictions[i].status().At(shared.dataset.Name(shared.indices[at]));
    }
  }
}

// Takes images until none is left; `between` runs after each that a device runs together.
void Work(Shared& shared, Predictor& predictor, const std::function<void()>& between) {
  const auto most = static_cast<size_t>(predictor.batch());
  const size_t step = std::clamp<size_t>(shared.indices.size() / shared.workers, 1, most);
  while (!shared.stop) {
    const size_t begin = shared.next.fetch_add(step);
    if (begin >= shared.indices.size()) return;
    const size_t end = std::min(begin + step, shared.indices.size());
    ScoreSome(shared, predictor, begin, end);
    for (size_t at = begin; at < end; ++at) {
      if (!shared.failures[at].ok()) shared.stop = true;
    }
    shared.done += static_cast<int64_t>(end - begin);
    if (between) between();
  }
}

}  // namespace

std::vector<int64_t> Spread(int64_t size, int64_t limit) {
  const int64_t count = limit <= 0 ? size : std::min(size, limit);
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < count; ++i) indices.push_back(i * size / count);
  return indices;
}

Result<Evaluation> Evaluate(const std::vector<std::unique_ptr<Predictor>>& predictors,
                            const data::Dataset& dataset, const EvaluateOptions& options) {
  BLUESTEM_CHECK(!predictors.empty(), "evaluation needs a predictor");
  Evaluation evaluation;
  evaluation.indices = Spread(dataset.size(), options.limit);
  const size_t count = evaluation.indices.size();
  evaluation.scores.resize(count);
  std::vector<double> seconds(count);
  std::vector<Status> failures(count);
  Shared shared{dataset, evaluation.indices, evaluation.scores,
                seconds, failures,           predictors.size()};

  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (size_t t = 1; t < predictors.size(); ++t) {
    threads.emplace_back([&shared, &predictors, t] { Work(shared, *predictors[t], {}); });
  }
  bool interrupted = false;
  Work(shared, *predictors[0], [&] {
    if (options.progress) options.progress(shared.done, static_cast<int64_t>(count));
    if (options.interrupted && options.interrupted()) shared.stop = interrupted = true;
  });
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  if (interrupted) return Status(Code::kInterrupted, "interrupted during the evaluation");
  for (const Status& failure : failures) BLUESTEM_RETURN_IF_ERROR(failure);

  Count(dataset, predictors[0]->meta(), evaluation);
  evaluation.latency_seconds_median = Median(seconds);
  evaluation.images_per_second = static_cast<double>(count) / std::max(elapsed.count(), 1e-9);
  return evaluation;
}

void Count(const data::Dataset& dataset, const task::Meta& meta, Evaluation& evaluation) {
  evaluation.counts = task::MakeCounts(meta);
  for (size_t at = 0; at < evaluation.indices.size(); ++at) {
    evaluation.labels.push_back(dataset.Labels(evaluation.indices[at]));
    evaluation.counts->Add(evaluation.labels[at], evaluation.scores[at]);
  }
}

int32_t TopClass(const std::vector<float>& scores) {
  return static_cast<int32_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<int64_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace bluestem::predict
