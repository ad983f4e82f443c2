// The engine's report as a page: bars a layer, a roofline, speeds and parts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bluestem/base/chart.h"
#include "bluestem/base/html.h"
#include "bluestem/cli/fpga_report.h"
#include "bluestem/cli/op_table.h"
#include "bluestem/cli/output.h"

namespace bluestem::cli {
namespace {

constexpr const char* kArray = "#2563eb";
constexpr const char* kIdle = "#f59e0b";
constexpr const char* kRoof = "#64748b";

// One bar: what the array works, then what it waits.
struct Bar {
  std::string name;
  std::string note;  // beside the bar
  std::string hint;  // where the mouse rests
  int64_t array_clocks = 0;
  int64_t idle_clocks = 0;
};

std::vector<Bar> BarsOf(const EngineReport& report) {
  std::vector<Bar> bars;
  for (size_t i = 0; i < report.layers.size(); ++i) {
    const EngineLayer& layer = report.layers[i];
    const fpga::LayerCost& cost = layer.cost;
    bars.push_back({fmt::format("{}  {}", i + 1, ShortName(layer.op)),
                    fmt::format("{} clocks, {} of peak", CountText(cost.clocks()),
                                PercentText(Utilisation(report, cost.macs, cost.clocks()))),
                    fmt::format("{}: {}; array {}, idle {} clocks", layer.op, layer.shape,
                                CountText(cost.array_clocks), CountText(cost.idle_clocks)),
                    cost.array_clocks, cost.idle_clocks});
  }
  bars.push_back({"results to memory", CountText(report.store_clocks) + " clocks",
                  "the memory port alone works", 0, report.store_clocks});
  return bars;
}

std::string DrawBars(const std::vector<Bar>& bars) {
  constexpr int kWidth = 980, kRow = 22, kLabel = 330, kBar = 440, kTop = 6;
  int64_t most = 1;
  for (const Bar& bar : bars) most = std::max(most, bar.array_clocks + bar.idle_clocks);
  const auto width = [&](int64_t clocks) {
    return kBar * static_cast<double>(clocks) / static_cast<double>(most);
  };
  std::string svg = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\">", kWidth,
                                2 * kTop + kRow * static_cast<int>(bars.size()));
  int y = kTop;
  for (const Bar& bar : bars) {
    const double array = width(bar.array_clocks), idle = width(bar.idle_clocks);
    svg += fmt::format(
        "<g><title>{}</title><text x=\"{}\" y=\"{}\" class=\"tick\" text-anchor=\"end\">{}</text>"
        "<rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" fill=\"{}\"/>"
        "<rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" fill=\"{}\"/>"
        "<text x=\"{:.1f}\" y=\"{}\" class=\"tick\">{}</text></g>",
        EscapeHtml(bar.hint), kLabel - 8, y + 14, EscapeHtml(bar.name), kLabel, y + 3, array,
        kRow - 6, kArray, kLabel + array, y + 3, idle, kRow - 6, kIdle, kLabel + array + idle + 6,
        y + 14, EscapeHtml(bar.note));
    y += kRow;
  }
  return svg + "</svg>";
}

std::string LayersTable(const EngineReport& report) {
  std::string html =
      "<div class=\"scroll\"><table><tr><th>op</th><th class=\"text\">shape</th><th>bits</th>"
      "<th>MMAC</th><th>clocks</th><th>idle</th><th>of peak</th><th class=\"text\">bound</th>"
      "</tr>";
  const auto cells = [&](int64_t macs, int64_t clocks, int64_t idle) {
    return fmt::format("<td>{}</td><td>{}</td><td>{}</td><td>{}</td>", MillionsText(macs),
                       CountText(clocks), CountText(idle),
                       PercentText(Utilisation(report, macs, clocks)));
  };
  for (size_t i = 0; i < report.layers.size(); ++i) {
    const EngineLayer& layer = report.layers[i];
    const fpga::LayerCost& cost = layer.cost;
    html += fmt::format(
        "<tr><td>{} {}</td><td class=\"text\">{}</td><td>{}</td>{}<td class=\"text\">{}</td></tr>",
        i + 1, EscapeHtml(ShortName(layer.op)), EscapeHtml(layer.shape), layer.bits,
        cells(cost.macs, cost.clocks(), cost.idle_clocks), BoundBy(layer));
  }
  return html + fmt::format(
                    "<tr class=\"total\"><td>all, with results to memory</td><td></td><td></td>{}"
                    "<td></td></tr></table></div>",
                    cells(report.macs, report.clocks, report.clocks - report.array_clocks));
}

std::string Layers(const EngineReport& report) {
  return fmt::format(
             "<section><h2>Clocks, layer by layer</h2><p class=\"keys\"><i class=\"key\" "
             "style=\"background:{}\"></i>the array works <i class=\"key\" "
             "style=\"background:{}\"></i>it waits for the memory port</p>",
             kArray, kIdle) +
         DrawBars(BarsOf(report)) + LayersTable(report) + "</section>";
}

// A layer on the roofline.
struct Spot {
  double intensity = 0;  // multiply-accumulates a byte
  double speed = 0;      // and a clock
};

// The layers' numbers; those that lie upon each other share one label.
std::vector<std::string> SpotLabels(const std::vector<Spot>& spots) {
  constexpr double kNear = 0.2;  // in natural logarithms
  std::vector<std::string> labels(spots.size());
  std::vector<bool> named(spots.size(), false);
  for (size_t i = 0; i < spots.size(); ++i) {
    if (named[i]) continue;
    labels[i] = fmt::format("{}", i + 1);
    for (size_t k = i + 1; k < spots.size(); ++k) {
      const bool near = std::fabs(std::log(spots[i].intensity / spots[k].intensity)) < kNear &&
                        std::fabs(std::log(spots[i].speed / spots[k].speed)) < kNear;
      if (named[k] || !near) continue;
      labels[i] += fmt::format(", {}", k + 1);
      named[k] = true;
    }
  }
  return labels;
}

std::string RooflineChart(const EngineReport& report) {
  const double peak = report.MacsAClock(), port = fpga::kPortBytesAClock, ridge = peak / port;
  std::vector<Spot> spots;
  Line points{.colour = kArray, .joined = false};
  double low = ridge, high = ridge;
  for (const EngineLayer& layer : report.layers) {
    const auto macs = static_cast<double>(layer.cost.macs);
    const Spot spot = {macs / static_cast<double>(layer.cost.traffic.bytes()),
                       macs / static_cast<double>(layer.cost.clocks())};
    spots.push_back(spot);
    points.points.emplace_back(spot.intensity, spot.speed);
    points.notes.push_back(
        fmt::format("{}: {:.0f} MAC a byte, {:.0f} a clock", layer.op, spot.intensity, spot.speed));
    low = std::min(low, spot.intensity), high = std::max(high, spot.intensity);
  }
  points.labels = SpotLabels(spots);
  low /= 2, high *= 2;
  const Line slope{
      .name = "memory port", .colour = kIdle, .points = {{low, low * port}, {ridge, peak}}};
  const Line roof{.name = "array", .colour = kRoof, .points = {{ridge, peak}, {high, peak}}};
  return ToSvg({.title = "MAC a clock",
                .x_title = "MAC a byte of memory traffic",
                .log_x = true,
                .log_y = true,
                .lines = {slope, roof, points}});
}

std::string TrafficTable(const EngineReport& report) {
  std::string html =
      "<div class=\"scroll\"><table><tr><th>bytes a picture</th><th>weights</th>"
      "<th>thresholds</th><th>taps</th><th>maps</th><th>all</th><th>MAC a byte</th>"
      "<th>port's clocks</th></tr>";
  const auto cells = [](const fpga::Traffic& traffic, int64_t macs, int64_t clocks) {
    return fmt::format(
        "<td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>",
        CountText(traffic.weights), CountText(traffic.thresholds), CountText(traffic.taps),
        CountText(traffic.maps), CountText(traffic.bytes()), CountText(macs / traffic.bytes()),
        CountText(clocks));
  };
  for (size_t i = 0; i < report.layers.size(); ++i) {
    const fpga::LayerCost& cost = report.layers[i].cost;
    html +=
        fmt::format("<tr><td>{} {}</td>{}</tr>", i + 1, EscapeHtml(ShortName(report.layers[i].op)),
                    cells(cost.traffic, cost.macs, cost.port_clocks));
  }
  return html + fmt::format("<tr class=\"total\"><td>all</td>{}</tr></table></div>",
                            cells(report.traffic, report.macs, report.port_clocks));
}

std::string Roofline(const EngineReport& report) {
  const int64_t peak = fpga::PeakMacs(report.build.config);
  return "<section><h2>Roofline and memory traffic</h2><div class=\"charts\">" +
         RooflineChart(report) +
         fmt::format(
             "<div><p class=\"sub\">A point is a layer, numbered as above. The array does {} "
             "multiply-accumulates a clock and the memory port moves {} bytes: left of {} MAC a "
             "byte the port is what bounds.</p><p class=\"sub\">A layer lies below the roof where "
             "its channels do not fill blocks of 32, where codes of 8 bits go in as four digits, "
             "where its map is not a multiple of 2x2, and where the array waits; above the port's "
             "where its weights came while an earlier layer ran.</p></div></div>",
             CountText(peak), fpga::kPortBytesAClock, peak / fpga::kPortBytesAClock) +
         TrafficTable(report) + "</section>";
}

std::string Speeds(const EngineReport& report) {
  std::string html =
      "<section><h2>Speed (estimate)</h2><p class=\"sub\">Of the engine alone, one picture after "
      "the other, if the clock is reached: no board has shown it.</p><table><tr><th>clock</th>"
      "<th>a picture</th><th>images/s</th></tr>";
  for (const double megahertz : kReportMegahertz) {
    const double rate = report.ImagesPerSecond(megahertz);
    html += fmt::format("<tr><td>{:.0f} MHz</td><td>{}</td><td>{}</td></tr>", megahertz,
                        SecondsText(1 / rate), CountText(static_cast<int64_t>(rate)));
  }
  html += "</table>";
  if (!report.batches.empty()) {
    html +=
        "<p class=\"sub\">Pictures that wait together share loads of weights:</p><table><tr>"
        "<th>pictures</th><th>clocks a picture</th><th>images/s at 125 MHz</th></tr>";
    for (const fpga::BatchCost& batch : report.batches) {
      html += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>", batch.pictures,
                          CountText(batch.clocks / batch.pictures),
                          CountText(static_cast<int64_t>(EngineReport::Rate(batch, 125))));
    }
    html += "</table>";
  }
  return html + "</section>";
}

