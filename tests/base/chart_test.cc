#include "bluestem/base/chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bluestem {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The x of each circle, in order; or its y.
std::vector<double> Circles(const std::string& svg, const char* attribute = "cx=\"") {
  std::vector<double> xs;
  for (size_t at = svg.find(attribute); at != std::string::npos; at = svg.find(attribute, at + 1))
    xs.push_back(std::stod(svg.substr(at + 4)));
  return xs;
}

TEST(Chart, EscapesWhatOthersNamed) {
  const std::string svg = ToSvg(
      {.title = "a<b",
       .x_title = "x&y",
       .x_ticks = {{1, "<i>"}},
       .lines = {{.name = "n\"", .colour = "#2563eb", .points = {{1, 2}}, .notes = {"<note>"}}}});
  for (const char* text : {"a&lt;b", "x&amp;y", "&lt;i&gt;", "n&quot;", "&lt;note&gt;"})
    EXPECT_THAT(svg, HasSubstr(text));
}

TEST(Chart, ALogAxisPutsEqualRatiosAtEqualDistances) {
  const std::vector<double> xs = Circles(
      ToSvg({.title = "t", .log_x = true, .lines = {{"", "#000", {{0.01, 0}, {0.1, 1}, {1, 0}}}}}));
  ASSERT_EQ(xs.size(), 3u);
  EXPECT_NEAR(xs[1] - xs[0], xs[2] - xs[1], 0.11);  // written with one decimal
}

TEST(Chart, OnTwoLogAxesAProportionIsAStraightLine) {
  const std::string svg = ToSvg({.title = "t",
                                 .log_x = true,
                                 .log_y = true,
                                 .lines = {{.colour = "#000",
                                            .points = {{1, 8}, {10, 80}, {100, 800}},
                                            .labels = {"", "<ten>", ""}}}});
  const std::vector<double> xs = Circles(svg), ys = Circles(svg, "cy=\"");
  ASSERT_EQ(ys.size(), 3u);
  EXPECT_NEAR((ys[1] - ys[0]) / (xs[1] - xs[0]), (ys[2] - ys[1]) / (xs[2] - xs[1]), 0.01);
  EXPECT_THAT(svg, HasSubstr(">100</text>"));  // a decade of y
  EXPECT_THAT(svg, HasSubstr(">&lt;ten&gt;</text>"));
}

TEST(Chart, ADashedLineHasDashesAndNoPointsUnlessThereIsOneAlone) {
  const Line line{.name = "other", .colour = "#000", .points = {{1, 1}, {2, 2}}, .dashed = true};
  const std::string svg = ToSvg({.title = "t", .lines = {line}});
  EXPECT_THAT(svg, HasSubstr("stroke-dasharray"));
  EXPECT_THAT(svg, HasSubstr(">other</text>"));
  EXPECT_THAT(svg, Not(HasSubstr("<circle")));
  const Line point{.colour = "#000", .points = {{1, 1}}, .dashed = true};
  EXPECT_THAT(ToSvg({.title = "t", .lines = {point}}), HasSubstr("<circle"));
  const Line plain{.colour = "#000", .points = {{1, 1}, {2, 2}}};
  EXPECT_THAT(ToSvg({.title = "t", .lines = {plain}}), Not(HasSubstr("stroke-dasharray")));
}

TEST(Chart, PointsThatAreNotJoinedHaveNoLine) {
  const Line points{.colour = "#000", .points = {{1, 1}, {2, 2}}, .joined = false};
  EXPECT_THAT(ToSvg({.title = "t", .lines = {points}}), Not(HasSubstr("polyline")));
}

TEST(Chart, BarsStandOnZero) {
  const Line bars{.colour = "#000", .points = {{0.5, 0.9}, {1.5, 0.8}}, .bar_width = 1};
  const std::string svg = ToSvg({.title = "t", .lines = {bars}});
  EXPECT_THAT(svg, HasSubstr("<rect"));
  EXPECT_THAT(svg, HasSubstr(">0</text>"));
  EXPECT_THAT(svg, Not(HasSubstr("<circle")));
}

TEST(Chart, WhatCountsHasWholeTicks) {
  for (const double last : {1.0, 2.0, 3.0}) {
    const std::string svg =
        ToSvg({.title = "t", .whole_x = true, .lines = {{"", "#000", {{1, 0}, {last, 1}}}}});
    const std::string axis = svg.substr(0, svg.find("circle"));
    EXPECT_THAT(axis, HasSubstr(">1</text>"));
    EXPECT_THAT(axis, Not(HasSubstr(">1.")));
    EXPECT_THAT(axis, Not(HasSubstr(">2.5")));
  }
}

TEST(Chart, NamesThatDoNotFitBesideTheTitleStandInRowsBelowIt) {
  const auto chart = [](int names) {
    Chart chart{.title = "Sensitivity"};
    for (int i = 0; i < names; ++i)
      chart.lines.push_back({"Atelectasis", "#000", {{0, 0}, {1, 1}}});
    return ToSvg(chart);
  };
  EXPECT_THAT(chart(2), HasSubstr("viewBox=\"0 0 460 260\""));
  EXPECT_THAT(chart(2), Not(HasSubstr("translate")));
  EXPECT_THAT(chart(4), HasSubstr("viewBox=\"0 0 460 276\""));
  const std::string wide = chart(6);  // two rows of names, and the axes below them
  EXPECT_THAT(wide, HasSubstr("viewBox=\"0 0 460 292\""));
  EXPECT_THAT(wide, HasSubstr("<g transform=\"translate(0 32)\">"));
  EXPECT_THAT(wide, HasSubstr("y=\"34\" class=\"tick\""));
  EXPECT_THAT(wide, HasSubstr("y=\"50\" class=\"tick\""));
}

TEST(Chart, NothingToDrawIsStillAPicture) {
  for (const bool log : {false, true}) {
    const std::string svg = ToSvg({.title = "t", .log_x = log});
    EXPECT_THAT(svg, HasSubstr("</svg>"));
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
  }
}

TEST(Chart, OneXOnALogAxisIsFinite) {
  const std::string svg =
      ToSvg({.title = "t", .log_x = true, .lines = {{"", "#000", {{3, 1}, {3, 2}}}}});
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

}  // namespace
}  // namespace bluestem
