// The two decoders behind image::Decode, one file each. Not for other modules.
#pragma once

#include <string>

#include "bluestem/image/image.h"

namespace bluestem::image {

// Requires: the bytes begin with the format's signature. Errors: kInvalidData without a place.
Result<Image> DecodeJpeg(const Bytes& bytes);
Result<Image> DecodePng(const Bytes& bytes);

// Refuses sizes above kMaxPixels. `largest` is how many pixels a file of this length can code.
// Errors: kInvalidData.
Status CheckSize(int64_t height, int64_t width, int64_t largest);

}  // namespace bluestem::image
