#include "bluestem/train/internal/report.h"

#include <algorithm>
#include <thread>

#include "bluestem/task/classification.h"
#include "bluestem/train/internal/calibration.h"
#include "bluestem/train/internal/config_section.h"
#include "bluestem/train/internal/html.h"
#include "bluestem/train/internal/label_predictions.h"
#include "bluestem/train/internal/labels_section.h"
#include "bluestem/train/internal/predictions.h"
#include "bluestem/train/internal/report_compare.h"
#include "bluestem/train/internal/weight_flips.h"
#include "bluestem/train/networks/cost.h"

namespace bluestem::train {
namespace {

std::string Tile(const std::string& value, const std::string& what) {
  return PageTile(value, what);
}

std::string MacsTile(const task::Macs& macs) {
  int64_t total = 0;
  for (const auto& [bits, count] : macs) total += count;
  return Tile(CountText(static_cast<double>(total)),
              "multiply-accumulates a picture: " + task::MacsText(macs));
}

std::string Size(int64_t bytes) {
  const std::string count = CountText(static_cast<double>(bytes));
  return count + (bytes < 10000 ? " B" : "B");
}

std::string Bits(int32_t bits) {
  return bits == 32 ? "f32" : fmt::format("{}", bits);
}

std::string Confusion(const task::ClassificationCounts& counts) {
  std::string html =
      "<section><h2>Confusion matrix</h2><p class=\"sub\">Rows: the label. Columns: the answer. "
      "Share of the row.</p><div class=\"scroll\"><table class=\"confusion\"><tr><th></th>";
  for (const std::string& name : counts.classes()) html += "<th>" + EscapeHtml(name) + "</th>";
  html += "<th>images</th></tr>";
  for (size_t i = 0; i < counts.classes().size(); ++i) {
    const std::vector<int64_t>& row = counts.confusion()[i];
    int64_t total = 0;
    for (const int64_t n : row) total += n;
    html += "<tr><th>" + EscapeHtml(counts.classes()[i]) + "</th>";
    for (size_t k = 0; k < row.size(); ++k) {
      const double share = total > 0 ? static_cast<double>(row[k]) / static_cast<double>(total) : 0;
      const char* colour = i == k ? "37,99,235" : "239,68,68";
      const double strength = i == k ? 0.15 + 0.6 * share : std::min(1.0, share * 4);
      html += fmt::format("<td style=\"background:rgba({},{:.2f})\" title=\"{}\">{}</td>", colour,
                          row[k] == 0 ? 0.0 : strength, row[k],
                          row[k] == 0 ? "" : fmt::format("{:.1f}", share * 100));
    }
    html += fmt::format("<td>{}</td></tr>", total);
  }
  return html + "</table></div></section>";
}

std::string Costs(const Module& module) {
  std::string html =
      "<section><h2>Cost</h2><div "
      "class=\"scroll\"><table><tr><th>layer</th><th>shape</th><th>input bits</th><th>weight "
      "bits</th><th>MACs</th><th>parameters</th><th>weight bytes</th><th>output bytes</th></tr>";
  LayerCost total;
  int64_t low_bit_macs = 0;
  for (const LayerCost& row : CostTable(module.network(), module.shapes())) {
    html += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</"
        "td></tr>",
        EscapeHtml(row.name), row.shape, Bits(row.x_bits), Bits(row.w_bits),
        CountText(static_cast<double>(row.macs)), row.parameters, row.weight_bytes,
        row.activation_bytes);
    total.macs += row.macs;
    total.parameters += row.parameters;
    total.weight_bytes += row.weight_bytes;
    if (row.w_bits == 1 && row.x_bits <= 8) low_bit_macs += row.macs;
  }
  html += fmt::format(
      "<tr "
      "class=\"total\"><td>total</td><td></td><td></td><td></td><td>{}</td><td>{}</td><td>{}</"
      "td><td></td></tr>",
      CountText(static_cast<double>(total.macs)), total.parameters, total.weight_bytes);
  html += ComparedPart(kComparedCost) + "</table></div>";
  return html + fmt::format(
                    "<p class=\"sub\" style=\"margin:10px 0 0\">{:.1f} % of the "
                    "multiply-accumulates have 1-bit weights and integer inputs. In f32 the "
                    "parameters would take {} bytes.</p></section>",
                    total.macs > 0 ? 100.0 * static_cast<double>(low_bit_macs) /
                                         static_cast<double>(total.macs)
                                   : 0.0,
                    total.parameters * 4);
}

// "2 bits, up to 2": of all layers with codes, where they differ a range.
std::string Activations(const Network& network) {
  std::vector<int32_t> bits;
  std::vector<float> maxima;
  for (const Block& block : network.blocks) {
    if (block.activation != Activation::kQuantized) continue;
    bits.push_back(block.spec.bits);
    maxima.push_back(block.spec.max);
  }
  const auto range = [](const auto& values) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    return *low == *high ? fmt::format("{:.4g}", static_cast<double>(*low))
                         : fmt::format("{:.4g} to {:.4g}", static_cast<double>(*low),
                                       static_cast<double>(*high));
  };
  return fmt::format("{}, {} bits, up to {}", network.activation_quantizer->name, range(bits),
                     range(maxima));
}

