#include "bluestem/train/internal/code_counts.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bluestem/base/html.h"
#include "bluestem/train/internal/batches.h"

namespace bluestem::train {
namespace {

constexpr int64_t kBatch = 64;
constexpr size_t kMostParts = 8;         // of a bar: more levels are drawn in ranges
constexpr double kManyDead = 0.1;        // of the channels
constexpr double kManySaturated = 0.25;  // of the codes
constexpr const char* kZero = "#a8b5c8";
constexpr const char* kTop = "#f59e0b";

// The least and the greatest code that a channel has put out.
struct Range {
  float low = 1e9F, high = -1;
};

std::string Percent(double share) {
  return fmt::format("{:.1f} %", share * 100);
}

// Of part p of `parts`: grey for 0, amber for the top, blues between.
std::string Colour(size_t part, size_t parts) {
  if (part == 0) return kZero;
  if (part + 1 == parts) return kTop;
  const double at = static_cast<double>(part) / static_cast<double>(parts - 1);
  return fmt::format("hsl(217 88% {:.0f}%)", 86 - 46 * at);
}

// Parts of a bar: 0 and the top level alone, and what lies between in at most six ranges.
std::string Bar(const LayerCodes& layer) {
  const size_t levels = layer.counts.size(), parts = std::min(levels, kMostParts);
  std::string bar;
  for (size_t part = 0; part < parts; ++part) {
    const bool middle = part > 0 && part + 1 < parts;
    const auto edge = [&](size_t p) { return 1 + (p - 1) * (levels - 2) / (parts - 2); };
    const size_t first = part == 0 ? 0 : middle ? edge(part) : levels - 1;
    const size_t last = middle ? edge(part + 1) - 1 : first;
    double share = 0;
    for (size_t code = first; code <= last; ++code) share += layer.Share(code);
    const std::string name =
        first == last ? fmt::format("{}", first) : fmt::format("{} to {}", first, last);
    bar += fmt::format("<i style=\"width:{:.2f}%;background:{}\" title=\"code {}: {}\"></i>",
                       share * 100, Colour(part, parts), name, Percent(share));
  }
  return bar;
}

}  // namespace

double LayerCodes::Share(size_t code) const {
  int64_t total = 0;
  for (const int64_t count : counts) total += count;
  return static_cast<double>(counts[code]) / static_cast<double>(std::max<int64_t>(1, total));
}

CodeCounts CountCodes(const Module& module, const data::PixelCache& cache) {
  const Network& network = module.network();
  CodeCounts result{.images = std::min(kCountedPictures, cache.size()), .layers = {}};
  std::vector<LayerCodes> layers(network.blocks.size());
  std::vector<std::vector<Range>> ranges(network.blocks.size());
  const auto seen = [&](size_t i, const std::vector<float>& codes) {
    const Block& block = network.blocks[i];
    const auto channels = static_cast<size_t>(block.channels);
    layers[i].counts.resize(static_cast<size_t>(block.spec.Levels()));
    ranges[i].resize(channels);
    // Space to depth repeats a picture's channels, in their order.
    for (size_t k = 0; k < codes.size(); ++k) {
      ++layers[i].counts[static_cast<size_t>(codes[k])];
      Range& range = ranges[i][k % channels];
      range.low = std::min(range.low, codes[k]), range.high = std::max(range.high, codes[k]);
    }
  };
  const ExactNetwork exact(module);
  std::vector<int64_t> order;
  for (int64_t i = 0; i < result.images; ++i) order.push_back(i * cache.size() / result.images);
  std::vector<uint8_t> pixels;
  for (int64_t first = 0; first < result.images; first += kBatch) {
    const int64_t count = std::min(kBatch, result.images - first);
    CopyPixels(cache, order, first, count, pixels);
    exact.Probabilities(count, pixels.data(), seen);
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].counts.empty()) continue;
    layers[i].layer = network.blocks[i].name;
    layers[i].bits = network.blocks[i].spec.bits;
    layers[i].channels = network.blocks[i].channels;
    layers[i].dead_channels = std::count_if(ranges[i].begin(), ranges[i].end(),
                                            [](const Range& r) { return r.low == r.high; });
    result.layers.push_back(std::move(layers[i]));
  }
  return result;
}

std::string CodeCountsToJson(const CodeCounts& counts) {
  nlohmann::ordered_json json = {{"images", counts.images},
                                 {"layers", nlohmann::ordered_json::array()}};
  for (const LayerCodes& layer : counts.layers) {
    json["layers"].push_back({{"layer", layer.layer},
                              {"bits", layer.bits},
                              {"counts", layer.counts},
                              {"saturated", layer.Saturated()},
                              {"channels", layer.channels},
                              {"dead_channels", layer.dead_channels}});
  }
  return json.dump() + "\n";
}

Status LogCodes(const CodeCounts& counts, const RunPaths& paths, const RunState& state) {
  BLUESTEM_ASSIGN_OR_RETURN(interchange::EventWriter events,
                            interchange::EventWriter::Open(paths.folder, state.started_unix));
  for (const LayerCodes& layer : counts.layers)
    BLUESTEM_RETURN_IF_ERROR(events.Histogram("codes/" + layer.layer, state.step, layer.counts));
  return OkStatus();
}

std::string CodesSection(const CodeCounts& counts) {
  if (counts.layers.empty()) return "";
  std::string html = fmt::format(
      "<section><h2>Activation codes</h2><p class=\"sub\">What each layer put out for {} "
      "validation pictures. Normal: most codes are 0, as after a ReLU (63 % of a normal "
      "distribution with 2 bits up to 2; fewer after a max-pool), every level is used, some "
      "percent "
      "are at the top. Much at the top: raise network.activation_max, or let pact or lsq learn it. "
      "A dead channel's "
      "code never changes: it costs time and says nothing; many of them ask for fewer channels or "
      "a lower rate.</p><p class=\"keys\"><i class=\"key\" style=\"background:{}\"></i>0 <i "
      "class=\"key\" style=\"background:linear-gradient(90deg,{},{});width:26px\"></i>between <i "
      "class=\"key\" style=\"background:{}\"></i>top level</p><div "
      "class=\"scroll\"><table><tr><th>layer</th><th>bits</th><th "
      "class=\"wide\"></th><th>0</th><th>top level</th><th>dead channels</th></tr>",
      counts.images, kZero, Colour(1, kMostParts), Colour(kMostParts - 2, kMostParts), kTop);
  const auto cell = [](const std::string& text, bool warn) {
    return fmt::format("<td{}>{}</td>", warn ? " class=\"warn\"" : "", text);
  };
  for (const LayerCodes& layer : counts.layers) {
    const double dead =
        static_cast<double>(layer.dead_channels) / static_cast<double>(layer.channels);
    html += fmt::format(
                "<tr><td>{}</td><td>{}</td><td><div class=\"stack\">{}</div></td><td>{}"
                "</td>",
                EscapeHtml(layer.layer), layer.bits, Bar(layer), Percent(layer.Share(0))) +
            cell(Percent(layer.Saturated()), layer.Saturated() > kManySaturated) +
            cell(layer.dead_channels == 0 ? fmt::format("none of {}", layer.channels)
                                          : fmt::format("{} of {}, {}", layer.dead_channels,
                                                        layer.channels, Percent(dead)),
                 dead > kManyDead) +
            "</tr>";
  }
  return html + "</table></div></section>";
}

}  // namespace bluestem::train
