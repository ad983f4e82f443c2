// The glyphs behind DrawText. Not for other modules.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bluestem::image {

// Eight rows from the top, the last for descenders; five columns, bit 4 the leftmost.
using Glyph = std::array<uint8_t, 8>;

// Returns the glyph of a printable ASCII character (32..126), else a hollow box.
const Glyph& GlyphOf(char32_t character);

}  // namespace bluestem::image
