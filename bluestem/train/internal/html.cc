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
      kWidth, kHeight, kLeft, EscapeHtml(chart.title));
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
                     kWidth - kRight, kHeight - 6, EscapeHtml(chart.x_title));
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
        legend, line->colour, EscapeHtml(line->name));
    legend -= 14 + 6.2 * static_cast<double>(line->name.size());
  }
  return svg + "</svg>";
}

std::string PngDataUri(const image::Image& image) {
  const Result<Bytes> png = image::EncodePng(image);
  return png.ok() ? "data:image/png;base64," + Base64(*png) : "data:,";
}

}  // namespace bluestem::train
