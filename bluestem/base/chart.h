// Charts for reports, as SVG that takes its colours from kReportStyle (base/html.h).
//
//   ToSvg({.title = "Accuracy", .x_title = "epoch", .percent = true, .lines = {training}})
//
// Threads: free functions without state.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bluestem {

struct Line {
  std::string name;    // for the legend; "" is not in it
  std::string colour;  // "#2563eb"
  std::vector<std::pair<double, double>> points;
  bool joined = true;               // false: points alone
  double bar_width = 0;             // above 0: bars from 0 up to the points, so wide in x
  bool dashed = false;              // joined, and without points unless there is one alone
  double opacity = 1;               // 0..1
  std::vector<std::string> labels;  // stand beside the points; none, or one a point
  std::vector<std::string> notes;   // shown where the mouse rests on a point; none, or one a point
};

struct Tick {
  double at = 0;
  std::string label;
};

struct Chart {
  std::string title;
  std::string x_title;
  bool percent = false;       // y is a share and is labelled in %
  bool log_x = false;         // needs every x above 0
  bool log_y = false;         // needs every y above 0, and no bars
  bool whole_x = false;       // x counts something: ticks are whole numbers
  std::vector<Tick> x_ticks;  // empty: about five round ones, or the decades of a log axis
  std::vector<Line> lines;
};

// Returns an <svg> of 460 x 260 that scales with the page; it is higher by 16 for each row of names
// that do not fit beside the title. Later lines lie over earlier ones.
std::string ToSvg(const Chart& chart);

}  // namespace bluestem
