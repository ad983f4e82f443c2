// Pictures and files made in code, for the tests of image and data.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
// jpeglib.h needs size_t and FILE first.
#include <jpeglib.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "bluestem/base/rng.h"
#include "bluestem/image/image.h"

namespace bluestem::image {

inline Image RandomImage(int32_t height, int32_t width, int32_t channels, uint64_t seed) {
  Image image{height, width, channels, {}};
  Rng rng(seed);
  for (int64_t i = 0; i < int64_t{height} * width * channels; ++i) {
    image.pixels.push_back(static_cast<uint8_t>(rng.Below(256)));
  }
  return image;
}

// A slope in each channel, which JPEG keeps within a few steps.
inline Image SmoothImage(int32_t height, int32_t width, int32_t channels) {
  Image image{height, width, channels, {}};
  for (int32_t y = 0; y < height; ++y) {
    for (int32_t x = 0; x < width; ++x) {
      for (int32_t c = 0; c < channels; ++c) {
        image.pixels.push_back(
            static_cast<uint8_t>((y * 120 / height + x * 100 / width + c * 10) & 255));
      }
    }
  }
  return image;
}

struct JpegOptions {
  bool progressive = false;
  bool cmyk = false;  // then the image has 4 channels
};

inline Bytes EncodeJpeg(const Image& image, const JpegOptions& options = {}) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long size = 0;  // NOLINT: libjpeg's type
  jpeg_mem_dest(&info, &memory, &size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = image.channels;
  info.in_color_space = options.cmyk ? JCS_CMYK : image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 95, TRUE);
  if (options.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  const size_t stride = static_cast<size_t>(image.width) * static_cast<size_t>(image.channels);
  while (info.next_scanline < info.image_height) {
    auto* row = const_cast<JSAMPLE*>(image.pixels.data() + info.next_scanline * stride);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  Bytes bytes(memory, memory + size);
  std::free(memory);
  return bytes;
}

inline void AppendBig32(Bytes& bytes, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8)
    bytes.push_back(static_cast<uint8_t>(value >> shift));
}

// A PNG chunk with its length and checksum.
inline void AppendChunk(Bytes& bytes, const std::string& type, const Bytes& data) {
  AppendBig32(bytes, static_cast<uint32_t>(data.size()));
  const size_t begin = bytes.size();
  bytes.insert(bytes.end(), type.begin(), type.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  AppendBig32(bytes, static_cast<uint32_t>(
                         crc32(0, bytes.data() + begin, static_cast<uInt>(bytes.size() - begin))));
}

struct RawPng {
  uint32_t width = 0;
  uint32_t height = 0;
  uint8_t depth = 8;
  uint8_t colour_type = 2;  // 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA
  Bytes palette;
  Bytes transparency;
  Bytes rows;  // each with its filter byte
};

// A PNG with exactly these fields, true or not.
inline Bytes MakePng(const RawPng& raw) {
  Bytes bytes = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  Bytes header;
  AppendBig32(header, raw.width);
  AppendBig32(header, raw.height);
  header.insert(header.end(), {raw.depth, raw.colour_type, 0, 0, 0});
  AppendChunk(bytes, "IHDR", header);
  if (!raw.palette.empty()) AppendChunk(bytes, "PLTE", raw.palette);
  if (!raw.transparency.empty()) AppendChunk(bytes, "tRNS", raw.transparency);
  uLongf size = compressBound(raw.rows.size());
  Bytes packed(size);
  compress(packed.data(), &size, raw.rows.data(), raw.rows.size());
  packed.resize(size);
  AppendChunk(bytes, "IDAT", packed);
  AppendChunk(bytes, "IEND", {});
  return bytes;
}

}  // namespace bluestem::image