std::string Fit(const EngineReport& report) {
  const fpga::EngineArea& area = report.build.area;
  std::string html = fmt::format(
      "<section><h2>Fit (estimate)</h2><p class=\"sub\">The engine of build {}, {}, takes {} "
      "ALM, {} M10K and {} DSP: {}. One M20K counts as one M10K.</p><div "
      "class=\"scroll\"><table><tr><th>part</th>"
      "<th class=\"text\">board</th><th>ALM</th><th>memories</th><th>DSP</th><th></th>"
      "<th class=\"text\">fullest</th></tr>",
      report.build.name, fpga::ResidualText(report.build.config), CountText(area.alms),
      CountText(area.m10k), CountText(area.dsp), EscapeHtml(area.source));
  for (const fpga::Part& part : report.parts) {
    const auto share = [](int64_t used, int64_t there) {
      return static_cast<double>(used) / static_cast<double>(there);
    };
    const double alms = share(area.alms, part.alms), memories = share(area.m10k, part.memories),
                 dsp = share(area.dsp, part.dsp), most = std::max({alms, memories, dsp});
    html += fmt::format(
        "<tr><td>{}</td><td class=\"text\">{}</td><td>{} of {}</td><td>{} of {} {}</td><td>{} of "
        "{}</td><td>{}</td><td><div class=\"stack\" style=\"background:var(--line)\"><div "
        "style=\"width:{:.1f}%;background:{}\"></div></div></td></tr>",
        part.name, part.board, PercentText(alms), CountText(part.alms), PercentText(memories),
        CountText(part.memories), part.memory, PercentText(dsp), CountText(part.dsp),
        part.Fits(area) ? "fits" : "does not fit", std::min(most, 1.0) * 100,
        part.Fits(area) ? kArray : "#dc2626");
  }
  return html + "</table></div></section>";
}

