#include "bluestem/train/internal/report_compare.h"

#include <nlohmann/json.hpp>

#include "bluestem/base/chart.h"
#include "bluestem/task/meta.h"
#include "bluestem/train/internal/html.h"
#include "bluestem/train/networks/cost.h"

namespace bluestem::train {
namespace {

constexpr char kTrainColour[] = "#f59e0b", kValidationColour[] = "#2563eb",
               kOtherColour[] = "#10b981";

std::string Begin(const std::string& part) {
  return "<!-- " + part + " -->";
}
std::string End(const std::string& part) {
  return "<!-- end of " + part + " -->";
}

Status ReplacePart(const RunPaths& run, const std::string& part, const std::string& html,
                   std::string& report) {
  const size_t begin = report.find(Begin(part)), end = report.find(End(part));
  if (begin == std::string::npos || end == std::string::npos || end < begin) {
    return Error(Code::kInvalidData,
                 "{}: no place for another run in it; train again with this version of bluestem",
                 run.Report().string());
  }
  report.replace(begin, end + End(part).size() - begin, ComparedPart(part, html));
  return OkStatus();
}

Line LineOf(const std::vector<EpochMetrics>& metrics, double EpochMetrics::*value, Line line) {
  for (const EpochMetrics& row : metrics) {
    if (row.*value >= 0) line.points.emplace_back(static_cast<double>(row.epoch), row.*value);
  }
  return line;
}

Result<std::string> AccuracyTile(const RunPaths& other, const std::string& words) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(other.Evaluation()));
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("accuracy") || !json["accuracy"].is_number())
    return Error(Code::kInvalidData, "{}: no accuracy in it", other.Evaluation().string());
  const bool ranks = json.contains("mean_auroc") && json["mean_auroc"].is_number();
  return ranks ? PageTile(fmt::format("{:.4f}", json["mean_auroc"].get<double>()),
                          "mean AUROC of " + words)
               : PageTile(fmt::format("{:.2f} %", 100.0 * json["accuracy"].get<double>()),
                          "accuracy of " + words);
}

Result<std::string> CostRow(const RunPaths& other, const task::Meta& meta,
                            const std::string& words) {
  BLUESTEM_ASSIGN_OR_RETURN(const config::Experiment experiment, config::Load(other.Config()));
  BLUESTEM_ASSIGN_OR_RETURN(const Network network,
                            MakeNetwork(experiment, static_cast<int64_t>(meta.classes.size())));
  BLUESTEM_ASSIGN_OR_RETURN(const std::vector<BlockShape> shapes, Shapes(network));
  LayerCost total;
  const std::vector<LayerCost> table = CostTable(network, shapes);
  for (const LayerCost& row : table) {
    total.macs += row.macs;
    total.parameters += row.parameters;
    total.weight_bytes += row.weight_bytes;
  }
  return fmt::format(
      "<tr class=\"total\"><td>{}</td><td>{}</td><td></td><td></td><td>{}</td><td>{}</td><td>{}</"
      "td><td></td></tr>",
      EscapeHtml(words), task::MacsText(MacsByBits(table)),
      CountText(static_cast<double>(total.macs)), total.parameters, total.weight_bytes);
}

}  // namespace

std::string ComparedPart(const std::string& part, const std::string& html) {
  return Begin(part) + html + End(part);
}

Result<std::vector<EpochMetrics>> MetricsSoFar(const RunPaths& run) {
  std::error_code ignored;
  if (!std::filesystem::exists(run.MetricsJsonl(), ignored)) return std::vector<EpochMetrics>();
  return ReadMetrics(run);
}

std::string CountText(double value) {
  if (value >= 1e9) return fmt::format("{:.2f} G", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.2f} M", value / 1e6);
  if (value >= 1e4) return fmt::format("{:.1f} k", value / 1e3);
  return fmt::format("{:.0f}", value);
}