// Of a run that failed and went on with other rates than its configuration's.
std::string Rates(const RunState& state) {
  std::string text;
  for (const RateChange& rate : state.rates) {
    text += text.empty() ? fmt::format("<dt>learning rate</dt><dd>{}", rate.learning_rate)
                         : fmt::format(", after step {} {}", rate.step, rate.learning_rate);
  }
  return text.empty() ? "" : text + "</dd>";
}

std::string Notes(const RunState& state) {
  if (state.notes.empty()) return "";
  std::string text;
  for (const std::string& note : state.notes) text += EscapeHtml(note) + "\n";
  return "<dt>notes</dt><dd><pre>" + text + "</pre></dd>";
}

std::string Environment(const ReportContent& content) {
  const RunState& state = content.state;
  const Network& network = content.module->network();
  return fmt::format(
      "<section><h2>Run</h2><dl><dt>network</dt><dd>{}, input "
      "{}x{}x{}</dd><dt>weights</dt><dd>{}</dd><dt>activations</dt><dd>{}</dd>"
      "<dt>steps</dt><dd>{} ({} an epoch), {} of {} convolutions in integers</dd>"
      "<dt>training</dt><dd>{:.1f} s, {:.1f} CPU s, {:.0f} images/s, loading {:.1f} % of a "
      "step</dd><dt>best epoch</dt><dd>{}</dd>{}<dt>seed, "
      "threads</dt><dd>{}, {} of "
      "{}</dd><dt>device</dt><dd>{}</dd><dt>software</dt><dd>{}</dd>{}</dl>"
      "</section>",
      EscapeHtml(network.name), network.h, network.w, network.c, network.weight_quantizer->name,
      Activations(network), state.step, state.steps_per_epoch, content.module->IntegerBlocks(),
      network.blocks.size(), state.train_seconds, state.cpu_seconds, state.images_per_second,
      state.loading_share * 100,
      state.best_epoch > 0 ? fmt::format("{}", state.best_epoch) : "none yet", Rates(state),
      state.seed, state.threads, std::thread::hardware_concurrency(), EscapeHtml(state.device),
      EscapeHtml(state.versions), Notes(state));
}

// What the report says of the answers, by task.
struct Answers {
  std::string tiles;  // the first with kComparedTile behind it
  std::string sections;
};

