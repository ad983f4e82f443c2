#include "bluestem/task/multi_label.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

namespace bluestem::task {
namespace {

using Json = nlohmann::ordered_json;

// Calls step(positives, others) for each different score from the greatest on: how many have it.
template <typename Step>
void ForScores(const std::vector<float>& scores, const std::vector<uint8_t>& positive,
               const Step& step) {
  BLUESTEM_CHECK(scores.size() == positive.size(), "one mark a score");
  const auto key = [&](size_t i) {
    return std::isnan(scores[i]) ? -std::numeric_limits<float>::infinity() : scores[i];
  };
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) > key(b); });
  for (size_t i = 0; i < order.size();) {
    const float score = key(order[i]);
    int64_t positives = 0, others = 0;
    for (; i < order.size() && key(order[i]) == score; ++i) {
      positives += positive[order[i]];
      others += 1 - positive[order[i]];
    }
    step(positives, others);
  }
}

int64_t Positives(const std::vector<uint8_t>& positive) {
  return std::accumulate(positive.begin(), positive.end(), int64_t{0});
}

double Share(int64_t part, int64_t total) {
  return static_cast<double>(part) / static_cast<double>(total);
}

Json Optional(std::optional<double> value) {
  return value.has_value() ? Json(*value) : Json(nullptr);
}

std::optional<double> Mean(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Of `part` in `total`, nothing where there is no total.
std::optional<double> Rate(int64_t part, int64_t total) {
  if (total == 0) return std::nullopt;
  return Share(part, total);
}

std::string Four(std::optional<double> value) {
  return value.has_value() ? fmt::format("{:.4f}", *value) : "-";
}

}  // namespace

bool IsAnswered(float score, double threshold) {
  return static_cast<double>(score) >= threshold;
}

std::optional<double> Auroc(const std::vector<float>& scores,
                            const std::vector<uint8_t>& positive) {
  const int64_t positives = Positives(positive);
  const int64_t others = static_cast<int64_t>(positive.size()) - positives;
  if (positives == 0 || others == 0) return std::nullopt;
  int64_t halves = 0, below = others;  // pairs won count 2, ties 1; others with a lower score
  ForScores(scores, positive, [&](int64_t here, int64_t others_here) {
    below -= others_here;
    halves += here * (2 * below + others_here);
  });
  return static_cast<double>(halves) /
         (2.0 * static_cast<double>(positives) * static_cast<double>(others));
}

std::optional<double> AveragePrecision(const std::vector<float>& scores,
                                       const std::vector<uint8_t>& positive) {
  const int64_t positives = Positives(positive);
  if (positives == 0) return std::nullopt;
  double sum = 0;
  int64_t taken = 0, right = 0;
  ForScores(scores, positive, [&](int64_t here, int64_t others_here) {
    taken += here + others_here;
    right += here;
    sum += static_cast<double>(here) * Share(right, taken);
  });
  return sum / static_cast<double>(positives);
}

std::vector<std::pair<double, double>> RocCurve(const std::vector<float>& scores,
                                                const std::vector<uint8_t>& positive) {
  const int64_t positives = Positives(positive);
  const int64_t others = static_cast<int64_t>(positive.size()) - positives;
  if (positives == 0 || others == 0) return {};
  std::vector<std::pair<double, double>> curve = {{0.0, 0.0}};
  int64_t right = 0, wrong = 0;
  ForScores(scores, positive, [&](int64_t here, int64_t others_here) {
    right += here;
    wrong += others_here;
    curve.emplace_back(Share(wrong, others), Share(right, positives));
  });
  return curve;
}

MultiLabelCounts::MultiLabelCounts(std::vector<std::string> classes, double threshold)
    : classes_(std::move(classes)),
      threshold_(threshold),
      scores_(classes_.size()),
      positive_(classes_.size()) {}

void MultiLabelCounts::Add(const std::vector<int32_t>& labels, const std::vector<float>& scores) {
  BLUESTEM_CHECK(scores.size() == classes_.size(), "one score a class");
  bool exact = true;
  for (size_t k = 0; k < scores.size(); ++k) {
    const bool has =
        std::find(labels.begin(), labels.end(), static_cast<int32_t>(k)) != labels.end();
    scores_[k].push_back(scores[k]);
    positive_[k].push_back(has ? 1 : 0);
    exact = exact && has == IsAnswered(scores[k], threshold_);
  }
  ++total_;
  if (exact) ++correct_;
}

