// Drawing on an Image: rectangles, text in a small bitmap font, pasted pictures. For contact sheets
// and annotated pictures; not a graphics library: no antialiasing, no blending.
//
// Threads: free functions on the caller's image. What falls outside the image is cut off.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bluestem/image/image.h"

namespace bluestem::image {

struct Colour {
  uint8_t red = 0;
  uint8_t green = 0;
  uint8_t blue = 0;
};

struct Box {
  int32_t top = 0;
  int32_t left = 0;
  int32_t height = 0;
  int32_t width = 0;
};

// A character's cell in font pixels: 5 x 8 of ink and a column between characters.
constexpr int32_t kGlyphWidth = 6;
constexpr int32_t kGlyphHeight = 8;

// Returns an RGB image of one colour.
Image Canvas(int32_t height, int32_t width, Colour colour);

void FillBox(Image& target, const Box& box, Colour colour);
// Lines of one pixel along the inside of `box`.
void OutlineBox(Image& target, const Box& box, Colour colour);

// Where text stands and how: the top left corner of its first cell, and pixels a font pixel.
struct TextStyle {
  int32_t top = 0;
  int32_t left = 0;
  Colour colour;
  int32_t scale = 1;
};

// Draws one line of UTF-8: printable ASCII has glyphs, every other character is a hollow box.
void DrawText(Image& target, std::string_view text, const TextStyle& style);
// Returns the width in pixels of `text` at `scale`.
int32_t TextWidth(std::string_view text, int32_t scale);
// Returns `text`, shortened with ".." until it fits `width` pixels.
std::string FitText(std::string_view text, int32_t width, int32_t scale);

// Copies `source` (grey or RGB) with its corner at top, left. Requires: `target` is RGB.
void Paste(Image& target, const Image& source, int32_t top, int32_t left);

// Returns `image` with every pixel repeated factor x factor times. Requires: factor >= 1.
Image Enlarge(const Image& image, int32_t factor);
// Returns `image` reduced by area so that its longer side is `side`. Requires: the longer side is
// no less.
Image Reduce(const Image& image, int32_t side);

}  // namespace bluestem::image
