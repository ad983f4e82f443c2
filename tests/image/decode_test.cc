#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/image/image_fixture.h"

namespace bluestem::image {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

std::string Refusal(const Bytes& bytes) {
  const Result<Image> image = Decode(bytes, "a.img");
  EXPECT_FALSE(image.ok());
  if (image.ok()) return "";
  EXPECT_EQ(image.status().code(), Code::kInvalidData);
  return image.status().message();
}

TEST(Png, DecodesWhatItEncodes) {
  for (const int32_t channels : {1, 3}) {
    for (const auto& [height, width] : std::vector<std::pair<int, int>>{{1, 1}, {7, 13}, {64, 3}}) {
      const Image image = RandomImage(height, width, channels, 5);
      EXPECT_EQ(Decode(*EncodePng(image), "a.png").value(), image);
    }
  }
}

TEST(Png, PaletteBecomesRgbAndSixteenBitsBecomeEight) {
  const Image palette = Decode(MakePng({.width = 2,
                                        .height = 1,
                                        .colour_type = 3,
                                        .palette = {1, 2, 3, 200, 201, 202},
                                        .rows = {0, 1, 0}}),
                               "p.png")
                            .value();
  EXPECT_EQ(palette, (Image{1, 2, 3, {200, 201, 202, 1, 2, 3}}));
  const Image deep =
      Decode(MakePng(
                 {.width = 1, .height = 1, .depth = 16, .colour_type = 0, .rows = {0, 0x80, 0x80}}),
             "d.png")
          .value();
  EXPECT_EQ(deep, (Image{1, 1, 1, {0x80}}));
  const Image bits =
      Decode(MakePng({.width = 8, .height = 1, .depth = 1, .colour_type = 0, .rows = {0, 0xa0}}),
             "b.png")
          .value();
  EXPECT_EQ(bits, (Image{1, 8, 1, {255, 0, 255, 0, 0, 0, 0, 0}}));
}

TEST(Png, AlphaLiesOverWhite) {
  const Image rgba = Decode(MakePng({.width = 3,
                                     .height = 1,
                                     .colour_type = 6,
                                     .rows = {0, 10, 20, 30, 255, 10, 20, 30, 0, 0, 0, 0, 128}}),
                            "a.png")
                         .value();
  EXPECT_EQ(rgba, (Image{1, 3, 3, {10, 20, 30, 255, 255, 255, 127, 127, 127}}));
  const Image grey =
      Decode(MakePng({.width = 1, .height = 1, .colour_type = 4, .rows = {0, 7, 0}}), "g.png")
          .value();
  EXPECT_EQ(grey, (Image{1, 1, 1, {255}}));
  const Image keyed = Decode(MakePng({.width = 2,
                                      .height = 1,
                                      .colour_type = 3,
                                      .palette = {0, 0, 0, 9, 9, 9},
                                      .transparency = {0, 255},
                                      .rows = {0, 0, 1}}),
                             "k.png")
                          .value();
  EXPECT_EQ(keyed, (Image{1, 2, 3, {255, 255, 255, 9, 9, 9}}));
}

TEST(Png, ALyingHeaderIsRefusedBeforeAllocation) {
  EXPECT_THAT(
      Refusal(MakePng({.width = 8000, .height = 8000, .rows = {0, 1, 2, 3}})),
      HasSubstr("a.img: PNG: the header claims 8000 x 8000 pixels, but the file is too short"));
  EXPECT_THAT(Refusal(MakePng({.width = 60000, .height = 60000, .rows = {0}})),
              HasSubstr("60000 x 60000 pixels; expected at most 67108864"));
  EXPECT_THAT(Refusal(MakePng({.width = 0x7fffffff, .height = 0x7fffffff, .rows = {0}})),
              HasSubstr("PNG"));
  EXPECT_THAT(Refusal(MakePng({.width = 4, .height = 4, .rows = {0, 1, 2, 3}})),
              HasSubstr("truncated or corrupt"));
  EXPECT_THAT(Refusal(MakePng({.width = 0, .height = 4, .rows = {0}})), HasSubstr("PNG"));
}

TEST(Png, EveryTruncationIsRefused) {
  const Bytes whole = *EncodePng(RandomImage(9, 9, 3, 1));
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(
        Decode(Bytes(whole.begin(), whole.begin() + static_cast<int64_t>(length)), "a.png").ok())
        << length;
  }
}

