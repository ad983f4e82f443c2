// Pieces of SVG for reports: line charts, pictures as data URIs. Page style: base/html.h.
// Threads: free functions without state.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bluestem/base/html.h"
#include "bluestem/image/image.h"

namespace bluestem::train {

struct Line {
  std::string name;
  std::string colour;  // "#2563eb"
  std::vector<std::pair<double, double>> points;
};
struct Chart {
  std::string title;
  std::string x_title;
  bool percent = false;  // y is a share and is labelled in %
  std::vector<Line> lines;
};
// Returns an <svg> of 460 x 260 that scales with the page.
std::string ToSvg(const Chart& chart);

// Returns "data:image/png;base64,...".
std::string PngDataUri(const image::Image& image);

}  // namespace bluestem::train
