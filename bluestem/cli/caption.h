// A picture with lines of text under it, as `bluestem run` writes. Latin letters (drawn as
// capitals), digits and common signs; not a font engine.
//
// Threads: free functions without state.
#pragma once

#include <string>
#include <vector>

#include "bluestem/image/image.h"

namespace bluestem::cli {

// Returns `image` as RGB, enlarged by a whole factor until it is at least 256 pixels wide, with
// `lines` on a dark strip under it. The text is as large as fits its width; a character without a
// glyph is a box.
image::Image WithCaption(const image::Image& image, const std::vector<std::string>& lines);

}  // namespace bluestem::cli
