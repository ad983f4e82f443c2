#include "bluestem/train/internal/class_weights.h"

#include <gmock/gmock.h>

#include "tests/data/data_fixture.h"

namespace bluestem::train {
namespace {

using testing::ElementsAre;

constexpr image::PreprocessSpec kSpec{.height = 3, .width = 4, .channels = 3};

TEST(BalancedWeights, MakeClassesCountTheSame) {
  const auto cache = data::PixelCache::Build(data::MemoryDataset(5, 2), kSpec, 1).value();
  EXPECT_THAT(BalancedWeights(*cache, Ranks::Alone()), ElementsAre(2.5F / 3, 2.5F / 2));
}

TEST(BalancedWeights, OfAnyLabelsMakeTheSidesOfAClassCountTheSame) {
  // Of 0..5, class 0 is in 1, 3, 5; class 1 in 2, 3; class 2 in 4, 5; class 3 in none.
  const auto cache = data::PixelCache::Build(data::BitsDataset(6, 4), kSpec, 1).value();
  EXPECT_THAT(BalancedWeights(*cache, Ranks::Alone()), ElementsAre(1, 2, 2, 1));
}

}  // namespace
}  // namespace bluestem::train
