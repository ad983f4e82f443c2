#include "bluestem/train/internal/label_predictions.h"

#include <fmt/format.h>

#include <algorithm>

#include "bluestem/train/internal/html.h"
#include "bluestem/train/internal/labels_section.h"

namespace bluestem::train {
namespace {

constexpr size_t kRight = 2;  // of a class; with the others a row of the page
constexpr size_t kWrong = 3;

LabelPredictions Choose(const task::MultiLabelCounts& counts, size_t label, double threshold) {
  LabelPredictions chosen{.label = label};
  std::vector<Prediction> with, without;
  for (size_t i = 0; i < counts.scores(label).size(); ++i) {
    const float score = counts.scores(label)[i];
    const bool there = counts.positive(label)[i] != 0;
    const bool answered = task::IsAnswered(score, threshold);
    chosen.pictures += there ? 1 : 0;
    chosen.missed += there && !answered ? 1 : 0;
    chosen.false_alarms += !there && answered ? 1 : 0;
    (there ? with : without)
        .push_back({static_cast<double>(score), static_cast<int64_t>(i), label});
  }
  const auto greater = [](const Prediction& a, const Prediction& b) {
    return a.probability > b.probability;
  };
  std::stable_sort(with.begin(), with.end(), greater);
  std::stable_sort(without.begin(), without.end(), greater);
  const auto answered = with.size() - static_cast<size_t>(chosen.missed);
  const size_t right = std::min(kRight, answered);
  chosen.right.assign(with.begin(), with.begin() + static_cast<int64_t>(right));
  const size_t least = std::min(kWrong, with.size() - right);
  chosen.least.assign(with.rbegin(), with.rbegin() + static_cast<int64_t>(least));
  without.resize(std::min(kWrong, without.size()));
  chosen.greatest = std::move(without);
  return chosen;
}

// A column of a class: a title over pictures, and `wrong` beside the scores that are `answered`
// without need or are not in spite of it.
struct Column {
  const char* title;
  const std::vector<Prediction>& shown;
  bool answered;  // what is wrong in it
  const char* wrong;
};

std::string Figure(const data::PixelCache& validation, const Prediction& prediction,
                   const std::string& wrong) {
  const std::string labels = EscapeHtml(LabelsText(validation, prediction.index));
  const std::string score = fmt::format("{:.1f} %", prediction.probability * 100);
  return fmt::format(
      "<figure><img alt=\"{}: {}, has {}\" src=\"{}\"><b>{}</b>{}<br><i>has {}</i></figure>",
      EscapeHtml(validation.classes()[prediction.answer]), score, labels,
      PngDataUri(PictureOf(validation, prediction.index)), score, wrong, labels);
}

std::string ToHtml(const Column& column, const data::PixelCache& validation, double threshold) {
  std::string html = fmt::format("<div><p class=\"sub\">{}</p>", column.title);
  if (column.shown.empty()) return html + "<p>none</p></div>";
  html += "<div class=\"mistakes\">";
  for (const Prediction& prediction : column.shown) {
    const auto score = static_cast<float>(prediction.probability);
    const bool wrong = task::IsAnswered(score, threshold) == column.answered;
    html += Figure(validation, prediction,
                   wrong ? fmt::format(" <b class=\"wrong\">{}</b>", column.wrong) : "");
  }
  return html + "</div></div>";
}

}  // namespace

std::vector<LabelPredictions> ChooseLabelPredictions(const task::MultiLabelCounts& counts,
                                                     double threshold) {
  std::vector<LabelPredictions> chosen;
  for (const size_t label : ShownClasses(counts.Quality()))
    chosen.push_back(Choose(counts, label, threshold));
  return chosen;
}

task::MultiLabelCounts CountLabels(const data::PixelCache& validation,
                                   const std::vector<std::vector<float>>& scores,
                                   double threshold) {
  task::MultiLabelCounts counts(validation.classes(), threshold);
  for (size_t i = 0; i < scores.size(); ++i)
    counts.Add(validation.Labels(static_cast<int64_t>(i)), scores[i]);
  return counts;
}

std::string LabelsText(const data::PixelCache& validation, int64_t index) {
  std::string text;
  for (const int32_t label : validation.Labels(index))
    text += (text.empty() ? "" : ", ") + validation.classes()[static_cast<size_t>(label)];
  return text.empty() ? "none" : text;
}

std::string LabelPredictionsSection(const data::PixelCache& validation,
                                    const task::MultiLabelCounts& counts, double threshold) {
  std::string html;
  for (const LabelPredictions& chosen : ChooseLabelPredictions(counts, threshold)) {
    html += fmt::format(
        "<h3>{}</h3><p class=\"sub\">{} of {} pictures have it: {} answered, {} missed; {} false "
        "alarms.</p><div class=\"sides\">",
        EscapeHtml(validation.classes()[chosen.label]), chosen.pictures, counts.total(),
        chosen.pictures - chosen.missed, chosen.missed, chosen.false_alarms);
    for (const Column& column :
         {Column{"most certain right answers", chosen.right, false, ""},
          Column{"least scores of pictures with it", chosen.least, false, "missed"},
          Column{"greatest scores of pictures without it", chosen.greatest, true, "false alarm"}})
      html += ToHtml(column, validation, threshold);
    html += "</div>";
  }
  if (html.empty()) return "";
  return fmt::format(
             "<section><h2>Predictions</h2><p class=\"sub\">Of the classes that the most "
             "pictures have; answered from the threshold {:.4g} on. Under a picture: the class's "
             "score and all classes that the picture has.</p>",
             threshold) +
         html + "</section>";
}

}  // namespace bluestem::train
