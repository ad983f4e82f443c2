// Mixed batches: what is kept, what is exchanged, and in what shares.
#include "bluestem/train/internal/mixing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/data/data_fixture.h"

namespace bluestem::train {
namespace {

constexpr MapSize kSize{6, 5, 2};
constexpr int64_t kPicture = 6 * 5 * 2;
const int32_t kLabels[] = {7, 8, 9};

// Picture i is full of i + 1.
std::vector<float> Pictures() {
  std::vector<float> images;
  for (int i = 0; i < 3; ++i) images.insert(images.end(), kPicture, static_cast<float>(i + 1));
  return images;
}

TEST(Mixing, IsOffByDefault) {
  std::vector<float> images = Pictures();
  EXPECT_TRUE(MixBatch({}, 1, 0, 3, kSize, kLabels, images.data()).others.empty());
  EXPECT_EQ(images, Pictures());
}

TEST(Mixing, MixupBlendsPicturesInTheShareOfTheirLabels) {
  for (uint64_t step = 0; step < 20; ++step) {
    std::vector<float> images = Pictures();
    const Mix mix = MixBatch({.mixup = 0.4}, 1, step, 3, kSize, kLabels, images.data());
    EXPECT_EQ(mix.others, (std::vector<int32_t>{9, 8, 7}));
    EXPECT_GE(mix.share, 0.0);
    EXPECT_LE(mix.share, 1.0);
    EXPECT_NEAR(static_cast<double>(images[0]), mix.share * 1 + (1 - mix.share) * 3, 1e-6);
    EXPECT_EQ(images[kPicture], 2.0F);  // the middle one is its own partner
    EXPECT_NEAR(static_cast<double>(images[2 * kPicture]), mix.share * 3 + (1 - mix.share) * 1,
                1e-6);
  }
}

TEST(Mixing, CutMixExchangesABoxOfTheAreaThatItSays) {
  bool some = false;
  for (uint64_t step = 0; step < 20; ++step) {
    std::vector<float> images = Pictures();
    const Mix mix = MixBatch({.cutmix = 1}, 2, step, 3, kSize, kLabels, images.data());
    const auto kept = std::count(images.begin(), images.begin() + kPicture, 1.0F);
    const auto exchanged = std::count(images.begin(), images.begin() + kPicture, 3.0F);
    EXPECT_EQ(kept + exchanged, kPicture);
    EXPECT_NEAR(mix.share, static_cast<double>(kept) / kPicture, 1e-12);
    EXPECT_EQ(std::count(images.end() - kPicture, images.end(), 1.0F), exchanged);
    some |= exchanged > 0 && kept > 0;
  }
  EXPECT_TRUE(some);
}

TEST(Mixing, FollowsFromSeedAndStepAlone) {
  const auto share = [](uint64_t seed, uint64_t step) {
    std::vector<float> images = Pictures();
    return MixBatch({.mixup = 1, .cutmix = 1}, seed, step, 3, kSize, kLabels, images.data()).share;
  };
  EXPECT_EQ(share(1, 5), share(1, 5));
  EXPECT_NE(share(1, 5), share(1, 6));
  EXPECT_NE(share(1, 5), share(2, 5));
}

TEST(Mixing, SharesHaveTheSpreadOfTheirBetaDistribution) {
  for (const double alpha : {0.2, 1.0}) {
    double sum = 0, square = 0;
    constexpr int kDraws = 4000;
    for (uint64_t step = 0; step < kDraws; ++step) {
      float image[2] = {};
      const double share = MixBatch({.mixup = alpha}, 3, step, 2, {1, 1, 1}, kLabels, image).share;
      sum += share, square += share * share;
    }
    const double mean = sum / kDraws;
    EXPECT_NEAR(mean, 0.5, 0.02) << alpha;
    EXPECT_NEAR(square / kDraws - mean * mean, 0.25 / (2 * alpha + 1), 0.01) << alpha;
  }
}

TEST(MixMarks, GivesEachPictureTheShareOfItsPartner) {
  const image::PreprocessSpec spec{.height = 3, .width = 4, .channels = 3};
  const auto cache = data::PixelCache::Build(data::BitsDataset(8, 3), spec, 1).value();
  const Mix mix{.others = {-1, 0, 0}, .share = 0.75};
  // Classes {0, 2} with {1, 2}; {0} with itself; {1, 2} with {0, 2}.
  EXPECT_THAT(MixMarks(mix, *cache, {5, 1, 6}),
              testing::ElementsAre(0.75F, 0.25F, 1, 1, 0, 0, 0.25F, 0.75F, 1));
  EXPECT_THAT(MixMarks({}, *cache, {5, 6}), testing::ElementsAre(1, 0, 1, 0, 1, 1));
  const auto single = data::PixelCache::Build(data::MemoryDataset(4, 2), spec, 1).value();
  EXPECT_TRUE(MixMarks(mix, *single, {0, 1, 2}).empty());
}

}  // namespace
}  // namespace bluestem::train
