#include "bluestem/data/augment.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "bluestem/base/rng.h"

namespace bluestem::data {
namespace {

constexpr uint8_t kCutoutGrey = 128;

uint8_t Clip(double value) {
  return static_cast<uint8_t>(std::clamp(std::floor(value + 0.5), 0.0, 255.0));
}

int32_t Grey(const uint8_t* rgb) {
  return (299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000;
}

// The position inside 0..side-1 that a position up to one side outside reflects to.
int32_t Reflect(int32_t position, int32_t side) {
  if (position >= 0 && position < side) return position;
  if (side == 1) return 0;
  const int32_t period = 2 * side - 2;
  int32_t wrapped = position % period;
  if (wrapped < 0) wrapped += period;
  return wrapped < side ? wrapped : period - wrapped;
}

void ShiftAndFlip(const AugmentChoice& choice, const PictureSize& size, const uint8_t* in,
                  uint8_t* out) {
  const auto channels = static_cast<size_t>(size.channels);
  const auto width = static_cast<size_t>(size.width);
  for (int32_t y = 0; y < size.height; ++y) {
    const uint8_t* row =
        in + static_cast<size_t>(Reflect(y + choice.shift_y, size.height)) * width * channels;
    for (int32_t x = 0; x < size.width; ++x) {
      const int32_t seen =
          choice.flip ? size.width - 1 - x : x;  // the crop is mirrored, so shift comes first
      const uint8_t* pixel =
          row + static_cast<size_t>(Reflect(seen + choice.shift_x, size.width)) * channels;
      for (size_t c = 0; c < channels; ++c) *out++ = pixel[c];
    }
  }
}

void Rotate(double degrees, const PictureSize& size, uint8_t* pixels) {
  const auto channels = static_cast<size_t>(size.channels);
  const auto width = static_cast<size_t>(size.width);
  const std::vector<uint8_t> source(pixels,
                                    pixels + static_cast<size_t>(size.height) * width * channels);
  const double cosine = std::cos(degrees * std::numbers::pi / 180);
  const double sine = std::sin(degrees * std::numbers::pi / 180);
  const double centre_y = (size.height - 1) / 2.0;
  const double centre_x = (size.width - 1) / 2.0;
  for (int32_t y = 0; y < size.height; ++y) {
    for (int32_t x = 0; x < size.width; ++x) {
      const double from_y = centre_y + (y - centre_y) * cosine + (x - centre_x) * sine;
      const double from_x = centre_x + (x - centre_x) * cosine - (y - centre_y) * sine;
      const double floor_y = std::floor(from_y);
      const double floor_x = std::floor(from_x);
      const double wy = from_y - floor_y;
      const double wx = from_x - floor_x;
      const auto at = [&](int32_t dy, int32_t dx) {
        const auto row =
            static_cast<size_t>(Reflect(static_cast<int32_t>(floor_y) + dy, size.height));
        const auto column =
            static_cast<size_t>(Reflect(static_cast<int32_t>(floor_x) + dx, size.width));
        return source.data() + (row * width + column) * channels;
      };
      const uint8_t* corners[4] = {at(0, 0), at(0, 1), at(1, 0), at(1, 1)};
      for (size_t c = 0; c < channels; ++c) {
        *pixels++ = Clip((1 - wy) * ((1 - wx) * corners[0][c] + wx * corners[1][c]) +
                         wy * ((1 - wx) * corners[2][c] + wx * corners[3][c]));
      }
    }
  }
}

void Contrast(double factor, const PictureSize& size, size_t count, uint8_t* pixels) {
  int64_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += size.channels == 3 ? Grey(pixels + 3 * i) : pixels[i];
  const double mean = static_cast<double>(sum) / static_cast<double>(count);
  const size_t values = count * static_cast<size_t>(size.channels);
  for (size_t i = 0; i < values; ++i) pixels[i] = Clip(mean + (pixels[i] - mean) * factor);
}

void Saturate(double factor, size_t count, uint8_t* pixels) {
  for (size_t i = 0; i < count; ++i) {
    const int32_t grey = Grey(pixels + 3 * i);
    for (size_t c = 0; c < 3; ++c)
      pixels[3 * i + c] = Clip(grey + (pixels[3 * i + c] - grey) * factor);
  }
}

// Hexcone: the largest channel is the value, the spread the chroma; hue runs 0..6 from red over
// green.
void TurnHue(double turns, size_t count, uint8_t* pixels) {
  for (size_t i = 0; i < count; ++i) {
    uint8_t* p = pixels + 3 * i;
    const double r = p[0];
    const double g = p[1];
    const double b = p[2];
    const double high = std::max({r, g, b});
    const double chroma = high - std::min({r, g, b});
    if (chroma == 0) continue;
    double hue = high == r   ? (g - b) / chroma
                 : high == g ? 2 + (b - r) / chroma
                             : 4 + (r - g) / chroma;
    hue += 6 * turns;
    for (int32_t c = 0; c < 3; ++c) {
      // A channel is high within 1 of its own hue (0, 2, 4), low beyond 2, and linear between.
      double distance = std::fmod(std::fabs(hue - 2.0 * c), 6.0);
      distance = std::min(distance, 6.0 - distance);
      p[c] = Clip(high - chroma * std::clamp(distance - 1.0, 0.0, 1.0));
    }
  }
}

void Cutout(const AugmentChoice& choice, const PictureSize& size, uint8_t* pixels) {
  const int32_t top = choice.cutout_y - choice.cutout / 2;
  const int32_t left = choice.cutout_x - choice.cutout / 2;
  const int32_t first = std::max(left, 0);
  const int32_t last = std::min(left + choice.cutout, size.width);
  if (first >= last) return;
  for (int32_t y = std::max(top, 0); y < std::min(top + choice.cutout, size.height); ++y) {
    const size_t begin =
        (static_cast<size_t>(y) * static_cast<size_t>(size.width) + static_cast<size_t>(first)) *
        static_cast<size_t>(size.channels);
    std::memset(pixels + begin, kCutoutGrey,
                static_cast<size_t>(last - first) * static_cast<size_t>(size.channels));
  }
}

}  // namespace

AugmentChoice Choose(const config::AugmentationConfig& config, const AugmentKey& key,
                     const PictureSize& size) {
  Rng rng(key.seed, key.epoch, key.index);
  // Every number is drawn whether it is used or not, so that no setting moves the others.
  const auto below = [&](int64_t bound) {
    return static_cast<int32_t>(rng.Below(static_cast<uint64_t>(bound)));
  };
  const auto signed_unit = [&] { return 2 * rng.Unit() - 1; };
  AugmentChoice choice;
  choice.shift_y = below(2 * config.pad_crop + 1) - static_cast<int32_t>(config.pad_crop);
  choice.shift_x = below(2 * config.pad_crop + 1) - static_cast<int32_t>(config.pad_crop);
  choice.flip = rng.Unit() < 0.5 && config.flip;
  choice.degrees = config.rotate * signed_unit();
  choice.brightness = 1 + config.brightness * signed_unit();
  choice.contrast = 1 + config.contrast * signed_unit();
  choice.saturation = 1 + config.saturation * signed_unit();
  choice.turns = config.hue * signed_unit();
  choice.cutout = static_cast<int32_t>(config.cutout);
  choice.cutout_y = below(size.height);
  choice.cutout_x = below(size.width);
  return choice;
}

void Apply(const AugmentChoice& choice, const PictureSize& size, const uint8_t* in, uint8_t* out) {
  BLUESTEM_CHECK(std::abs(choice.shift_y) < size.height && std::abs(choice.shift_x) < size.width,
                 "a shift is smaller than the picture");
  const size_t count = static_cast<size_t>(size.height) * static_cast<size_t>(size.width);
  ShiftAndFlip(choice, size, in, out);
  if (choice.degrees != 0) Rotate(choice.degrees, size, out);
  if (choice.brightness != 1) {
    const size_t values = count * static_cast<size_t>(size.channels);
    for (size_t i = 0; i < values; ++i) out[i] = Clip(out[i] * choice.brightness);
  }
  if (choice.contrast != 1) Contrast(choice.contrast, size, count, out);
  if (choice.saturation != 1 && size.channels == 3) Saturate(choice.saturation, count, out);
  if (choice.turns != 0 && size.channels == 3) TurnHue(choice.turns, count, out);
  if (choice.cutout > 0) Cutout(choice, size, out);
}

image::Image Augment(const image::Image& image, const config::AugmentationConfig& config,
                     const AugmentKey& key) {
  const PictureSize size{image.height, image.width, image.channels};
  image::Image result = image;
  Apply(Choose(config, key, size), size, image.pixels.data(), result.pixels.data());
  return result;
}

}  // namespace bluestem::data