TEST(Jpeg, DecodesWithinAFewSteps) {
  for (const bool progressive : {false, true}) {
    for (const int32_t channels : {1, 3}) {
      const Image image = SmoothImage(40, 56, channels);
      const Image decoded =
          Decode(EncodeJpeg(image, {.progressive = progressive}), "a.jpg").value();
      ASSERT_EQ(decoded.pixels.size(), image.pixels.size());
      ASSERT_EQ(decoded.channels, channels);
      for (size_t i = 0; i < image.pixels.size(); ++i)
        EXPECT_NEAR(decoded.pixels[i], image.pixels[i], 12) << i;
    }
  }
}

TEST(Jpeg, AdobesCmykBecomesRgb) {
  // With the Adobe marker, which libjpeg writes, a channel is light: 255 is no ink.
  Image light{8, 8, 4, {}};
  for (int i = 0; i < 64; ++i) light.pixels.insert(light.pixels.end(), {255, 255, 0, 255});
  const Image decoded = Decode(EncodeJpeg(light, {.cmyk = true}), "c.jpg").value();
  ASSERT_EQ(decoded.channels, 3);
  EXPECT_NEAR(decoded.pixels[0], 255, 2);
  EXPECT_NEAR(decoded.pixels[1], 255, 2);
  EXPECT_NEAR(decoded.pixels[2], 0, 2);
}

TEST(Jpeg, ATruncatedFileIsAnError) {
  const Bytes whole = EncodeJpeg(RandomImage(64, 64, 3, 2));
  for (const size_t length :
       {size_t{3}, size_t{100}, whole.size() / 2, whole.size() - 40, whole.size() - 2}) {
    EXPECT_THAT(Refusal(Bytes(whole.begin(), whole.begin() + static_cast<int64_t>(length))),
                HasSubstr("a.img: JPEG: truncated or corrupt"))
        << length;
  }
}

TEST(Jpeg, ALyingHeaderIsRefused) {
  Bytes bytes = EncodeJpeg(SmoothImage(16, 16, 3));
  for (size_t i = 0; i + 9 < bytes.size(); ++i) {
    if (bytes[i] != 0xff || bytes[i + 1] != 0xc0) continue;
    bytes[i + 5] = bytes[i + 7] = 0x1f;  // 7,9xx x 7,9xx
    break;
  }
  EXPECT_THAT(Refusal(bytes), HasSubstr("the file is too short"));
}

TEST(Jpeg, BytesAfterTheEndAreHarmless) {
  Bytes bytes = EncodeJpeg(SmoothImage(16, 16, 3));
  bytes.insert(bytes.end(), 100, 0);
  EXPECT_TRUE(Decode(bytes, "a.jpg").ok());
}

TEST(Decode, NamesOtherFormats) {
  EXPECT_THAT(Refusal({}), HasSubstr("a.img: the file is empty"));
  EXPECT_THAT(Refusal({'G', 'I', 'F', '8', '9', 'a'}),
              HasSubstr("this is GIF; expected JPEG or PNG"));
  EXPECT_THAT(Refusal({'h', 'e', 'l', 'l', 'o'}), HasSubstr("neither JPEG nor PNG"));
}

TEST(Decode, SurvivesEveryFlippedByte) {
  for (const Bytes& whole :
       {*EncodePng(RandomImage(5, 5, 3, 3)), EncodeJpeg(SmoothImage(16, 16, 3))}) {
    for (size_t i = 0; i < whole.size(); ++i) {
      Bytes bytes = whole;
      bytes[i] ^= 0x55;
      const Result<Image> image = Decode(bytes, "a");  // either; but never more pixels than it says
      if (image.ok()) {
        EXPECT_EQ(image->pixels.size(), static_cast<size_t>(image->height) *
                                            static_cast<size_t>(image->width) *
                                            static_cast<size_t>(image->channels));
      }
    }
  }
}

}  // namespace
}  // namespace bluestem::image
