// Image: 8-bit pixels, rows top to bottom, channels interleaved. Decoding, encoding, resizing and
// preprocessing.
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

struct Image {
  int32_t height = 0;
  int32_t width = 0;
  int32_t channels = 0;         // 1 or 3
  std::vector<uint8_t> pixels;  // [height, width, channels]
};

// Decodes JPEG (libjpeg-turbo) or PNG (libpng), told apart by their first bytes. Palette, alpha and
// 16 bits become 8-bit grey or RGB (alpha over white). `name` is for messages. Errors: kInvalidData
// for truncated or lying files, other formats, and more than 2^26 pixels: no allocation follows a
// lying header.
Result<Image> Decode(const Bytes& bytes, const std::string& name);
Result<Image> DecodeFile(const Path& path);

// Encodes as PNG.
Result<Bytes> EncodePng(const Image& image);

// Returns `image` at height x width. kNearest: source pixel floor((i + 0.5) * in / out). kBilinear:
// half-pixel centres, edges clamped, no antialiasing, fixed point (exact on every machine). kArea:
// box average with exact integer weights.
Image Resize(const Image& image, int32_t height, int32_t width, ResizeMethod method);

// Returns `image` with 1 or 3 channels. RGB to grey: (299 R + 587 G + 114 B + 500) / 1000.
Image ToChannels(const Image& image, int32_t channels);

// Returns the u8 pixels [height, width, channels] that `spec` asks for: channels converted, then
// resized.
Tensor ToPixels(const Image& image, const PreprocessSpec& spec);

// Returns the f32 tensor of `pixels` (u8 [h,w,c]) under `normalize`. Exact: f32(pixel) / 255.0f is
// one f32 division; the standardization sums integers and finishes in double.
Tensor NormalizePixels(const Tensor& pixels, Normalize normalize);

}  // namespace bluestem::image
