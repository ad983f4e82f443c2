#include "bluestem/cli/sensitivity_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "bluestem/base/chart.h"
#include "bluestem/base/html.h"
#include "bluestem/cli/output.h"

namespace bluestem::cli {
namespace {

using Json = nlohmann::ordered_json;
using tune::BitChoice;
using tune::BitCost;

// Of a multiply-accumulate with 8-bit weights and codes.
constexpr double kBitOperations = 64;
constexpr size_t kMostPoints = 200;  // of the front's curve

// kB, or million multiply-accumulates.
double InUnits(int64_t cost, BitCost unit) {
  const auto value = static_cast<double>(cost);
  return unit == BitCost::kBytes ? value / 1e3 : value / kBitOperations / 1e6;
}

std::string Percent(double share) {
  return fmt::format("{:.2f} %", share * 100);
}

std::string Heat(const SensitivityResult& result) {
  double most = 1e-9;
  size_t columns = 0;
  for (const tune::BitLayer& layer : result.layers) {
    columns = std::max(columns, layer.options.size());
    for (const tune::BitOption& option : layer.options) most = std::max(most, option.rise);
  }
  std::string html =
      "<section><h2>Rise of the loss</h2><p class=\"sub\">With one layer in other bits and all "
      "others as trained; batch norms estimated anew, nothing trained. The redder, the more that "
      "layer asks for bits";
  html += result.choice ? "; framed is what was chosen.</p>" : ".</p>";
  html +=
      "<div class=\"scroll\"><table class=\"heat\"><tr><th>layer</th><th "
      "class=\"text\">shape</th><th>MACs</th><th>weights</th><th>trained</th>";
  for (size_t k = 0; k < columns; ++k)
    html += fmt::format("<th>{}</th>", EscapeHtml(result.layers[0].options[k].text));
  html += "</tr>";
  for (size_t i = 0; i < result.layers.size(); ++i) {
    const tune::BitLayer& layer = result.layers[i];
    html += fmt::format(
        "<tr><td>{}</td><td class=\"text\">{}</td><td>{}</td><td>{}</td><td>{}</td>",
        EscapeHtml(layer.name), EscapeHtml(result.measured[i].shape), CountText(layer.macs),
        CountText(layer.weights), EscapeHtml(result.measured[i].trained));
    for (size_t k = 0; k < layer.options.size(); ++k) {
      const tune::BitOption& option = layer.options[k];
      const double heat = std::sqrt(std::max(0.0, option.rise) / most);
      const bool chosen = result.choice && result.choice->options[i] == k;
      html += fmt::format(
          "<td style=\"background:rgba(239,68,68,{:.2f}){}\" title=\"{} as {}: {} right\">{:+.4f}"
          "</td>",
          heat * 0.8, chosen ? ";outline:2px solid var(--accent);outline-offset:-2px" : "",
          EscapeHtml(layer.name), EscapeHtml(option.text),
          Percent(result.measured[i].accuracies[k]), option.rise);
    }
    html += "</tr>";
  }
  return html + "</table></div></section>";
}

std::string Front(const SensitivityResult& result) {
  const bool bytes = result.cost == BitCost::kBytes;
  Line front{.name = "best for the cost", .colour = "#2563eb"};
  const size_t step = result.front.size() / kMostPoints + 1;
  for (size_t i = 0; i < result.front.size(); ++i) {
    if (i % step != 0 && i + 1 != result.front.size()) continue;
    const BitChoice& choice = result.front[i];
    front.points.emplace_back(InUnits(choice.cost, result.cost), choice.rise);
    front.notes.push_back(
        fmt::format("{}: {:+.4f}", CostText(choice.cost, result.cost), choice.rise));
  }
  Chart chart{.title = "Summed rise of the loss",
              .x_title = bytes ? "kB of weights" : "MMAC of 8 x 8 bits",
              .lines = {front}};
  if (result.choice) {
    chart.lines.push_back(
        {.name = "chosen",
         .colour = "#dc2626",
         .points = {{InUnits(result.choice->cost, result.cost), result.choice->rise}},
         .joined = false,
         .notes = {CostText(result.choice->cost, result.cost)}});
  }
  return ToSvg(chart);
}

std::string Choice(const SensitivityResult& result) {
  std::string html =
      "<section><h2>Choice</h2><p class=\"sub\">Every layer's bits together, by a dynamic program "
      "over the layers: nothing cheaper rises less. Rises are added as if layers did not know of "
      "each other, and training wins much of them back: compare choices by them, then train.</p>"
      "<div class=\"charts\">" +
      Front(result);
  if (!result.choice)
    return html +
           "<p class=\"sub\">With --max-kilobytes or --max-mmac one is chosen.</p></div>"
           "</section>";
  html += "<div><p class=\"keys\">For config.yaml:</p><pre>network:\n";
  for (const std::string& line : ConfigLines(result)) html += "  " + EscapeHtml(line) + "\n";
  return html + "</pre></div></div></section>";
}

}  // namespace

std::string CostText(int64_t cost, BitCost unit) {
  return fmt::format("{:.2f} {}", InUnits(cost, unit), unit == BitCost::kBytes ? "kB" : "MMAC");
}

std::vector<std::string> ConfigLines(const SensitivityResult& result) {
  std::vector<std::string> layers;
  for (size_t i = 0; result.choice && i < result.layers.size(); ++i) {
    const tune::BitLayer& layer = result.layers[i];
    layers.push_back(layer.name + "=" + layer.options[result.choice->options[i]].text);
  }
  return {"weight_quantizer: " + result.weight_quantizer,
          "activation_quantizer: " + result.activation_quantizer,
          fmt::format("layer_bits: [{}]", fmt::join(layers, ", "))};
}

Json SensitivityJson(const SensitivityResult& result) {
  Json layers = Json::array();
  for (size_t i = 0; i < result.layers.size(); ++i) {
    const tune::BitLayer& layer = result.layers[i];
    Json options = Json::array();
    for (size_t k = 0; k < layer.options.size(); ++k) {
      options.push_back({{"bits", layer.options[k].text},
                         {"rise", layer.options[k].rise},
                         {"accuracy", result.measured[i].accuracies[k]}});
    }
    Json row = {{"layer", layer.name},
                {"shape", result.measured[i].shape},
                {"macs", layer.macs},
                {"weights", layer.weights},
                {"trained", result.measured[i].trained},
                {"options", std::move(options)}};
    if (result.choice) row["chosen"] = layer.options[result.choice->options[i]].text;
    layers.push_back(std::move(row));
  }
  Json document = {{"run", result.run},           {"network", result.network},
                   {"images", result.images},     {"loss", result.loss},
                   {"accuracy", result.accuracy}, {"layers", std::move(layers)}};
  if (!result.choice) return document;
  const auto cost = [&](BitCost unit) {
    return InUnits(tune::CostOf(result.layers, result.input_bits, result.choice->options, unit),
                   unit);
  };
  document["choice"] = {{"kilobytes", cost(BitCost::kBytes)},
                        {"mmac", cost(BitCost::kBitOperations)},
                        {"rise", result.choice->rise},
                        {"config", ConfigLines(result)}};
  return document;
}

std::string SensitivityPage(const SensitivityResult& result) {
  std::string html =
      PageBegin(result.run, result.run,
                fmt::format("Sensitivity of {}'s layers to bits, on {} held-out pictures",
                            result.network, result.images)) +
      "<div class=\"tiles\">";
  html += PageTile(Percent(result.accuracy), "accuracy as trained") +
          PageTile(fmt::format("{:.4f}", result.loss), "loss as trained");
  if (result.choice) {
    for (const BitCost unit : {BitCost::kBytes, BitCost::kBitOperations}) {
      const int64_t cost =
          tune::CostOf(result.layers, result.input_bits, result.choice->options, unit);
      html += PageTile(CostText(cost, unit),
                       unit == BitCost::kBytes ? "weights as chosen" : "a picture, as 8 x 8 bits");
    }
    html += PageTile(fmt::format("{:+.3f}", result.choice->rise), "summed rise as chosen");
  }
  return html + "</div>" + Heat(result) + Choice(result) + "</main></body></html>\n";
}

}  // namespace bluestem::cli
