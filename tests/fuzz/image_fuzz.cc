// Any bytes as a picture: a Status, or pixels that fill the size and can be resized.
#include <cstdint>

#include "bluestem/base/check.h"
#include "bluestem/image/image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using bluestem::image::Image;
  using bluestem::image::ResizeMethod;
  const auto image = bluestem::image::Decode(bluestem::Bytes(data, data + size), "fuzz");
  if (!image.ok()) return 0;
  const int64_t count = int64_t{image->height} * image->width;
  BLUESTEM_CHECK(count > 0 && count <= bluestem::image::kMaxPixels, "a size within bounds");
  BLUESTEM_CHECK(static_cast<int64_t>(image->pixels.size()) == count * image->channels,
                 "pixels fill the size");
  BLUESTEM_CHECK(image->channels == 1 || image->channels == 3, "grey or RGB");
  for (const auto method : {ResizeMethod::kNearest, ResizeMethod::kBilinear, ResizeMethod::kArea}) {
    const Image small = bluestem::image::Resize(*image, 9, 5, method);
    BLUESTEM_CHECK(small.pixels.size() == 45u * static_cast<size_t>(image->channels),
                   "resized pixels fill the size");
  }
  return 0;
}
