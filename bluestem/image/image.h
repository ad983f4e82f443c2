// Image: 8-bit pixels, rows top to bottom, channels interleaved. Decoding, encoding, resizing and
// preprocessing. Not a picture library: drawing is image/draw.h, augmentation is data/augment.h.
//
// Threads: free functions without state. Ownership: an Image owns its pixels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bluestem/base/file.h"
#include "bluestem/base/status.h"
#include "bluestem/image/spec.h"
#include "bluestem/tensor/tensor.h"

namespace bluestem::image {

constexpr int64_t kMaxPixels = int64_t{1} << 26;  // height x width of a picture that is decoded

struct Image {
  int32_t height = 0;
  int32_t width = 0;
  int32_t channels = 0;         // 1 or 3
  std::vector<uint8_t> pixels;  // [height, width, channels]
  bool operator==(const Image&) const = default;
};

// Decodes JPEG (libjpeg-turbo) or PNG (libpng), told apart by their first bytes. Palette, alpha and
// 16 bits become 8-bit grey or RGB (alpha over white); CMYK becomes RGB; Exif rotation and gamma
// are not applied. `name` is for messages.
// Errors: kInvalidData for truncated or lying files, other formats, and more than kMaxPixels: a
// header that claims more pixels than the file's bytes can code is refused before any allocation.
Result<Image> Decode(const Bytes& bytes, const std::string& name);
Result<Image> DecodeFile(const Path& path);

// Encodes as PNG. Requires: a non-empty image. Errors: kInternal when libpng fails.
Result<Bytes> EncodePng(const Image& image);

// Returns `image` at height x width. Per axis, with `in` source and `out` target pixels, target i:
//   kNearest   takes source floor((2i + 1) in / (2 out)).
//   kBilinear  half-pixel centres, edges clamped, no antialiasing: p = (2i + 1) in - out, left
//              neighbour floor(p / (2 out)), weight of the right one
//              w = floor((2048 (p mod 2 out) + out) / (2 out)) of 2048; a pixel is
//              (sum of value * wy * wx + 2^21) >> 22.
//   kArea      averages the box [i in, (i + 1) in) over sources [s out, (s + 1) out), weighted by
//              overlap; a pixel is floor((sum + n / 2) / n), n = in_h in_w.
// Exact: integers only, the same on every machine. Requires: positive sizes.
Image Resize(const Image& image, int32_t height, int32_t width, ResizeMethod method);

// Returns `image` with 1 or 3 channels. RGB to grey: (299 R + 587 G + 114 B + 500) / 1000.
Image ToChannels(const Image& image, int32_t channels);

// Returns the u8 pixels [height, width, channels] that `spec` asks for: channels converted, then
// resized.
Tensor ToPixels(const Image& image, const PreprocessSpec& spec);

// Returns the f32 tensor of `pixels` (u8 [h,w,c]) under `normalize`. Exact: f32(pixel) / 255.0f is
// one f32 division; the standardization sums integers and finishes in double, rounded once to f32.
Tensor NormalizePixels(const Tensor& pixels, Normalize normalize);

}  // namespace bluestem::image
