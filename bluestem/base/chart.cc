#include "bluestem/base/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bluestem/base/html.h"

namespace bluestem {
namespace {

constexpr double kWidth = 460, kHeight = 260, kLeft = 60, kRight = 14, kTop = 34, kBottom = 38;

struct Axis {
  double low = 0;
  double high = 1;
  double step = 0.2;
  bool log = false;
};

// About five round ticks over [low, high]; whole numbers where `whole`.
Axis RoundAxis(double low, double high, bool whole) {
  if (!(high > low)) high = low + (low == 0 || whole ? 1 : std::fabs(low) * 0.1);
  const double raw = (high - low) / 5;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  double step = power * 10;
  for (const double nice : {1.0, 2.0, 2.5, 5.0}) {
    if (nice * power >= raw) {
      step = nice * power;
      break;
    }
  }
  if (whole) step = std::max(1.0, std::ceil(step));
  return {
      .low = std::floor(low / step) * step, .high = std::ceil(high / step) * step, .step = step};
}

// As wide as the points, and a little more, so that none lies on the edge.
Axis TightAxis(double low, double high, bool log) {
  constexpr double kMargin = 0.06, kLinearMargin = 0.2;  // named ticks are wide
  if (log) {
    const double share = std::pow(high > low ? high / low : 10.0, kMargin);
    return {.low = low / share, .high = high * share, .log = true};
  }
  const double margin = high > low ? (high - low) * kLinearMargin : 0.5;
  return {.low = low - margin, .high = high + margin};
}

double Scale(double v, const Axis& axis, double from, double to) {
  const auto place = [&](double x) { return axis.log ? std::log(x) : x; };
  return from + (place(v) - place(axis.low)) / (place(axis.high) - place(axis.low)) * (to - from);
}

double AtX(double x, const Axis& axis) {
  return Scale(x, axis, kLeft, kWidth - kRight);
}
double AtY(double y, const Axis& axis) {
  return Scale(y, axis, kHeight - kBottom, kTop);
}

// 1, 2 and 5 times the powers of ten within the axis; the powers alone where those are many.
std::vector<Tick> LogTicks(const Axis& axis) {
  std::vector<Tick> ticks;
  const bool wide = axis.high / axis.low > 300;
  for (double power = std::pow(10.0, std::floor(std::log10(axis.low))); power <= axis.high;
       power *= 10) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double x = digit * power;
      if ((digit == 1 || !wide) && x >= axis.low && x <= axis.high)
        ticks.push_back({x, fmt::format("{:.6g}", x)});
    }
  }
  return ticks;
}

std::vector<Tick> RoundTicks(const Axis& axis, bool percent) {
  std::vector<Tick> ticks;
  for (double v = axis.low; v <= axis.high + axis.step / 2; v += axis.step)
    ticks.push_back({v, percent ? fmt::format("{:.4g} %", v * 100) : fmt::format("{:.4g}", v)});
  return ticks;
}

std::string Grid(const Chart& chart, const std::vector<Tick>& x_ticks, const Axis& xs,
                 const Axis& ys) {
  std::string svg;
  for (const Tick& tick : chart.log_y ? LogTicks(ys) : RoundTicks(ys, chart.percent)) {
    const double at = AtY(tick.at, ys);
    svg += fmt::format("<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" class=\"grid\"/>",
                       kLeft, kWidth - kRight, at, at);
    svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\" class=\"tick\" text-anchor=\"end\">{}</text>",
                       kLeft - 6, at + 3.5, tick.label);
  }
  for (const Tick& tick : x_ticks) {
    svg +=
        fmt::format("<text x=\"{:.1f}\" y=\"{}\" class=\"tick\" text-anchor=\"middle\">{}</text>",
                    AtX(tick.at, xs), kHeight - kBottom + 15, EscapeHtml(tick.label));
  }
  return svg + fmt::format("<text x=\"{}\" y=\"{}\" class=\"tick\" text-anchor=\"end\">{}</text>",
                           kWidth - kRight, kHeight - 6, EscapeHtml(chart.x_title));
}

std::string Note(const Line& line, size_t i) {
  return i < line.notes.size() ? "<title>" + EscapeHtml(line.notes[i]) + "</title>" : "";
}

std::string Bars(const Line& line, const Axis& xs, const Axis& ys) {
  std::string svg;
  for (size_t i = 0; i < line.points.size(); ++i) {
    const auto& [x, y] = line.points[i];
    const double left = AtX(x - line.bar_width / 2, xs), right = AtX(x + line.bar_width / 2, xs);
    svg += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\">{}</rect>",
        left + 0.5, AtY(y, ys), right - left - 1, AtY(0, ys) - AtY(y, ys), line.colour,
        Note(line, i));
  }
  return svg;
}

