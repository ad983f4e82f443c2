#include <gtest/gtest.h>

#include <cmath>

#include "tests/image/image_fixture.h"

namespace bluestem::image {
namespace {

constexpr ResizeMethod kMethods[] = {ResizeMethod::kNearest, ResizeMethod::kBilinear,
                                     ResizeMethod::kArea};

double At(const Image& image, int64_t y, int64_t x, int64_t c) {
  y = std::clamp<int64_t>(y, 0, image.height - 1);
  x = std::clamp<int64_t>(x, 0, image.width - 1);
  return image.pixels[static_cast<size_t>((y * image.width + x) * image.channels + c)];
}

// The definition in real numbers.
double Bilinear(const Image& image, int32_t height, int32_t width, int64_t y, int64_t x,
                int64_t c) {
  const double from_y = std::max(0.0, (y + 0.5) * image.height / height - 0.5);
  const double from_x = std::max(0.0, (x + 0.5) * image.width / width - 0.5);
  const auto y0 = static_cast<int64_t>(from_y);
  const auto x0 = static_cast<int64_t>(from_x);
  const double wy = from_y - static_cast<double>(y0);
  const double wx = from_x - static_cast<double>(x0);
  return (1 - wy) * ((1 - wx) * At(image, y0, x0, c) + wx * At(image, y0, x0 + 1, c)) +
         wy * ((1 - wx) * At(image, y0 + 1, x0, c) + wx * At(image, y0 + 1, x0 + 1, c));
}

TEST(Resize, BilinearIsWithinHalfAStepOfItsDefinition) {
  for (const auto& [h, w, to_h, to_w] : std::vector<std::array<int32_t, 4>>{
           {5, 7, 9, 11}, {20, 30, 8, 8}, {1, 1, 4, 4}, {3, 200, 32, 32}}) {
    const Image image = RandomImage(h, w, 3, 11);
    const Image resized = Resize(image, to_h, to_w, ResizeMethod::kBilinear);
    for (int32_t y = 0; y < to_h; ++y) {
      for (int32_t x = 0; x < to_w; ++x) {
        for (int32_t c = 0; c < 3; ++c) {
          // 0.5 for the rounding, and the two weights' rounding to 1/2048 moves at most 255/2048.
          EXPECT_NEAR(At(resized, y, x, c), Bilinear(image, to_h, to_w, y, x, c),
                      0.5 + 255.0 / 2048);
        }
      }
    }
  }
}

TEST(Resize, AreaIsTheBoxMean) {
  const Image image{2, 3, 1, {10, 20, 30, 40, 50, 60}};
  EXPECT_EQ(Resize(image, 1, 1, ResizeMethod::kArea).pixels, (std::vector<uint8_t>{35}));
  EXPECT_EQ(Resize(image, 2, 1, ResizeMethod::kArea).pixels, (std::vector<uint8_t>{20, 50}));
  // Columns 0..1.5 and 1.5..3: (10 + 20/2) / 1.5 and (20/2 + 30) / 1.5.
  EXPECT_EQ(Resize(Image{1, 3, 1, {10, 20, 30}}, 1, 2, ResizeMethod::kArea).pixels,
            (std::vector<uint8_t>{13, 27}));
}

TEST(Resize, NearestTakesThePixelAtTheCentre) {
  EXPECT_EQ(Resize(Image{1, 4, 1, {1, 2, 3, 4}}, 1, 2, ResizeMethod::kNearest).pixels,
            (std::vector<uint8_t>{2, 4}));
  EXPECT_EQ(Resize(Image{1, 2, 1, {1, 2}}, 1, 5, ResizeMethod::kNearest).pixels,
            (std::vector<uint8_t>{1, 1, 2, 2, 2}));
}

TEST(Resize, ConstantPicturesStayConstant) {
  for (const ResizeMethod method : kMethods) {
    for (const int value : {0, 1, 127, 255}) {
      const Image image{13, 17, 3, std::vector<uint8_t>(13 * 17 * 3, static_cast<uint8_t>(value))};
      for (const uint8_t pixel : Resize(image, 29, 6, method).pixels) ASSERT_EQ(pixel, value);
    }
  }
}

TEST(Resize, TheSameSizeIsTheSamePicture) {
  const Image image = RandomImage(9, 8, 3, 3);
  for (const ResizeMethod method : kMethods) EXPECT_EQ(Resize(image, 9, 8, method), image);
}

TEST(ToChannels, GreyIsTheLumaAndBackIsGrey) {
  EXPECT_EQ(ToChannels(Image{1, 2, 3, {255, 0, 0, 10, 20, 30}}, 1).pixels,
            (std::vector<uint8_t>{76, 18}));
  const Image grey = RandomImage(4, 4, 1, 9);
  EXPECT_EQ(ToChannels(ToChannels(grey, 3), 1), grey);
}

TEST(NormalizePixels, DivideBy255IsOneF32Division) {
  const Tensor pixels = Tensor::Of<uint8_t>({1, 3, 1}, {0, 128, 255});
  const Tensor normal = NormalizePixels(pixels, Normalize::kDivideBy255);
  EXPECT_EQ(normal, (Tensor::Of<float>({1, 3, 1}, {0.0f, 128.0f / 255.0f, 1.0f})));
  EXPECT_EQ(NormalizePixels(pixels, Normalize::kNone),
            (Tensor::Of<float>({1, 3, 1}, {0.0f, 128.0f, 255.0f})));
}

TEST(NormalizePixels, StandardizationHasMeanZeroAndDeviationOne) {
  const Image image = RandomImage(10, 10, 3, 4);
  const Tensor normal =
      NormalizePixels(ToPixels(image, {10, 10, 3}), Normalize::kPerImageStandardization);
  double sum = 0;
  double squares = 0;
  for (int64_t i = 0; i < normal.size(); ++i) {
    sum += normal.At(i);
    squares += normal.At(i) * normal.At(i);
  }
  EXPECT_NEAR(sum / 300, 0, 1e-6);
  EXPECT_NEAR(squares / 300, 1, 1e-6);
}

TEST(NormalizePixels, AConstantPictureStandardizesToZero) {
  const Tensor normal = NormalizePixels(Tensor::Of<uint8_t>({2, 2, 1}, {7, 7, 7, 7}),
                                        Normalize::kPerImageStandardization);
  EXPECT_EQ(normal, (Tensor::Of<float>({2, 2, 1}, {0, 0, 0, 0})));
}

}  // namespace
}  // namespace bluestem::image