std::string CurvesSection(const std::vector<EpochMetrics>& metrics,
                          const std::vector<EpochMetrics>* other, const std::string& name) {
  if (metrics.empty() && other == nullptr)
    return "<section><h2>Curves</h2><p class=\"sub\">Not there: no epoch is finished "
           "yet.</p></section>";
  const Line training{.name = "training", .colour = kTrainColour},
      validation{.name = "validation", .colour = kValidationColour};
  std::vector<Line> shares = {LineOf(metrics, &EpochMetrics::train_accuracy, training),
                              LineOf(metrics, &EpochMetrics::validation_accuracy, validation)};
  const Line auroc =
      LineOf(metrics, &EpochMetrics::validation_auroc, {.name = "AUROC", .colour = kOtherColour});
  if (!auroc.points.empty()) shares.push_back(auroc);
  std::vector<Line> losses = {LineOf(metrics, &EpochMetrics::loss, training),
                              LineOf(metrics, &EpochMetrics::validation_loss, validation)};
  if (other != nullptr) {
    // One name for all of them: each has the colour of the line that it is compared with.
    const Line first{.colour = kTrainColour, .dashed = true},
        second{.name = "- - " + name, .colour = kValidationColour, .dashed = true};
    shares.push_back(LineOf(*other, &EpochMetrics::train_accuracy, first));
    shares.push_back(LineOf(*other, &EpochMetrics::validation_accuracy, second));
    losses.push_back(LineOf(*other, &EpochMetrics::loss, first));
    losses.push_back(LineOf(*other, &EpochMetrics::validation_loss, second));
    const Line third =
        LineOf(*other, &EpochMetrics::validation_auroc, {.colour = kOtherColour, .dashed = true});
    if (!third.points.empty()) shares.push_back(third);
  }
  const Line rate =
      LineOf(metrics, &EpochMetrics::learning_rate, {.name = "rate", .colour = kOtherColour});
  return "<section><h2>Curves</h2><div class=\"charts\">" +
         ToSvg({.title = "Accuracy",
                .x_title = "epoch",
                .percent = true,
                .whole_x = true,
                .lines = shares}) +
         ToSvg({.title = "Loss", .x_title = "epoch", .whole_x = true, .lines = losses}) +
         ToSvg({.title = "Learning rate", .x_title = "epoch", .whole_x = true, .lines = {rate}}) +
         "</div></section>";
}

Status CompareInReport(const RunPaths& run, const RunPaths& other, const ComparedNames& names) {
  BLUESTEM_ASSIGN_OR_RETURN(std::string report, ReadTextFile(run.Report()));
  BLUESTEM_ASSIGN_OR_RETURN(const task::Meta own_meta, task::ReadMeta(run.Meta()));
  BLUESTEM_ASSIGN_OR_RETURN(const task::Meta meta, task::ReadMeta(other.Meta()));
  if (own_meta.classes != meta.classes || own_meta.task != meta.task) {
    return Error(Code::kInvalidData,
                 "{} and {} have other classes or another task; expected runs on the same data",
                 run.folder.string(), other.folder.string());
  }
  BLUESTEM_ASSIGN_OR_RETURN(const std::string tile, AccuracyTile(other, names.words));
  BLUESTEM_ASSIGN_OR_RETURN(const std::vector<EpochMetrics> metrics, MetricsSoFar(run));
  BLUESTEM_ASSIGN_OR_RETURN(const std::vector<EpochMetrics> others, ReadMetrics(other));
  BLUESTEM_ASSIGN_OR_RETURN(const std::string row, CostRow(other, meta, names.words));
  BLUESTEM_RETURN_IF_ERROR(ReplacePart(run, kComparedTile, tile, report));
  BLUESTEM_RETURN_IF_ERROR(
      ReplacePart(run, kComparedCurves, CurvesSection(metrics, &others, names.legend), report));
  BLUESTEM_RETURN_IF_ERROR(ReplacePart(run, kComparedCost, row, report));
  return WriteFile(run.Report(), report);
}

}  // namespace bluestem::train