Answers AnswersOfOneLabel(const ReportContent& content) {
  task::ClassificationCounts counts(content.validation->classes());
  std::vector<int32_t> labels;
  for (size_t i = 0; i < content.scores->size(); ++i) {
    labels.push_back(content.validation->Label(static_cast<int64_t>(i)));
    counts.Add(labels.back(), (*content.scores)[i]);
  }
  const auto total = static_cast<double>(std::max<int64_t>(1, counts.total()));
  Answers answers;
  answers.tiles =
      Tile(fmt::format("{:.2f} %", 100.0 * static_cast<double>(counts.correct()) / total),
           "accuracy") +
      ComparedPart(kComparedTile);
  if (counts.classes().size() > 5)
    answers.tiles +=
        Tile(fmt::format("{:.2f} %", 100.0 * static_cast<double>(counts.correct_top5()) / total),
             "right answer among five");
  answers.sections = Confusion(counts) + CalibrationSection(Calibrate(*content.scores, labels)) +
                     PredictionsSection(*content.validation, *content.scores);
  return answers;
}

Answers AnswersOfAnyLabels(const ReportContent& content) {
  const double threshold = content.meta->threshold;
  const task::MultiLabelCounts counts =
      CountLabels(*content.validation, *content.scores, threshold);
  const task::MultiLabelQuality quality = counts.Quality();
  const auto total = static_cast<double>(std::max<int64_t>(1, counts.total()));
  return {
      .tiles = Tile(fmt::format("{:.4f}", quality.mean_auroc.value_or(0)), "mean AUROC") +
               ComparedPart(kComparedTile) +
               Tile(fmt::format("{:.4f}", quality.mean_average_precision.value_or(0)),
                    "mean average precision") +
               Tile(fmt::format("{:.2f} %", 100.0 * static_cast<double>(counts.correct()) / total),
                    "exactly right"),
      .sections = LabelsSection(counts) + CalibrationSection(CalibrateLabels(counts)) +
                  LabelPredictionsSection(*content.validation, counts, threshold)};
}

Answers AnswersOf(const ReportContent& content) {
  if (content.scores != nullptr)
    return content.meta->multi_label() ? AnswersOfAnyLabels(content) : AnswersOfOneLabel(content);
  return {.tiles = ComparedPart(kComparedTile),
          .sections = fmt::format(
              "<section><h2>Answers and activation codes</h2><p class=\"sub\">Not there: {}</p>"
              "</section>",
              EscapeHtml(content.missing))};
}

// "bluestem_s; interrupted at step 5 of 8: epoch 1, the best so far, on 8 validation images".
std::string Subtitle(const ReportContent& content) {
  const RunState& state = content.state;
  std::string text = content.module->network().name;
  const bool finished = state.status == "finished";
  if (!finished) {
    text += fmt::format("; {} at step {} of {}", state.status, state.step,
                        state.steps > 0 ? fmt::format("{}", state.steps) : "a number not chosen");
  }
  if (content.scores == nullptr) return text;
  if (!finished) text += fmt::format("; epoch {}, the best so far,", state.best_epoch);
  return text + fmt::format(" on {} validation images, with the artefact's arithmetic",
                            content.scores->size());
}

}  // namespace

Status WriteReport(const ReportContent& content) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::string configuration,
                            ConfigSection(content.paths, content.state.ranks));
  const Answers answers = AnswersOf(content);
  int64_t bytes = 0;
  for (const LayerCost& row : CostTable(content.module->network(), content.module->shapes()))
    bytes += row.weight_bytes;
  const std::string name =
      EscapeHtml(std::filesystem::absolute(content.paths.folder).filename().string());
  std::string html = fmt::format(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>{}</title><style>{}</style></head><body><main>",
      name, kReportStyle);
  html += fmt::format("<h1>{}</h1><p class=\"sub\">{}</p><div class=\"tiles\">", name,
                      EscapeHtml(Subtitle(content)));
  html += answers.tiles + MacsTile(content.state.macs) + Tile(Size(bytes), "weights") +
          Tile(fmt::format("{:.0f} /s", content.state.images_per_second), "images in training") +
          "</div>";
  html += ComparedPart(kComparedCurves, CurvesSection(content.metrics)) + answers.sections +
          WeightFlipsSection(content.metrics, content.module->network()) +
          CodesSection(content.codes) + Costs(*content.module) + configuration +
          Environment(content);
  return WriteFile(content.paths.Report(), html + "</main></body></html>\n");
}

}  // namespace bluestem::train
