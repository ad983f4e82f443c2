#include "bluestem/image/draw.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "bluestem/image/font.h"

namespace bluestem::image {
namespace {

constexpr Colour kWhite = {255, 255, 255};

int64_t Ink(const Image& image) {
  return std::count(image.pixels.begin(), image.pixels.end(), 255) / 3;
}

TEST(Font, EveryPrintableCharacterHasAGlyphOfItsOwn) {
  std::set<Glyph> glyphs;
  for (char32_t c = U' '; c <= U'~'; ++c) glyphs.insert(GlyphOf(c));
  EXPECT_EQ(glyphs.size(), 95u);
  EXPECT_EQ(GlyphOf(U'\n'), GlyphOf(0xfffd));
  EXPECT_EQ(glyphs.count(GlyphOf(U'\n')), 0u);
}

TEST(DrawText, ScaleMultipliesTheInkAndBoundsAreTheWidth) {
  Image small = Canvas(20, 60, {});
  DrawText(small, "Ag", {0, 0, kWhite, 1});
  Image large = Canvas(40, 60, {});
  DrawText(large, "Ag", {0, 0, kWhite, 2});
  EXPECT_GT(Ink(small), 20);
  EXPECT_EQ(Ink(large), 4 * Ink(small));
  EXPECT_EQ(TextWidth("Ag", 2), 22);
  EXPECT_EQ(TextWidth("", 2), 0);
  EXPECT_EQ(TextWidth("\xc3\xa4", 1), 5);  // one character
}

TEST(DrawText, WhatFallsOutsideIsCutOff) {
  Image image = Canvas(4, 4, {});
  DrawText(image, "####", {-3, -3, kWhite, 1});
  DrawText(image, "####", {2, 2, kWhite, 3});
  FillBox(image, {-5, -5, 100, 100}, kWhite);
  EXPECT_EQ(Ink(image), 16);
}

TEST(FitText, ShortensWholeCharacters) {
  EXPECT_EQ(FitText("short", 100, 1), "short");
  const std::string fitted = FitText("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", 24, 1);
  EXPECT_EQ(fitted, "\xc3\xa4\xc3\xa4..");
  EXPECT_LE(TextWidth(fitted, 1), 24);
}

TEST(Paste, ClipsAndConverts) {
  Image image = Canvas(2, 2, {});
  Paste(image, Image{2, 2, 1, {1, 2, 3, 4}}, 1, -1);
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{0, 0, 0, 0, 0, 0, 2, 2, 2, 0, 0, 0}));
  Paste(image, Image{1, 1, 1, {9}}, 50, -50);
  EXPECT_EQ(image.pixels[6], 2);
}

TEST(Enlarge, RepeatsEachPixel) {
  EXPECT_EQ(Enlarge(Image{1, 2, 1, {1, 2}}, 2).pixels,
            (std::vector<uint8_t>{1, 1, 2, 2, 1, 1, 2, 2}));
}

TEST(Reduce, KeepsTheShapeAndNeverLosesASide) {
  const Image reduced = Reduce(Image{2, 4, 1, {10, 20, 30, 40, 30, 40, 50, 60}}, 2);
  EXPECT_EQ(reduced.height, 1);
  EXPECT_EQ(reduced.width, 2);
  EXPECT_EQ(reduced.pixels, (std::vector<uint8_t>{25, 45}));
  EXPECT_EQ(Reduce(Canvas(1, 100, {}), 10).height, 1);
}

}  // namespace
}  // namespace bluestem::image
