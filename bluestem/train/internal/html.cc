#include "bluestem/train/internal/html.h"

#include <algorithm>
#include <cmath>

namespace bluestem::train {
namespace {

constexpr double kWidth = 460, kHeight = 260, kLeft = 52, kRight = 14, kTop = 34, kBottom = 38;

struct Axis {
  double low = 0;
  double high = 1;
  double step = 0.2;
};

// About five round ticks over [low, high].
Axis MakeAxis(double low, double high) {
  if (!(high > low)) high = low + (low == 0 ? 1 : std::fabs(low) * 0.1);
  const double raw = (high - low) / 5;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  double step = power * 10;
  for (const double nice : {1.0, 2.0, 2.5, 5.0}) {
    if (nice * power >= raw) {
      step = nice * power;
      break;
    }
  }
  return {
      .low = std::floor(low / step) * step, .high = std::ceil(high / step) * step, .step = step};
}

double Scale(double v, const Axis& axis, double from, double to) {
  return from + (v - axis.low) / (axis.high - axis.low) * (to - from);
}

std::string Base64(const Bytes& bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const uint32_t a = bytes[i], b = i + 1 < bytes.size() ? bytes[i + 1] : 0U,
                   c = i + 2 < bytes.size() ? bytes[i + 2] : 0U;
    const uint32_t word = a << 16 | b << 8 | c;
    text += kDigits[word >> 18 & 63];
    text += kDigits[word >> 12 & 63];
    text += i + 1 < bytes.size() ? kDigits[word >> 6 & 63] : '=';
    text += i + 2 < bytes.size() ? kDigits[word & 63] : '=';
  }
  return text;
}

}  // namespace

std::string Escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string ToSvg(const Chart& chart) {
  double x_low = 1e300, x_high = -1e300, y_low = 1e300, y_high = -1e300;
  for (const Line& line : chart.lines) {
    for (const auto& [x, y] : line.points) {
      x_low = std::min(x_low, x), x_high = std::max(x_high, x);
      y_low = std::min(y_low, y), y_high = std::max(y_high, y);
    }
  }
  if (x_low > x_high) x_low = 0, x_high = 1, y_low = 0, y_high = 1;
  const Axis xs = MakeAxis(x_low, x_high), ys = MakeAxis(y_low, y_high);
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\"><text x=\"{}\" y=\"18\" class=\"title\">{}</text>",
      kWidth, kHeight, kLeft, Escape(chart.title));
  for (double y = ys.low; y <= ys.high + ys.step / 2; y += ys.step) {
    const double at = Scale(y, ys, kHeight - kBottom, kTop);
    svg += fmt::format("<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" class=\"grid\"/>",
                       kLeft, kWidth - kRight, at, at);
    const std::string label =
        chart.percent ? fmt::format("{:.4g} %", y * 100) : fmt::format("{:.4g}", y);
    svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\" class=\"tick\" text-anchor=\"end\">{}</text>",
                       kLeft - 6, at + 3.5, label);
  }
  for (double x = xs.low; x <= xs.high + xs.step / 2; x += xs.step) {
    svg += fmt::format(
        "<text x=\"{:.1f}\" y=\"{}\" class=\"tick\" text-anchor=\"middle\">{:.4g}</text>",
        Scale(x, xs, kLeft, kWidth - kRight), kHeight - kBottom + 15, x);
  }
  svg += fmt::format("<text x=\"{}\" y=\"{}\" class=\"tick\" text-anchor=\"end\">{}</text>",
                     kWidth - kRight, kHeight - 6, Escape(chart.x_title));
  double legend = kWidth - kRight;
  for (auto line = chart.lines.rbegin(); line != chart.lines.rend(); ++line) {
    std::string points;
    for (const auto& [x, y] : line->points)
      points += fmt::format("{:.1f},{:.1f} ", Scale(x, xs, kLeft, kWidth - kRight),
                            Scale(y, ys, kHeight - kBottom, kTop));
    svg += fmt::format(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" "
        "stroke-linejoin=\"round\"/>",
        points, line->colour);
    for (const auto& [x, y] : line->points)
      svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.4\" fill=\"{}\"/>",
                         Scale(x, xs, kLeft, kWidth - kRight),
                         Scale(y, ys, kHeight - kBottom, kTop), line->colour);
    svg += fmt::format(
        "<text x=\"{}\" y=\"18\" class=\"tick\" text-anchor=\"end\" style=\"fill:{}\">{}</text>",
        legend, line->colour, Escape(line->name));
    legend -= 14 + 6.2 * static_cast<double>(line->name.size());
  }
  return svg + "</svg>";
}

std::string PngDataUri(const image::Image& image) {
  const Result<Bytes> png = image::EncodePng(image);
  return png.ok() ? "data:image/png;base64," + Base64(*png) : "data:,";
}

const char* const kReportStyle = R"(
:root{--ink:#0f172a;--soft:#64748b;--line:#e2e8f0;--paper:#fff;--wash:#f8fafc;--accent:#2563eb}
@media(prefers-color-scheme:dark){:root{--ink:#e2e8f0;--soft:#94a3b8;--line:#334155;
--paper:#0f172a;--wash:#1e293b;--accent:#60a5fa}}
*{box-sizing:border-box}
body{margin:0;background:var(--wash);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1020px;margin:0 auto;padding:32px 20px 64px}h1{font-size:26px;margin:0}
h2{font-size:17px;margin:0 0 12px}
.sub{color:var(--soft);margin:2px 0 22px}
section{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:18px 20px;
margin:0 0 18px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;
margin-bottom:18px}
.tile{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:12px 16px}
.tile b{display:block;font-size:23px}.tile span{color:var(--soft);font-size:13px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(380px,1fr));gap:16px}
svg{width:100%;height:auto}
svg .title{font-size:13px;font-weight:600;fill:var(--ink)}
svg .tick{font-size:11px;fill:var(--soft)}svg .grid{stroke:var(--line)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13.5px}
th,td{padding:5px 9px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--soft);font-weight:600}
th:first-child,td:first-child{text-align:left}tr.total td{font-weight:700;border-bottom:0}
table.confusion td{text-align:center;border:1px solid var(--paper)}
.mistakes{display:grid;grid-template-columns:repeat(auto-fill,minmax(104px,1fr));gap:12px}
.mistakes figure{margin:0;font-size:12px;line-height:1.35}
.mistakes img{width:100%;image-rendering:pixelated;border-radius:6px;border:1px solid var(--line)}
.mistakes i{color:var(--soft);font-style:normal}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0}dt{color:var(--soft)}
dd{margin:0}
)";

}  // namespace bluestem::train
