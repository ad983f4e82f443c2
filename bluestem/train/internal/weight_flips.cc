#include "bluestem/train/internal/weight_flips.h"

#include <algorithm>
#include <bit>

#include "bluestem/base/chart.h"
#include "bluestem/base/html.h"

namespace bluestem::train {
namespace {

constexpr int64_t kSigns = 24;  // in a float

float PackedSigns(const ParameterView& weights, int64_t first) {
  uint32_t signs = 0;
  for (int64_t i = first; i < std::min(first + kSigns, weights.count); ++i)
    signs |= (weights.value[i] < 0 ? 1U : 0U) << (i - first);
  return static_cast<float>(signs);
}

// From the first layer to the last, blue to red by way of green.
std::string Colour(size_t layer, size_t layers) {
  const double at = layers < 2 ? 0 : static_cast<double>(layer) / static_cast<double>(layers - 1);
  return fmt::format("hsl({:.0f} 70% 48%)", 225 * (1 - at));
}

std::string Percent(double share) {
  return fmt::format("{:.2f} %", share * 100);
}

}  // namespace

WeightFlips::WeightFlips(const Module& module) {
  for (const ParameterView& view : module.parameters()) {
    const Block& block = module.network().blocks[view.block];
    if (view.role != Role::kWeight || module.network().WeightsOf(block).bits != 1) continue;
    layers_.push_back({.name = block.name, .weights = view, .signs = {}});
    layers_.back().signs.resize(static_cast<size_t>((view.count + kSigns - 1) / kSigns));
  }
  Take();
}

std::vector<LayerShare> WeightFlips::Take() {
  std::vector<LayerShare> shares;
  for (Layer& layer : layers_) {
    int64_t flips = 0;
    for (size_t i = 0; i < layer.signs.size(); ++i) {
      const float now = PackedSigns(layer.weights, static_cast<int64_t>(i) * kSigns);
      flips += std::popcount(static_cast<uint32_t>(now) ^ static_cast<uint32_t>(layer.signs[i]));
      layer.signs[i] = now;
    }
    shares.push_back(
        {layer.name, static_cast<double>(flips) / static_cast<double>(layer.weights.count)});
  }
  return shares;
}

std::vector<ParameterView> WeightFlips::State() {
  std::vector<ParameterView> views;
  for (Layer& layer : layers_) views.push_back(StateView("signs", layer.weights, layer.signs));
  return views;
}

std::string WeightFlipsSection(const std::vector<EpochMetrics>& metrics, const Network& network) {
  if (metrics.empty() || metrics.back().flips.empty()) return "";
  const size_t layers = metrics.back().flips.size();
  Chart chart{.title = "1-bit weights flipped in an epoch",
              .x_title = "epoch",
              .percent = true,
              .whole_x = true};
  std::string table =
      "<div class=\"scroll\"><table><tr><th>layer</th><th>first epoch</th><th>middle</th>"
      "<th>last epoch</th></tr>";
  for (size_t i = 0; i < layers; ++i) {
    Line line{.colour = Colour(i, layers)};
    const std::string& name = metrics.back().flips[i].layer;
    for (const EpochMetrics& row : metrics) {
      line.points.emplace_back(static_cast<double>(row.epoch), row.flips[i].share);
      line.notes.push_back(
          fmt::format("{}, epoch {}: {}", name, row.epoch, Percent(row.flips[i].share)));
    }
    table += fmt::format(
        "<tr><td><i class=\"key\" style=\"background:{}\"></i>{}</td><td>{}</td><td>{}</td><td>{}"
        "</td></tr>",
        line.colour, EscapeHtml(name), Percent(line.points.front().second),
        Percent(line.points[line.points.size() / 2].second), Percent(line.points.back().second));
    chart.lines.push_back(std::move(line));
  }
  const double share = network.recipe.float_weight_share;
  return fmt::format(
             "<section><h2>Weight flips</h2><p class=\"sub\">Share of each layer's 1-bit weights "
             "whose sign is another than an epoch before. Normal: some tens of percent in the "
             "first "
             "epoch, a few in the last, as the rate falls. A layer that stays high wanders (a "
             "lower "
             "train.learning_rate); one that is at 0 from the start does not learn.{}</p>"
             "<div class=\"charts\">",
             share > 0
                 ? fmt::format(" The first {:.0f} % of the steps had float weights.", share * 100)
                 : "") +
         ToSvg(chart) + table + "</table></div></div></section>";
}

}  // namespace bluestem::train
