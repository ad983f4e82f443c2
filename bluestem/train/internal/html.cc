#include "bluestem/train/internal/html.h"

namespace bluestem::train {
namespace {

std::string Base64(const Bytes& bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const uint32_t a = bytes[i], b = i + 1 < bytes.size() ? bytes[i + 1] : 0U,
                   c = i + 2 < bytes.size() ? bytes[i + 2] : 0U;
    const uint32_t word = a << 16 | b << 8 | c;
    text += kDigits[word >> 18 & 63];
    text += kDigits[word >> 12 & 63];
    text += i + 1 < bytes.size() ? kDigits[word >> 6 & 63] : '=';
    text += i + 2 < bytes.size() ? kDigits[word & 63] : '=';
  }
  return text;
}

}  // namespace

std::string PngDataUri(const image::Image& image) {
  const Result<Bytes> png = image::EncodePng(image);
  return png.ok() ? "data:image/png;base64," + Base64(*png) : "data:,";
}

}  // namespace bluestem::train