MultiLabelQuality MultiLabelCounts::Quality() const {
  MultiLabelQuality quality;
  std::vector<double> aurocs, precisions;
  for (size_t k = 0; k < classes_.size(); ++k) {
    ClassQuality row{.positives = Positives(positive_[k]),
                     .auroc = Auroc(scores_[k], positive_[k]),
                     .average_precision = AveragePrecision(scores_[k], positive_[k])};
    for (size_t i = 0; i < scores_[k].size(); ++i) {
      if (!IsAnswered(scores_[k][i], threshold_)) continue;
      ++(positive_[k][i] != 0 ? row.true_positives : row.false_positives);
    }
    if (row.auroc.has_value()) {
      aurocs.push_back(*row.auroc);
    } else {
      quality.unranked.push_back(static_cast<int32_t>(k));
    }
    if (row.average_precision.has_value()) precisions.push_back(*row.average_precision);
    quality.classes.push_back(row);
  }
  quality.mean_auroc = Mean(aurocs);
  quality.mean_average_precision = Mean(precisions);
  return quality;
}

std::string MultiLabelCounts::ToJson() const {
  const MultiLabelQuality quality = Quality();
  Json classes = Json::array(), unranked = Json::array();
  for (const int32_t k : quality.unranked) unranked.push_back(classes_[static_cast<size_t>(k)]);
  for (size_t k = 0; k < classes_.size(); ++k) {
    const ClassQuality& row = quality.classes[k];
    const int64_t others = total_ - row.positives;
    classes.push_back({{"name", classes_[k]},
                       {"positives", row.positives},
                       {"auroc", Optional(row.auroc)},
                       {"average_precision", Optional(row.average_precision)},
                       {"sensitivity", Optional(Rate(row.true_positives, row.positives))},
                       {"specificity", Optional(Rate(others - row.false_positives, others))},
                       {"true_positives", row.true_positives},
                       {"false_positives", row.false_positives}});
  }
  const Json document = {{"total", total_},
                         {"correct", correct_},
                         {"accuracy", total_ == 0 ? 0.0 : Share(correct_, total_)},
                         {"threshold", threshold_},
                         {"mean_auroc", Optional(quality.mean_auroc)},
                         {"mean_average_precision", Optional(quality.mean_average_precision)},
                         {"unranked", unranked},
                         {"classes", classes}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string MultiLabelCounts::ToText() const {
  const MultiLabelQuality quality = Quality();
  std::string text = fmt::format(
      "mean AUROC {}, mean average precision {}; {} of {} exactly right at threshold {}: {:.2f} "
      "%\n",
      Four(quality.mean_auroc), Four(quality.mean_average_precision), correct_, total_, threshold_,
      total_ == 0 ? 0.0 : 100 * Share(correct_, total_));
  if (!quality.unranked.empty()) {
    std::vector<std::string> names;
    for (const int32_t k : quality.unranked) names.push_back(classes_[static_cast<size_t>(k)]);
    text += fmt::format("without an AUROC, because all pictures have it or none: {}\n",
                        fmt::join(names, ", "));
  }
  size_t width = 5;
  for (const std::string& name : classes_) width = std::max(width, name.size());
  text += fmt::format("\n{:<{}}  {:>9}  {:>8}  {:>8}  {:>11}  {:>11}\n", "class", width,
                      "positives", "AUROC", "AP", "sensitivity", "specificity");
  for (size_t k = 0; k < classes_.size(); ++k) {
    const ClassQuality& row = quality.classes[k];
    const int64_t others = total_ - row.positives;
    text += fmt::format("{:<{}}  {:>9}  {:>8}  {:>8}  {:>11}  {:>11}\n", classes_[k], width,
                        row.positives, Four(row.auroc), Four(row.average_precision),
                        Four(Rate(row.true_positives, row.positives)),
                        Four(Rate(others - row.false_positives, others)));
  }
  return text;
}

std::vector<ClassScore> RankLabels(const std::vector<float>& scores,
                                   const std::vector<std::string>& classes, double threshold) {
  std::vector<ClassScore> ranked = Rank(scores, classes);
  for (ClassScore& score : ranked)
    score.answered = IsAnswered(static_cast<float>(score.probability), threshold);
  return ranked;
}

}  // namespace bluestem::task