std::string Marks(const Line& line, const Axis& xs, const Axis& ys) {
  std::string svg;
  if (line.joined) {
    std::string points;
    for (const auto& [x, y] : line.points)
      points += fmt::format("{:.1f},{:.1f} ", AtX(x, xs), AtY(y, ys));
    svg += fmt::format(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" "
        "stroke-linejoin=\"round\"{}/>",
        points, line.colour, line.dashed ? " stroke-dasharray=\"5 4\"" : "");
    if (line.dashed && line.points.size() > 1) return svg;
  }
  for (size_t i = 0; i < line.points.size(); ++i) {
    const auto& [x, y] = line.points[i];
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\">{}</circle>",
                       AtX(x, xs), AtY(y, ys), line.joined ? 2.4 : 4.0, line.colour, Note(line, i));
    if (i >= line.labels.size()) continue;
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"tick\">{}</text>", AtX(x, xs) + 6,
                       AtY(y, ys) + 13, EscapeHtml(line.labels[i]));
  }
  return svg;
}

std::string Drawn(const Line& line, const Axis& xs, const Axis& ys) {
  const std::string svg = line.bar_width > 0 ? Bars(line, xs, ys) : Marks(line, xs, ys);
  return line.opacity == 1 ? svg : fmt::format("<g opacity=\"{:.2f}\">{}</g>", line.opacity, svg);
}

double NameWidth(const std::string& name) {
  return 14 + 6.2 * static_cast<double>(name.size());
}

// The names, in their colours: from the right beside the title where they fit, else in rows below
// it.
struct Legend {
  std::string svg;
  double height = 0;  // of the rows
};

Legend LegendOf(const Chart& chart) {
  constexpr double kRow = 16, kTitleLetter = 7.2;
  Legend legend;
  double all = 0;
  for (const Line& line : chart.lines) all += line.name.empty() ? 0 : NameWidth(line.name);
  const auto title = static_cast<double>(chart.title.size()) * kTitleLetter;
  const bool beside = title + all <= kWidth - kLeft - kRight;
  double left = beside ? kWidth - kRight - all : kWidth;
  for (const Line& line : chart.lines) {
    if (line.name.empty()) continue;
    if (!beside && left + NameWidth(line.name) > kWidth) left = kLeft, legend.height += kRow;
    legend.svg +=
        fmt::format("<text x=\"{:.1f}\" y=\"{}\" class=\"tick\"{} style=\"fill:{}\">{}</text>",
                    beside ? left + NameWidth(line.name) : left, 18 + legend.height,
                    beside ? " text-anchor=\"end\"" : "", line.colour, EscapeHtml(line.name));
    left += NameWidth(line.name);
  }
  return legend;
}

}  // namespace

std::string ToSvg(const Chart& chart) {
  double x_low = 1e300, x_high = -1e300, y_low = 1e300, y_high = -1e300;
  for (const Line& line : chart.lines) {
    for (const auto& [x, y] : line.points) {
      x_low = std::min(x_low, x), x_high = std::max(x_high, x);
      y_low = std::min({y_low, y, line.bar_width > 0 ? 0 : y}), y_high = std::max(y_high, y);
    }
  }
  if (x_low > x_high) {
    x_low = chart.log_x ? 0.1 : 0, x_high = 1;
    y_low = chart.log_y ? 0.1 : 0, y_high = 1;
  }
  for (const Tick& tick : chart.x_ticks)
    x_low = std::min(x_low, tick.at), x_high = std::max(x_high, tick.at);
  const bool round = !chart.log_x && chart.x_ticks.empty();
  const Axis xs =
      round ? RoundAxis(x_low, x_high, chart.whole_x) : TightAxis(x_low, x_high, chart.log_x);
  const Axis ys = chart.log_y ? TightAxis(y_low, y_high, true) : RoundAxis(y_low, y_high, false);
  const std::vector<Tick> x_ticks = !chart.x_ticks.empty() ? chart.x_ticks
                                    : round                ? RoundTicks(xs, false)
                                                           : LogTicks(xs);
  const Legend legend = LegendOf(chart);
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\"><text x=\"{}\" y=\"18\" class=\"title\">{}</text>{}",
      kWidth, kHeight + legend.height, kLeft, EscapeHtml(chart.title), legend.svg);
  if (legend.height > 0) svg += fmt::format("<g transform=\"translate(0 {})\">", legend.height);
  svg += Grid(chart, x_ticks, xs, ys);
  for (const Line& line : chart.lines) svg += Drawn(line, xs, ys);
  return svg + (legend.height > 0 ? "</g></svg>" : "</svg>");
}

}  // namespace bluestem
