#include "bluestem/image/draw.h"

#include <algorithm>
#include <cstring>

#include "bluestem/base/check.h"
#include "bluestem/image/font.h"

namespace bluestem::image {
namespace {

// The characters of UTF-8 text; a broken sequence is one unknown character a byte.
std::vector<char32_t> Characters(std::string_view text) {
  std::vector<char32_t> characters;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    characters.push_back(lead < 0x80 ? static_cast<char32_t>(lead) : U'\uFFFD');
    i += std::min(length, text.size() - i);
  }
  return characters;
}

}  // namespace

Image Canvas(int32_t height, int32_t width, Colour colour) {
  Image image{height, width, 3, {}};
  image.pixels.resize(static_cast<size_t>(height) * static_cast<size_t>(width) * 3);
  FillBox(image, {0, 0, height, width}, colour);
  return image;
}

void FillBox(Image& target, const Box& box, Colour colour) {
  BLUESTEM_CHECK(target.channels == 3, "drawing needs RGB");
  const int32_t top = std::max(box.top, 0);
  const int32_t bottom = std::min(box.top + box.height, target.height);
  const int32_t left = std::max(box.left, 0);
  const int32_t right = std::min(box.left + box.width, target.width);
  if (top >= bottom || left >= right) return;
  const size_t stride = static_cast<size_t>(target.width) * 3;
  const size_t bytes = static_cast<size_t>(right - left) * 3;
  uint8_t* first = target.pixels.data() + static_cast<size_t>(top) * stride + left * size_t{3};
  for (size_t i = 0; i < bytes; i += 3) {
    first[i] = colour.red;
    first[i + 1] = colour.green;
    first[i + 2] = colour.blue;
  }
  for (int32_t y = top + 1; y < bottom; ++y) {
    std::memcpy(first + static_cast<size_t>(y - top) * stride, first, bytes);
  }
}

void OutlineBox(Image& target, const Box& box, Colour colour) {
  FillBox(target, {box.top, box.left, 1, box.width}, colour);
  FillBox(target, {box.top + box.height - 1, box.left, 1, box.width}, colour);
  FillBox(target, {box.top, box.left, box.height, 1}, colour);
  FillBox(target, {box.top, box.left + box.width - 1, box.height, 1}, colour);
}

void DrawText(Image& target, std::string_view text, const TextStyle& style) {
  int32_t left = style.left;
  for (const char32_t character : Characters(text)) {
    const Glyph& glyph = GlyphOf(character);
    for (int32_t row = 0; row < kGlyphHeight; ++row) {
      for (int32_t column = 0; column < kGlyphWidth - 1; ++column) {
        if ((glyph[static_cast<size_t>(row)] >> (kGlyphWidth - 2 - column) & 1) == 0) continue;
        FillBox(
            target,
            {style.top + row * style.scale, left + column * style.scale, style.scale, style.scale},
            style.colour);
      }
    }
    left += kGlyphWidth * style.scale;
  }
}

int32_t TextWidth(std::string_view text, int32_t scale) {
  const auto count = static_cast<int32_t>(Characters(text).size());
  return count == 0 ? 0 : (count * kGlyphWidth - 1) * scale;
}

std::string FitText(std::string_view text, int32_t width, int32_t scale) {
  if (TextWidth(text, scale) <= width) return std::string(text);
  std::string shortened(text);
  while (!shortened.empty() && TextWidth(shortened + "..", scale) > width) {
    do {  // a whole character
      const bool continuation = (static_cast<unsigned char>(shortened.back()) & 0xc0) == 0x80;
      shortened.pop_back();
      if (!continuation) break;
    } while (!shortened.empty());
  }
  return shortened + "..";
}

void Paste(Image& target, const Image& source, int32_t top, int32_t left) {
  const Image rgb = ToChannels(source, 3);
  for (int32_t y = std::max(0, -top); y < std::min(rgb.height, target.height - top); ++y) {
    const int32_t first = std::max(0, -left);
    const int32_t last = std::min(rgb.width, target.width - left);
    if (first >= last) return;
    const auto from = rgb.pixels.begin() + (int64_t{y} * rgb.width + first) * 3;
    std::copy(from, from + int64_t{last - first} * 3,
              target.pixels.begin() + (int64_t{y + top} * target.width + left + first) * 3);
  }
}

Image Enlarge(const Image& image, int32_t factor) {
  return Resize(image, image.height * factor, image.width * factor, ResizeMethod::kNearest);
}

Image Reduce(const Image& image, int32_t side) {
  const int32_t longer = std::max(image.height, image.width);
  BLUESTEM_CHECK(side >= 1 && side <= longer, "a reduction enlarges nothing");
  const auto scaled = [&](int32_t extent) {
    return std::max(1, static_cast<int32_t>(int64_t{extent} * side / longer));
  };
  return Resize(image, scaled(image.height), scaled(image.width), ResizeMethod::kArea);
}

}  // namespace bluestem::image
