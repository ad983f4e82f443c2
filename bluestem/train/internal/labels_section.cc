#include "bluestem/train/internal/labels_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "bluestem/base/chart.h"
#include "bluestem/train/internal/html.h"

namespace bluestem::train {
namespace {

constexpr std::array<const char*, kShownClasses> kColours = {"#2563eb", "#f59e0b", "#10b981",
                                                             "#ef4444", "#8b5cf6", "#64748b"};
constexpr size_t kCurvePoints = 120;  // of a curve; more than the chart has pixels tell nothing

std::string Cell(std::optional<double> value) {
  return value.has_value() ? fmt::format("<td>{:.4f}</td>", *value) : "<td>-</td>";
}

std::optional<double> Rate(int64_t part, int64_t total) {
  if (total == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(total);
}

// The corners of a staircase: between them it is straight.
std::vector<std::pair<double, double>> Corners(
    const std::vector<std::pair<double, double>>& curve) {
  std::vector<std::pair<double, double>> corners;
  for (size_t i = 0; i < curve.size(); ++i) {
    const bool inner = i > 0 && i + 1 < curve.size();
    const bool upright = inner && curve[i - 1].first == curve[i + 1].first;
    const bool level = inner && curve[i - 1].second == curve[i + 1].second;
    if (!upright && !level) corners.push_back(curve[i]);
  }
  return corners;
}

std::string Curves(const task::MultiLabelCounts& counts, const task::MultiLabelQuality& quality) {
  Chart chart{.title = "Sensitivity",
              .x_title = "share of the others answered too (1 - specificity)",
              .percent = true};
  for (const size_t k : ShownClasses(quality)) {
    Line line{counts.classes()[k], kColours[chart.lines.size()], {}};
    const auto curve = Corners(task::RocCurve(counts.scores(k), counts.positive(k)));
    const size_t points = std::min(kCurvePoints, curve.size());
    for (size_t i = 0; i < points; ++i)
      line.points.push_back(curve[i * (curve.size() - 1) / (points - 1)]);
    chart.lines.push_back(std::move(line));
  }
  return chart.lines.empty() ? "" : "<div class=\"charts\">" + ToSvg(chart) + "</div>";
}

}  // namespace

std::vector<size_t> ShownClasses(const task::MultiLabelQuality& quality) {
  std::vector<size_t> shown(quality.classes.size());
  std::iota(shown.begin(), shown.end(), size_t{0});
  const auto has_none = [&](size_t k) { return !quality.classes[k].auroc.has_value(); };
  shown.erase(std::remove_if(shown.begin(), shown.end(), has_none), shown.end());
  std::stable_sort(shown.begin(), shown.end(), [&](size_t a, size_t b) {
    return quality.classes[a].positives > quality.classes[b].positives;
  });
  shown.resize(std::min(shown.size(), kShownClasses));
  return shown;
}

std::string LabelsSection(const task::MultiLabelCounts& counts) {
  const task::MultiLabelQuality quality = counts.Quality();
  std::string html =
      "<section><h2>Classes</h2><p class=\"sub\">AUROC: how often a picture with the class has a "
      "greater score than one without. A class that all pictures have, or none, has none. "
      "Sensitivity and specificity are at the threshold.</p>" +
      Curves(counts, quality) +
      "<div class=\"scroll\"><table><tr><th>class</th><th>pictures</th><th>AUROC</th><th>average "
      "precision</th><th>sensitivity</th><th>specificity</th></tr>";
  for (size_t k = 0; k < quality.classes.size(); ++k) {
    const task::ClassQuality& row = quality.classes[k];
    const int64_t others = counts.total() - row.positives;
    html +=
        fmt::format("<tr><td>{}</td><td>{}</td>", EscapeHtml(counts.classes()[k]), row.positives) +
        Cell(row.auroc) + Cell(row.average_precision) +
        Cell(Rate(row.true_positives, row.positives)) +
        Cell(Rate(others - row.false_positives, others)) + "</tr>";
  }
  return html + "</table></div></section>";
}

}  // namespace bluestem::train
