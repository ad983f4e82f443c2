#include "bluestem/task/annotate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

namespace bluestem::task {
namespace {

image::Image Grey(int32_t height, int32_t width) {
  return {height, width, 1,
          std::vector<uint8_t>(static_cast<size_t>(height) * static_cast<size_t>(width), 90)};
}

TEST(Annotate, SmallPicturesGrowAndLargeOnesShrink) {
  const std::vector<ClassScore> ranked = Rank({0.7f, 0.2f, 0.1f}, {"airplane", "ship", "truck"});
  const image::Image small = Annotate(Grey(32, 32), ranked);
  EXPECT_EQ(small.channels, 3);
  EXPECT_EQ(small.width, 320);
  EXPECT_GT(small.height, 320);
  const image::Image large = Annotate(Grey(5000, 2500), ranked);
  EXPECT_EQ(large.width, 640);
  EXPECT_GT(large.height, 1280);
  EXPECT_EQ(Annotate(Grey(1, 5000), ranked).width, 1280);
}

TEST(Annotate, MoreClassesMakeAHigherStrip) {
  const std::vector<ClassScore> ranked = Rank({0.7f, 0.2f, 0.1f}, {"a", "b", "c"});
  EXPECT_LT(Annotate(Grey(32, 32), ranked, 1).height, Annotate(Grey(32, 32), ranked, 3).height);
  EXPECT_EQ(Annotate(Grey(32, 32), ranked, 3), Annotate(Grey(32, 32), ranked, 9));
}

TEST(Annotate, ShowsAllAnswersWhereThereAreMany) {
  std::vector<ClassScore> ranked;
  for (int32_t i = 0; i < 8; ++i) ranked.push_back({i, "class", 0.9 - 0.1 * i, i < 5});
  EXPECT_EQ(Annotate(Grey(32, 32), ranked, 3), Annotate(Grey(32, 32), ranked, 5));
  EXPECT_LT(Annotate(Grey(32, 32), ranked, 3).height, Annotate(Grey(32, 32), ranked, 6).height);
  std::vector<ClassScore> none = ranked;
  for (ClassScore& score : none) score.answered = false;
  EXPECT_NE(Annotate(Grey(32, 32), ranked, 5), Annotate(Grey(32, 32), none, 5));
}

TEST(Annotate, SurvivesOddProbabilitiesAndNames) {
  const std::vector<ClassScore> ranked = {
      {0, std::string(500, 'x'), std::nan("")}, {1, "", -1.0}, {2, "\xff\xfe", 1e30}};
  EXPECT_GT(Annotate(Grey(10, 10), ranked).height, 0);
}

}  // namespace
}  // namespace bluestem::task
