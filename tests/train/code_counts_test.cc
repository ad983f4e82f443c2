// Codes counted over pictures: totals, dead channels and saturation, and how they are shown.
#include "bluestem/train/internal/code_counts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "tests/train/step_fixture.h"

namespace bluestem::train {
namespace {

using testing::HasSubstr;

class Noise final : public data::Dataset {
 public:
  int64_t size() const override { return kImages; }
  Result<data::Sample> Get(int64_t index) const override {
    Rng rng(9, static_cast<uint64_t>(index), 0);
    image::Image picture{.height = 16, .width = 16, .channels = 3, .pixels = {}};
    for (int k = 0; k < 16 * 16 * 3; ++k)
      picture.pixels.push_back(static_cast<uint8_t>(rng.Below(256)));
    return data::Sample{.image = std::move(picture), .label = 0, .name = "noise"};
  }
  int32_t Label(int64_t) const override { return 0; }
  std::string Name(int64_t) const override { return "noise"; }
  const std::vector<std::string>& classes() const override { return classes_; }

 private:
  std::vector<std::string> classes_ = {"a", "b", "c", "d"};
};

class Codes : public testing::Test {
 protected:
  Codes() {
    module_.BeginStatistics();
    module_.AddStatistics({.count = kImages, .images = fixture_.images.data()});
    module_.FinishStatistics();
    cache_ =
        data::PixelCache::Build(Noise(), {.height = 16, .width = 16, .channels = 3}, 1).value();
  }
  // Shifts channel c of a layer, so that all its codes are the same.
  void Shift(const std::string& layer, int64_t c, float beta) {
    for (const ParameterView& view : module_.parameters()) {
      if (view.name == layer + "/beta") view.value[c] = beta;
    }
  }
  const LayerCodes& Of(const CodeCounts& counts, const std::string& layer) {
    for (const LayerCodes& row : counts.layers) {
      if (row.layer == layer) return row;
    }
    BLUESTEM_CHECK(false, "a layer of the fixture");
  }
  StepFixture fixture_;
  Module module_{fixture_.network, fixture_.shapes, 3};
  std::shared_ptr<const data::PixelCache> cache_;
};

TEST_F(Codes, AreCountedInEveryLayerThatPutsThemOut) {
  const CodeCounts counts = CountCodes(module_, *cache_);
  EXPECT_EQ(counts.images, kImages);
  ASSERT_EQ(counts.layers.size(), fixture_.network.blocks.size() - 1);  // not the head
  for (size_t i = 0; i < counts.layers.size(); ++i) {
    const LayerCodes& layer = counts.layers[i];
    const BlockShape& shape = fixture_.shapes[i];
    const int64_t fold = std::max(1, fixture_.network.blocks[i].space_to_depth);
    EXPECT_EQ(layer.counts.size(), 4U);
    EXPECT_EQ(std::accumulate(layer.counts.begin(), layer.counts.end(), int64_t{0}),
              kImages * shape.out_h * shape.out_w * shape.co * fold * fold)
        << layer.layer;
    EXPECT_GT(layer.Share(0), 0.1) << layer.layer;
    EXPECT_GT(layer.Saturated(), 0) << layer.layer;
  }
}

TEST_F(Codes, AChannelWhoseCodeNeverChangesIsDeadAtEitherEnd) {
  const CodeCounts before = CountCodes(module_, *cache_);
  Shift("codes", 3, -1000);
  Shift("codes", 5, 1000);
  Shift("fold", 0, -1000);  // space to depth repeats its channels
  const CodeCounts after = CountCodes(module_, *cache_);
  EXPECT_EQ(Of(before, "codes").dead_channels, 0);
  EXPECT_EQ(Of(after, "codes").dead_channels, 2);
  EXPECT_EQ(Of(after, "fold").dead_channels, Of(before, "fold").dead_channels + 1);
  EXPECT_GT(Of(after, "codes").Saturated(), Of(before, "codes").Saturated() + 0.5 / 32);
}

TEST_F(Codes, AFloatNetworkHasNone) {
  fixture_.network.activation_quantizer = FindActivationQuantizer("none");
  Module module(fixture_.network, fixture_.shapes, 3);
  const CodeCounts counts = CountCodes(module, *cache_);
  EXPECT_TRUE(counts.layers.empty());
  EXPECT_EQ(CodesSection(counts), "");
}

TEST(CodesPage, StacksAllLevelsAndMarksWhatIsNotNormal) {
  LayerCodes wide{.layer = "wide", .bits = 4, .counts = std::vector<int64_t>(16, 1), .channels = 8};
  LayerCodes bad{
      .layer = "<bad>", .bits = 2, .counts = {10, 0, 30, 60}, .channels = 8, .dead_channels = 2};
  const std::string html = CodesSection({.images = 3, .layers = {wide, bad}});
  EXPECT_THAT(html, HasSubstr("&lt;bad&gt;"));
  EXPECT_THAT(html, HasSubstr("for 3 validation pictures"));
  EXPECT_THAT(html, HasSubstr("class=\"warn\">60.0 %"));
  EXPECT_THAT(html, HasSubstr("class=\"warn\">2 of 8, 25.0 %"));
  EXPECT_THAT(html, HasSubstr("<td>none of 8"));
  // Of 16 levels: 0, six ranges that leave out nothing, and the top.
  for (const char* part : {"code 0: 6.2 %", "code 1 to 2: 12.5 %", "code 12 to 14: 18.8 %",
                           "code 15: 6.2 %", "width:30.00%"})
    EXPECT_THAT(html, HasSubstr(part));
  const auto json = nlohmann::json::parse(CodeCountsToJson({.images = 3, .layers = {bad}}));
  EXPECT_EQ(json["layers"][0]["counts"][2], 30);
  EXPECT_EQ(json["layers"][0]["saturated"], 0.6);
}

}  // namespace
}  // namespace bluestem::train
