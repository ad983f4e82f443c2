#include "bluestem/train/internal/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bluestem/base/chart.h"
#include "bluestem/base/check.h"

namespace bluestem::train {
namespace {

constexpr auto kBins = static_cast<double>(kCalibrationBins);

size_t BinOf(double probability) {
  const double bin = std::ceil(probability * kBins) - 1;
  return static_cast<size_t>(std::clamp(bin, 0.0, kBins - 1));
}

std::string Percent(double share) {
  return fmt::format("{:.1f} %", share * 100);
}

std::vector<Tick> PercentTicks() {
  std::vector<Tick> ticks;
  for (int i = 0; i <= 5; ++i) ticks.push_back({i / 5.0, fmt::format("{} %", i * 20)});
  return ticks;
}

}  // namespace

Calibration Calibrate(const std::vector<std::vector<float>>& scores,
                      const std::vector<int32_t>& labels) {
  BLUESTEM_CHECK(scores.size() == labels.size(), "a label a row");
  Calibration result;
  result.bins.resize(kCalibrationBins);
  for (size_t i = 0; i < scores.size(); ++i) {
    const auto answer = std::max_element(scores[i].begin(), scores[i].end());
    CalibrationBin& bin = result.bins[BinOf(static_cast<double>(*answer))];
    ++bin.images;
    bin.confidence += static_cast<double>(*answer);
    bin.accuracy += answer - scores[i].begin() == labels[i] ? 1 : 0;
  }
  const auto n = static_cast<double>(std::max<size_t>(1, scores.size()));
  for (CalibrationBin& bin : result.bins) {
    result.confidence += bin.confidence / n;
    result.accuracy += bin.accuracy / n;
    result.expected_error += std::fabs(bin.accuracy - bin.confidence) / n;
    if (bin.images == 0) continue;
    bin.confidence /= static_cast<double>(bin.images);
    bin.accuracy /= static_cast<double>(bin.images);
  }
  return result;
}

std::string CalibrationSection(const Calibration& calibration) {
  int64_t images = 0;
  for (const CalibrationBin& bin : calibration.bins) images += bin.images;
  Line ideal{.colour = "#94a3b8", .points = {{0, 0}, {1, 1}}};
  Line right{.name = "right", .colour = "#2563eb", .bar_width = 1 / kBins, .opacity = 0.75};
  Line given{.name = "probability given", .colour = "#f59e0b", .joined = false};
  Line share{.colour = "#2563eb", .bar_width = 1 / kBins, .opacity = 0.75};
  for (size_t b = 0; b < calibration.bins.size(); ++b) {
    const CalibrationBin& bin = calibration.bins[b];
    if (bin.images == 0) continue;
    const double middle = (static_cast<double>(b) + 0.5) / kBins;
    const std::string note = fmt::format("{} images, {} right, probability {}", bin.images,
                                         Percent(bin.accuracy), Percent(bin.confidence));
    right.points.emplace_back(middle, bin.accuracy);
    right.notes.push_back(note);
    given.points.emplace_back(middle, bin.confidence);
    given.notes.push_back(note);
    share.points.emplace_back(middle, static_cast<double>(bin.images) /
                                          static_cast<double>(std::max<int64_t>(1, images)));
    share.notes.push_back(note);
  }
  const char* leaning = calibration.confidence > calibration.accuracy ? "over" : "under";
  return fmt::format(
             "<section><h2>Calibration</h2><p class=\"sub\">Expected calibration error {} (15 "
             "bins). Mean probability {}, right {}: {}confident on the whole.</p><div "
             "class=\"charts\">",
             Percent(calibration.expected_error), Percent(calibration.confidence),
             Percent(calibration.accuracy), leaning) +
         ToSvg({.title = "Right answers",
                .x_title = "probability of the answer",
                .percent = true,
                .x_ticks = PercentTicks(),
                .lines = {right, ideal, given}}) +
         ToSvg({.title = "Share of the images",
                .x_title = "probability of the answer",
                .percent = true,
                .x_ticks = PercentTicks(),
                .lines = {share}}) +
         "</div></section>";
}

}  // namespace bluestem::train
