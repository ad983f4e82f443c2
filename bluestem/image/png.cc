// libpng behind DecodePng and EncodePng. Its errors arrive by longjmp, so nothing with a destructor
// is made between setjmp and the call that may fail.
#include <png.h>

#include <cstdio>
#include <cstring>

#include "bluestem/image/codecs.h"

namespace bluestem::image {
namespace {

constexpr int64_t kDeflateRatio = 1032;  // zlib's greatest expansion; a pixel is at least one bit
constexpr png_alloc_size_t kMaxChunkBytes = png_alloc_size_t{1} << 23;
constexpr png_uint_32 kMaxCachedChunks = 128;
// The default level and the choice among all filters take 21 ms for an annotated picture of 512 x
// 442, most of what `bluestem run` takes; these take 6 ms for a quarter more bytes.
constexpr int kCompression = 1;

struct PngReader {
  const uint8_t* data;
  size_t size;
  size_t position;
  char message[200];
};

[[noreturn]] void OnError(png_structp png, png_const_charp message) {
  auto* reader = static_cast<PngReader*>(png_get_error_ptr(png));
  std::snprintf(reader->message, sizeof(reader->message), "%s", message);
  png_longjmp(png, 1);
}

void OnWarning(png_structp, png_const_charp) {}

void OnRead(png_structp png, png_bytep target, size_t count) {
  auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
  if (count > reader->size - reader->position) png_error(png, "the file ends too early");
  std::memcpy(target, reader->data + reader->position, count);
  reader->position += count;
}

void OnWrite(png_structp png, png_bytep data, size_t count) {
  auto* bytes = static_cast<Bytes*>(png_get_io_ptr(png));
  bytes->insert(bytes->end(), data, data + count);
}

void OnFlush(png_structp) {}

// Owns the two structs of a decoder.
struct PngDecoder {
  explicit PngDecoder(PngReader* reader)
      : png(png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, OnError, OnWarning)),
        info(png == nullptr ? nullptr : png_create_info_struct(png)) {}
  ~PngDecoder() { png_destroy_read_struct(&png, &info, nullptr); }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;
  png_structp png;
  png_infop info;
};

bool ReadHeader(PngDecoder& decoder, PngReader& reader) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  png_set_read_fn(decoder.png, &reader, OnRead);
  png_set_chunk_malloc_max(decoder.png, kMaxChunkBytes);
  png_set_chunk_cache_max(decoder.png, kMaxCachedChunks);
  png_set_user_limits(decoder.png, static_cast<png_uint_32>(kMaxPixels),
                      static_cast<png_uint_32>(kMaxPixels));
  png_read_info(decoder.png, decoder.info);
  return true;
}

// Asks libpng for 8-bit grey, grey + alpha, RGB or RGBA.
bool Prepare(PngDecoder& decoder) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  png_set_expand(decoder.png);
  png_set_scale_16(decoder.png);
  png_set_interlace_handling(decoder.png);
  png_read_update_info(decoder.png, decoder.info);
  return true;
}

bool ReadPixels(PngDecoder& decoder, png_bytepp rows) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  png_read_image(decoder.png, rows);
  png_read_end(decoder.png, nullptr);
  return true;
}

// Lays `channels` (2 or 4, alpha last) over white.
std::vector<uint8_t> OverWhite(const std::vector<uint8_t>& pixels, size_t channels) {
  std::vector<uint8_t> opaque;
  opaque.reserve(pixels.size() / channels * (channels - 1));
  for (size_t i = 0; i + channels <= pixels.size(); i += channels) {
    const int alpha = pixels[i + channels - 1];
    for (size_t c = 0; c + 1 < channels; ++c) {
      opaque.push_back(
          static_cast<uint8_t>((pixels[i + c] * alpha + 255 * (255 - alpha) + 127) / 255));
    }
  }
  return opaque;
}

bool WritePixels(png_structp png, png_infop info, const Image& image, Bytes& bytes) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_write_fn(png, &bytes, OnWrite, OnFlush);
  png_set_compression_level(png, kCompression);
  png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP);
  png_set_IHDR(png, info, static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), 8,
               image.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  const size_t stride = static_cast<size_t>(image.width) * static_cast<size_t>(image.channels);
  for (int32_t y = 0; y < image.height; ++y) {
    png_write_row(png, image.pixels.data() + static_cast<size_t>(y) * stride);
  }
  png_write_end(png, info);
  return true;
}

}  // namespace

Result<Image> DecodePng(const Bytes& bytes) {
  PngReader reader{bytes.data(), bytes.size(), 0, ""};
  PngDecoder decoder(&reader);
  if (decoder.info == nullptr) return Error(Code::kInternal, "libpng cannot start: no memory");
  if (!ReadHeader(decoder, reader))
    return Error(Code::kInvalidData, "corrupt header: {}", reader.message);
  const int64_t height = png_get_image_height(decoder.png, decoder.info);
  const int64_t width = png_get_image_width(decoder.png, decoder.info);
  const int64_t bits = int64_t{png_get_bit_depth(decoder.png, decoder.info)} *
                       png_get_channels(decoder.png, decoder.info);
  BLUESTEM_RETURN_IF_ERROR(CheckSize(
      height, width,
      static_cast<int64_t>(bytes.size()) * kDeflateRatio * 8 / std::max<int64_t>(bits, 1)));
  if (!Prepare(decoder)) return Error(Code::kInvalidData, "corrupt header: {}", reader.message);

  const size_t stride = png_get_rowbytes(decoder.png, decoder.info);
  const size_t channels = png_get_channels(decoder.png, decoder.info);
  Image image;
  image.height = static_cast<int32_t>(height);
  image.width = static_cast<int32_t>(width);
  image.pixels.resize(stride * static_cast<size_t>(height));
  std::vector<png_bytep> rows(static_cast<size_t>(height));
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = image.pixels.data() + y * stride;
  if (!ReadPixels(decoder, rows.data()))
    return Error(Code::kInvalidData, "truncated or corrupt: {}", reader.message);
  const bool has_alpha = channels % 2 == 0;
  if (has_alpha) image.pixels = OverWhite(image.pixels, channels);
  image.channels = static_cast<int32_t>(has_alpha ? channels - 1 : channels);
  return image;
}

Result<Bytes> EncodePng(const Image& image) {
  const int64_t count = int64_t{image.height} * image.width * image.channels;
  BLUESTEM_CHECK(count > 0 && static_cast<int64_t>(image.pixels.size()) == count,
                 "an image with pixels");
  PngReader reader{nullptr, 0, 0, ""};
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &reader, OnError, OnWarning);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  Bytes bytes;
  const bool written = info != nullptr && WritePixels(png, info, image, bytes);
  png_destroy_write_struct(&png, &info);
  if (!written) return Error(Code::kInternal, "PNG: cannot encode: {}", reader.message);
  return bytes;
}

}  // namespace bluestem::image
