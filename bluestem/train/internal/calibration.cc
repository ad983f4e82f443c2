#include "bluestem/train/internal/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bluestem/base/chart.h"
#include "bluestem/base/check.h"

namespace bluestem::train {
namespace {

constexpr auto kBins = static_cast<double>(kCalibrationBins);

// What is not a number is in the first.
size_t BinOf(double probability) {
  const double bin = std::ceil(probability * kBins) - 1;
  return bin > 0 ? static_cast<size_t>(std::min(bin, kBins - 1)) : 0;
}

std::string Percent(double share) {
  return fmt::format("{:.1f} %", share * 100);
}

std::vector<Tick> PercentTicks() {
  std::vector<Tick> ticks;
  for (int i = 0; i <= 5; ++i) ticks.push_back({i / 5.0, fmt::format("{} %", i * 20)});
  return ticks;
}

int64_t Images(const Calibration& calibration) {
  int64_t images = 0;
  for (const CalibrationBin& bin : calibration.bins) images += bin.images;
  return images;
}

void Add(double probability, bool right, Calibration& calibration) {
  CalibrationBin& bin = calibration.bins[BinOf(probability)];
  ++bin.images;
  bin.confidence += probability;
  bin.accuracy += right ? 1 : 0;
}

// Sums to means.
void Finish(Calibration& calibration) {
  const auto n = static_cast<double>(std::max<int64_t>(1, Images(calibration)));
  for (CalibrationBin& bin : calibration.bins) {
    calibration.confidence += bin.confidence / n;
    calibration.accuracy += bin.accuracy / n;
    calibration.expected_error += std::fabs(bin.accuracy - bin.confidence) / n;
    if (bin.images == 0) continue;
    bin.confidence /= static_cast<double>(bin.images);
    bin.accuracy /= static_cast<double>(bin.images);
  }
}

// How the two charts speak of what they show.
struct Words {
  const char* title;        // of the diagram
  const char* right;        // what a bar is the share of
  const char* given;        // what is compared with it
  const char* counted;      // "images"
  const char* probability;  // the x axis
};

std::string Charts(const Calibration& calibration, const Words& words) {
  const int64_t all = Images(calibration);
  Line ideal{.colour = "#94a3b8", .points = {{0, 0}, {1, 1}}};
  Line right{.name = words.right, .colour = "#2563eb", .bar_width = 1 / kBins, .opacity = 0.75};
  Line given{.name = words.given, .colour = "#f59e0b", .joined = false};
  Line share{.colour = "#2563eb", .bar_width = 1 / kBins, .opacity = 0.75};
  for (size_t b = 0; b < calibration.bins.size(); ++b) {
    const CalibrationBin& bin = calibration.bins[b];
    if (bin.images == 0) continue;
    const double middle = (static_cast<double>(b) + 0.5) / kBins;
    const std::string note =
        fmt::format("{} {}, {} {}, {} {}", bin.images, words.counted, Percent(bin.accuracy),
                    words.right, words.given, Percent(bin.confidence));
    right.points.emplace_back(middle, bin.accuracy);
    right.notes.push_back(note);
    given.points.emplace_back(middle, bin.confidence);
    given.notes.push_back(note);
    share.points.emplace_back(
        middle, static_cast<double>(bin.images) / static_cast<double>(std::max<int64_t>(1, all)));
    share.notes.push_back(note);
  }
  return "<div class=\"charts\">" +
         ToSvg({.title = words.title,
                .x_title = words.probability,
                .percent = true,
                .x_ticks = PercentTicks(),
                .lines = {right, ideal, given}}) +
         ToSvg({.title = fmt::format("Share of the {}", words.counted),
                .x_title = words.probability,
                .percent = true,
                .x_ticks = PercentTicks(),
                .lines = {share}}) +
         "</div>";
}

const char* Leaning(double confidence, double accuracy) {
  return confidence > accuracy ? "over" : "under";
}

}  // namespace

Calibration Calibrate(const std::vector<std::vector<float>>& scores,
                      const std::vector<int32_t>& labels) {
  BLUESTEM_CHECK(scores.size() == labels.size(), "a label a row");
  Calibration result{.bins = std::vector<CalibrationBin>(kCalibrationBins)};
  for (size_t i = 0; i < scores.size(); ++i) {
    const auto answer = std::max_element(scores[i].begin(), scores[i].end());
    Add(static_cast<double>(*answer), answer - scores[i].begin() == labels[i], result);
  }
  Finish(result);
  return result;
}

LabelCalibration CalibrateLabels(const task::MultiLabelCounts& counts) {
  LabelCalibration result{.pairs = {.bins = std::vector<CalibrationBin>(kCalibrationBins)}};
  for (size_t k = 0; k < counts.classes().size(); ++k) {
    for (size_t i = 0; i < counts.scores(k).size(); ++i) {
      const auto score = static_cast<double>(counts.scores(k)[i]);
      const bool there = counts.positive(k)[i] != 0;
      Add(score, there, result.pairs);
      result.confidence += std::max(score, 1 - score);
      result.accuracy += (score >= 0.5) == there ? 1 : 0;
    }
  }
  const auto n = static_cast<double>(std::max<int64_t>(1, Images(result.pairs)));
  result.confidence /= n;
  result.accuracy /= n;
  Finish(result.pairs);
  return result;
}

std::string CalibrationSection(const Calibration& calibration) {
  return fmt::format(
             "<section><h2>Calibration</h2><p class=\"sub\">Expected calibration error {} (15 "
             "bins). Mean probability {}, right {}: {}confident on the whole.</p>",
             Percent(calibration.expected_error), Percent(calibration.confidence),
             Percent(calibration.accuracy), Leaning(calibration.confidence, calibration.accuracy)) +
         Charts(calibration, {.title = "Right answers",
                              .right = "right",
                              .given = "probability given",
                              .counted = "images",
                              .probability = "probability of the answer"}) +
         "</section>";
}

std::string CalibrationSection(const LabelCalibration& calibration) {
  const Calibration& pairs = calibration.pairs;
  return fmt::format(
             "<section><h2>Calibration</h2><p class=\"sub\">Each score as the probability that "
             "its class is there: {} scores, all classes together. Expected calibration error {} "
             "(15 bins). Mean score {}, there {}. Taken as yes or no, from one half on: mean "
             "probability {}, right {}: {}confident on the whole.</p>",
             Images(pairs), Percent(pairs.expected_error), Percent(pairs.confidence),
             Percent(pairs.accuracy), Percent(calibration.confidence),
             Percent(calibration.accuracy), Leaning(calibration.confidence, calibration.accuracy)) +
         Charts(pairs, {.title = "Classes that are there",
                        .right = "there",
                        .given = "mean score",
                        .counted = "scores",
                        .probability = "score"}) +
         "</section>";
}

}  // namespace bluestem::train
