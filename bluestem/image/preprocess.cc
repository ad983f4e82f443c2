#include <algorithm>
#include <cmath>

#include "bluestem/base/wide.h"
#include "bluestem/image/image.h"

namespace bluestem::image {
namespace {

void Standardize(const uint8_t* pixels, int64_t count, float* out) {
  uint64_t sum = 0;
  uint64_t squares = 0;
  for (int64_t i = 0; i < count; ++i) {
    sum += pixels[i];
    squares += static_cast<uint64_t>(pixels[i]) * pixels[i];
  }
  // variance = (n * squares - sum^2) / n^2, the numerator exact: below 2^73.
  const double numerator = DifferenceOfProducts(static_cast<uint64_t>(count), squares, sum, sum);
  const auto real_n = static_cast<double>(count);
  const double mean = static_cast<double>(sum) / real_n;
  const double deviation = std::max(std::sqrt(numerator) / real_n, 1.0 / std::sqrt(real_n));
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<float>((pixels[i] - mean) / deviation);
}

}  // namespace

Image ToChannels(const Image& image, int32_t channels) {
  BLUESTEM_CHECK((channels == 1 || channels == 3) && (image.channels == 1 || image.channels == 3),
                 "1 or 3 channels");
  if (channels == image.channels) return image;
  Image result{image.height, image.width, channels, {}};
  const size_t count = static_cast<size_t>(image.height) * static_cast<size_t>(image.width);
  result.pixels.reserve(count * static_cast<size_t>(channels));
  for (size_t i = 0; i < count; ++i) {
    if (channels == 3) {
      result.pixels.insert(result.pixels.end(), 3, image.pixels[i]);
    } else {
      const uint8_t* rgb = image.pixels.data() + 3 * i;
      result.pixels.push_back(
          static_cast<uint8_t>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000));
    }
  }
  return result;
}

Tensor ToPixels(const Image& image, const PreprocessSpec& spec) {
  const Image sized =
      Resize(ToChannels(image, spec.channels), spec.height, spec.width, spec.resize);
  return Tensor::Of<uint8_t>({spec.height, spec.width, spec.channels}, sized.pixels);
}

Tensor NormalizePixels(const Tensor& pixels, Normalize normalize) {
  const auto* from = pixels.data<uint8_t>();
  Tensor result(DType::kF32, pixels.shape());
  auto* to = result.data<float>();
  switch (normalize) {
    case Normalize::kDivideBy255:
      for (int64_t i = 0; i < pixels.size(); ++i) to[i] = static_cast<float>(from[i]) / 255.0f;
      break;
    case Normalize::kPerImageStandardization:
      if (pixels.size() > 0) Standardize(from, pixels.size(), to);
      break;
    case Normalize::kNone:
      for (int64_t i = 0; i < pixels.size(); ++i) to[i] = static_cast<float>(from[i]);
      break;
  }
  return result;
}

}  // namespace bluestem::image
