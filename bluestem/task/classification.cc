#include "bluestem/task/classification.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

namespace bluestem::task {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kOutputVersion = "0.2";

// NaN is below everything, so that it never wins.
float Comparable(float score) {
  return std::isnan(score) ? -std::numeric_limits<float>::infinity() : score;
}

// `value` at 9 significant digits: enough to tell two f32 apart, and no more.
double NineDigits(double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%.9g", value);
  return std::strtod(text, nullptr);
}

double Share(int64_t part, int64_t total) {
  return total == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(total);
}

Json ClassJson(int32_t id, const std::string& name) {
  return {{"id", id}, {"name", name}};
}

}  // namespace

std::vector<ClassScore> Rank(const std::vector<float>& probabilities,
                             const std::vector<std::string>& classes) {
  BLUESTEM_CHECK(probabilities.size() == classes.size(), "one probability a class");
  std::vector<int32_t> order(classes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return Comparable(probabilities[static_cast<size_t>(a)]) >
           Comparable(probabilities[static_cast<size_t>(b)]);
  });
  std::vector<ClassScore> ranked;
  ranked.reserve(order.size());
  for (const int32_t id : order) {
    const auto i = static_cast<size_t>(id);
    ranked.push_back({id, classes[i], static_cast<double>(probabilities[i]), ranked.empty()});
  }
  return ranked;
}

ClassificationCounts::ClassificationCounts(std::vector<std::string> classes)
    : classes_(std::move(classes)),
      confusion_(classes_.size(), std::vector<int64_t>(classes_.size(), 0)) {}

void ClassificationCounts::Add(int32_t label, const std::vector<float>& scores) {
  BLUESTEM_CHECK(scores.size() == classes_.size() && !scores.empty(), "one score a class");
  BLUESTEM_CHECK(label >= 0 && static_cast<size_t>(label) < classes_.size(), "a label is a class");
  const auto own = static_cast<size_t>(label);
  size_t predicted = 0;
  int64_t better = 0;  // classes ranked before the label; ties go to the lower id
  for (size_t i = 0; i < scores.size(); ++i) {
    if (Comparable(scores[i]) > Comparable(scores[predicted])) predicted = i;
    const bool wins = Comparable(scores[i]) > Comparable(scores[own]);
    const bool ties_before = Comparable(scores[i]) == Comparable(scores[own]) && i < own;
    if (wins || ties_before) ++better;
  }
  ++total_;
  ++confusion_[own][predicted];
  if (predicted == own) ++correct_;
  if (better < 5) ++correct_top5_;
}

void ClassificationCounts::Add(const std::vector<int32_t>& labels,
                               const std::vector<float>& scores) {
  BLUESTEM_CHECK(labels.size() == 1, "one label a picture");
  Add(labels[0], scores);
}

std::string ClassificationCounts::ToJson() const {
  Json classes = Json::array();
  for (size_t i = 0; i < classes_.size(); ++i) {
    const int64_t total = std::accumulate(confusion_[i].begin(), confusion_[i].end(), int64_t{0});
    classes.push_back({{"name", classes_[i]},
                       {"total", total},
                       {"correct", confusion_[i][i]},
                       {"accuracy", Share(confusion_[i][i], total)}});
  }
  const Json document = {{"total", total_},
                         {"correct", correct_},
                         {"accuracy", Share(correct_, total_)},
                         {"correct_top5", correct_top5_},
                         {"top5", Share(correct_top5_, total_)},
                         {"classes", classes},
                         {"confusion", confusion_}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string ClassificationCounts::ToText() const {
  std::string text = fmt::format("{} of {} right: {:.2f} % (top-5 {:.2f} %)\n\n", correct_, total_,
                                 100 * Share(correct_, total_), 100 * Share(correct_top5_, total_));
  size_t width = 5;
  for (const std::string& name : classes_) width = std::max(width, name.size());
  text += fmt::format("{:<{}}  {:>7}  {:>7}  {:>8}  most often taken for\n", "class", width,
                      "right", "total", "accuracy");
  for (size_t i = 0; i < classes_.size(); ++i) {
    const std::vector<int64_t>& row = confusion_[i];
    const int64_t total = std::accumulate(row.begin(), row.end(), int64_t{0});
    size_t worst = i == 0 && row.size() > 1 ? 1 : 0;
    for (size_t j = 0; j < row.size(); ++j) {
      if (j != i && row[j] > row[worst]) worst = j;
    }
    const std::string confused =
        worst != i && row[worst] > 0 ? fmt::format("{} ({})", classes_[worst], row[worst]) : "-";
    text += fmt::format("{:<{}}  {:>7}  {:>7}  {:>6.2f} %  {}\n", classes_[i], width, row[i], total,
                        100 * Share(row[i], total), confused);
  }
  return text;
}

std::string OutputJson(const Meta& meta, const std::vector<FilePrediction>& results,
                       const Benchmark& benchmark, const std::string& date_iso8601) {
  Json class_list = Json::array();
  for (size_t i = 0; i < meta.classes.size(); ++i)
    class_list.push_back(ClassJson(static_cast<int32_t>(i), meta.classes[i]));
  Json result_list = Json::array();
  for (const FilePrediction& result : results) {
    Json prediction = Json::array();
    for (const ClassScore& score : result.ranked) {
      prediction.push_back({{"class", ClassJson(score.id, score.name)},
                            {"probability", NineDigits(score.probability)}});
      if (meta.multi_label()) prediction.back()["answered"] = score.answered;
    }
    result_list.push_back({{"file_path", result.file_path}, {"prediction", prediction}});
  }
  Json document = {{"version", kOutputVersion}, {"task", meta.task}, {"classes", class_list}};
  if (meta.multi_label()) document["threshold"] = meta.threshold;
  document["date"] = date_iso8601;
  document["results"] = std::move(result_list);
  document["benchmark"] = {{"pre", NineDigits(benchmark.pre)},
                           {"inference", NineDigits(benchmark.inference)},
                           {"post", NineDigits(benchmark.post)},
                           {"total", NineDigits(benchmark.total)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace bluestem::task
