#include "bluestem/data/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/image/image_fixture.h"

namespace bluestem::data {
namespace {

using image::Image;
using image::RandomImage;

constexpr PictureSize kSize = {12, 10, 3};

Image Applied(const AugmentChoice& choice, const Image& image) {
  Image result = image;
  Apply(choice, {image.height, image.width, image.channels}, image.pixels.data(),
        result.pixels.data());
  return result;
}

config::AugmentationConfig Everything() {
  return {.pad_crop = 3,
          .flip = true,
          .brightness = 0.4,
          .contrast = 0.4,
          .saturation = 0.4,
          .hue = 0.2,
          .rotate = 30,
          .cutout = 4};
}

TEST(Augment, NothingChosenChangesNothing) {
  const Image image = RandomImage(12, 10, 3, 1);
  EXPECT_EQ(Applied({}, image), image);
  EXPECT_EQ(Augment(image, {}, {1, 2, 3}), image);
}

TEST(Augment, TheKeyDecidesEverything) {
  const Image image = RandomImage(12, 10, 3, 1);
  const AugmentKey key{1, 2, 3};
  EXPECT_EQ(Augment(image, Everything(), key), Augment(image, Everything(), key));
  for (const AugmentKey& other : {AugmentKey{2, 2, 3}, AugmentKey{1, 3, 3}, AugmentKey{1, 2, 4}}) {
    EXPECT_NE(Augment(image, Everything(), key), Augment(image, Everything(), other));
  }
}

TEST(Augment, TurningOneKindOnLeavesTheOthersNumbers) {
  config::AugmentationConfig flip_only;
  flip_only.flip = true;
  config::AugmentationConfig all = Everything();
  for (uint64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(Choose(flip_only, {7, 0, i}, kSize).flip, Choose(all, {7, 0, i}, kSize).flip);
    all.rotate = 0;
    EXPECT_EQ(Choose(Everything(), {7, 0, i}, kSize).turns, Choose(all, {7, 0, i}, kSize).turns);
  }
}

TEST(Augment, ChoicesStayInTheirRanges) {
  std::set<int32_t> shifts;
  int flips = 0;
  for (uint64_t i = 0; i < 2000; ++i) {
    const AugmentChoice choice = Choose(Everything(), {1, 1, i}, kSize);
    shifts.insert(choice.shift_y);
    flips += choice.flip ? 1 : 0;
    EXPECT_LE(std::abs(choice.shift_x), 3);
    EXPECT_LE(std::abs(choice.degrees), 30);
    EXPECT_GE(choice.brightness, 0.6);
    EXPECT_LE(choice.brightness, 1.4);
    EXPECT_LE(std::abs(choice.turns), 0.2);
    EXPECT_TRUE(choice.cutout_y >= 0 && choice.cutout_y < 12 && choice.cutout_x >= 0 &&
                choice.cutout_x < 10);
  }
  EXPECT_EQ(shifts, (std::set<int32_t>{-3, -2, -1, 0, 1, 2, 3}));
  EXPECT_NEAR(flips, 1000, 120);  // 5 standard deviations
}

TEST(Augment, FlipTwiceIsTheIdentity) {
  const Image image = RandomImage(5, 7, 3, 2);
  const Image flipped = Applied({.flip = true}, image);
  EXPECT_NE(flipped, image);
  EXPECT_EQ(flipped.pixels[0], image.pixels[6 * 3]);
  EXPECT_EQ(Applied({.flip = true}, flipped), image);
}

TEST(Augment, AShiftReflectsWithoutTheEdge) {
  const Image image{1, 4, 1, {10, 20, 30, 40}};
  EXPECT_EQ(Applied({.shift_x = 2}, image).pixels, (std::vector<uint8_t>{30, 40, 30, 20}));
  EXPECT_EQ(Applied({.shift_x = -2}, image).pixels, (std::vector<uint8_t>{30, 20, 10, 20}));
  EXPECT_EQ(Applied({.shift_x = 1, .flip = true}, image).pixels,
            (std::vector<uint8_t>{30, 40, 30, 20}));
}

TEST(Augment, RotationByHalfATurnReversesBothAxes) {
  const Image image = RandomImage(6, 9, 3, 3);
  const Image turned = Applied({.degrees = 180}, image);
  for (int y = 0; y < 6; ++y) {
    for (int x = 0; x < 9; ++x) {
      for (int c = 0; c < 3; ++c) {
        EXPECT_NEAR(turned.pixels[static_cast<size_t>((y * 9 + x) * 3 + c)],
                    image.pixels[static_cast<size_t>(((5 - y) * 9 + 8 - x) * 3 + c)], 1);
      }
    }
  }
}

TEST(Augment, AQuarterTurnMovesTheTopToTheLeft) {
  Image image{5, 5, 1, std::vector<uint8_t>(25, 0)};
  image.pixels[2] = 255;  // top centre
  const Image turned = Applied({.degrees = 90}, image);
  EXPECT_NEAR(turned.pixels[10] + turned.pixels[14], 255, 2);  // one of the two side centres
  EXPECT_NEAR(turned.pixels[2], 0, 1);
}

TEST(Augment, ColourFactorsDoWhatTheySay) {
  const Image image{1, 2, 3, {100, 50, 0, 10, 20, 30}};
  EXPECT_EQ(Applied({.brightness = 2}, image).pixels,
            (std::vector<uint8_t>{200, 100, 0, 20, 40, 60}));
  EXPECT_EQ(Applied({.brightness = 0}, image).pixels, (std::vector<uint8_t>(6, 0)));
  // Greys are 59 and 18 (rounded lumas), so the mean is 38.5 and contrast 0 leaves 39 everywhere.
  EXPECT_EQ(Applied({.contrast = 0}, image).pixels, (std::vector<uint8_t>(6, 39)));
  EXPECT_EQ(Applied({.saturation = 0}, image).pixels,
            (std::vector<uint8_t>{59, 59, 59, 18, 18, 18}));
}

TEST(Augment, HueTurnsRedOverGreenToBlueAndBack) {
  const Image red{1, 1, 3, {200, 0, 0}};
  EXPECT_EQ(Applied({.turns = 1.0 / 3}, red).pixels, (std::vector<uint8_t>{0, 200, 0}));
  EXPECT_EQ(Applied({.turns = -1.0 / 3}, red).pixels, (std::vector<uint8_t>{0, 0, 200}));
  const Image any = RandomImage(4, 4, 3, 8);
  const Image whole = Applied({.turns = 1}, any);
  for (size_t i = 0; i < any.pixels.size(); ++i) EXPECT_NEAR(whole.pixels[i], any.pixels[i], 1);
  const Image grey{1, 1, 3, {9, 9, 9}};
  EXPECT_EQ(Applied({.turns = 0.3}, grey), grey);
}

TEST(Augment, CutoutPaintsASquareAndStaysInside) {
  const Image image{6, 6, 1, std::vector<uint8_t>(36, 1)};
  const auto painted = [&](int32_t y, int32_t x) {
    const Image cut = Applied({.cutout = 4, .cutout_y = y, .cutout_x = x}, image);
    return std::count(cut.pixels.begin(), cut.pixels.end(), 128);
  };
  EXPECT_EQ(painted(3, 3), 16);
  EXPECT_EQ(painted(0, 0), 4);
  EXPECT_EQ(painted(5, 5), 9);
}

}  // namespace
}  // namespace bluestem::data
