// Augmentation: random variants of a picture, as a pure function of (seed, epoch, index). Threads,
// batch size and order of calls change nothing; turning one kind on leaves the random numbers of
// the others.
//
// In this order, each when its setting is not off:
//   pad_crop    shift by dy, dx in -p..p; what comes in is the reflection without the edge pixel
//   flip        mirror left to right, with probability 1/2
//   rotate      about the centre by an angle in [-r, r] degrees; bilinear, reflected border
//   brightness  v * f,                       f in [1 - b, 1 + b]
//   contrast    m + (v - m) * f, m the picture's mean grey, f in [1 - c, 1 + c]
//   saturation  g + (v - g) * f, g the pixel's grey,        f in [1 - s, 1 + s]   (RGB)
//   hue         turn the hexcone hue by up to h turns either way                 (RGB)
//   cutout      a square of grey 128 around a random pixel, clipped to the picture
// Values are rounded and clipped to 0..255 after each.
//
// Threads: pure functions. Ownership: writes only to `out`.
#pragma once

#include <cstdint>

#include "bluestem/config/experiment.h"
#include "bluestem/image/image.h"

namespace bluestem::data {

struct AugmentKey {
  uint64_t seed = 0;
  uint64_t epoch = 0;
  uint64_t index = 0;  // of the sample in its dataset
};

// The random choices of one picture, already scaled. Zero values are "unchanged".
struct AugmentChoice {
  int32_t shift_y = 0;
  int32_t shift_x = 0;
  bool flip = false;
  double degrees = 0;
  double brightness = 1;
  double contrast = 1;
  double saturation = 1;
  double turns = 0;
  int32_t cutout = 0;  // side; 0: none
  int32_t cutout_y = 0;
  int32_t cutout_x = 0;
};

struct PictureSize {
  int32_t height = 0;
  int32_t width = 0;
  int32_t channels = 0;
};

// Returns what (config, key) chooses for a picture of this size.
AugmentChoice Choose(const config::AugmentationConfig& config, const AugmentKey& key,
                     const PictureSize& size);

// Applies `choice` to `in` (u8 [h,w,c]), giving `out` of the same shape. Requires: `in` and `out`
// do not overlap; |shift| < side; 1 or 3 channels.
void Apply(const AugmentChoice& choice, const PictureSize& size, const uint8_t* in, uint8_t* out);

// Choose and Apply on an Image.
image::Image Augment(const image::Image& image, const config::AugmentationConfig& config,
                     const AugmentKey& key);

}  // namespace bluestem::data
