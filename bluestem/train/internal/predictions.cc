#include "bluestem/train/internal/predictions.h"

#include <fmt/format.h>

#include <algorithm>

#include "bluestem/train/internal/html.h"

namespace bluestem::train {
namespace {

constexpr size_t kRight = 16;
constexpr size_t kMistakes = 24;

std::string Figure(const data::PixelCache& validation, const Prediction& prediction) {
  const auto& classes = validation.classes();
  const auto label = static_cast<size_t>(validation.Label(prediction.index));
  const std::string truth =
      label == prediction.answer ? "" : fmt::format("<br><i>is {}</i>", EscapeHtml(classes[label]));
  return fmt::format("<figure><img alt=\"\" src=\"{}\"><b>{}</b> {:.0f} %{}</figure>",
                     PngDataUri(PictureOf(validation, prediction.index)),
                     EscapeHtml(classes[prediction.answer]), prediction.probability * 100, truth);
}

std::string Section(const std::string& title, const std::string& what,
                    const data::PixelCache& validation, const std::vector<Prediction>& shown) {
  std::string html = fmt::format(
      "<section><h2>{}</h2><p class=\"sub\">{}</p><div class=\"mistakes\">", title, what);
  for (const Prediction& prediction : shown) html += Figure(validation, prediction);
  return html + "</div></section>";
}

// `count` of `all`, the first and the last among them, at equal distances.
std::vector<Prediction> Spread(const std::vector<Prediction>& all, size_t count) {
  if (all.size() <= count) return all;
  std::vector<Prediction> some;
  for (size_t i = 0; i < count; ++i) some.push_back(all[i * (all.size() - 1) / (count - 1)]);
  return some;
}

}  // namespace

image::Image PictureOf(const data::PixelCache& validation, int64_t index) {
  const image::PreprocessSpec& spec = validation.spec();
  const uint8_t* pixels = validation.Pixels(index);
  return {.height = spec.height,
          .width = spec.width,
          .channels = spec.channels,
          .pixels = {pixels, pixels + validation.picture_bytes()}};
}

Predictions ChoosePredictions(const data::PixelCache& validation,
                              const std::vector<std::vector<float>>& scores) {
  std::vector<Prediction> right, wrong;
  for (size_t i = 0; i < scores.size(); ++i) {
    const auto best = std::max_element(scores[i].begin(), scores[i].end());
    const auto answer = static_cast<size_t>(best - scores[i].begin());
    const auto index = static_cast<int64_t>(i);
    const bool is_right = static_cast<int32_t>(answer) == validation.Label(index);
    (is_right ? right : wrong).push_back({static_cast<double>(*best), index, answer});
  }
  for (std::vector<Prediction>* list : {&right, &wrong}) {
    std::stable_sort(list->begin(), list->end(), [](const Prediction& a, const Prediction& b) {
      return a.probability > b.probability;
    });
  }
  Predictions chosen{.all_right = right.size(), .all_wrong = wrong.size()};
  chosen.right = Spread(right, kRight);
  wrong.resize(std::min(kMistakes, wrong.size()));
  chosen.wrong = std::move(wrong);
  return chosen;
}

std::string PredictionsSection(const data::PixelCache& validation,
                               const std::vector<std::vector<float>>& scores) {
  const Predictions chosen = ChoosePredictions(validation, scores);
  return Section("Right answers",
                 fmt::format("{} of {} right; from the most to the least certain of them.",
                             chosen.all_right, scores.size()),
                 validation, chosen.right) +
         Section("Worst mistakes",
                 fmt::format("{} of {} wrong; the most certain of them.", chosen.all_wrong,
                             scores.size()),
                 validation, chosen.wrong);
}

}  // namespace bluestem::train