std::string HostCalls(const EngineReport& report) {
  if (report.host_calls.empty()) return "";
  std::string html =
      "<section><h2>What stays on the CPU</h2><div class=\"scroll\"><table><tr><th>op</th>"
      "<th class=\"text\">kernel</th><th class=\"text\">why</th></tr>";
  for (const HostCall& call : report.host_calls) {
    html += fmt::format("<tr><td>{}</td><td class=\"text\">{}</td><td class=\"text\">{}</td></tr>",
                        EscapeHtml(ShortName(call.op)), call.family, EscapeHtml(call.reason));
  }
  return html + "</table></div></section>";
}

std::string Tiles(const EngineReport& report) {
  std::string html =
      "<div class=\"tiles\">" +
      PageTile(fmt::format("{} of {}", report.calls - report.host_calls.size(), report.calls),
               "calls on the engine") +
      PageTile(PercentText(static_cast<double>(report.macs) /
                           static_cast<double>(std::max<int64_t>(report.model_macs, 1))),
               fmt::format("of {} MMAC on the engine", MillionsText(report.model_macs)));
  if (const EngineLayer* most = report.Bottleneck()) {
    html += PageTile(CountText(report.clocks), "clocks a picture") +
            PageTile(PercentText(Utilisation(report, report.macs, report.clocks)),
                     "of the array's peak") +
            PageTile(CountText(static_cast<int64_t>(report.ImagesPerSecond(125))),
                     "images/s of the engine alone, at 125 MHz (estimate)") +
            PageTile(PercentText(static_cast<double>(most->cost.clocks()) /
                                 static_cast<double>(report.clocks)),
                     fmt::format("of the clocks in layer {}, bound by the {}",
                                 most - report.layers.data() + 1, BoundBy(*most)));
  }
  return html + "</div>";
}

}  // namespace

std::string EngineReportPage(const EngineReport& report) {
  std::string html = PageBegin(report.model + " on the engine", report.model,
                               "On the engine for FPGAs. Clocks by the functional model's formula, "
                               "not measured on a board; speeds and areas are estimates.") +
                     Tiles(report);
  if (report.layers.empty()) {
    html +=
        "<section><h2>Nothing runs on the engine</h2><p>Why is said below, call by "
        "call.</p></section>";
  } else {
    html += Layers(report) + Roofline(report) + Speeds(report);
  }
  return html + HostCalls(report) + Fit(report) + "</main></body></html>\n";
}

}  // namespace bluestem::cli
