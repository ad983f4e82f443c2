// Shares of flipped signs, their state in a checkpoint, and the report's curves.
#include "bluestem/train/internal/weight_flips.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bluestem/train/internal/checkpoint.h"
#include "tests/train/step_fixture.h"

namespace bluestem::train {
namespace {

using testing::HasSubstr;

const ParameterView& Weight(const Module& module, const std::string& layer) {
  for (const ParameterView& view : module.parameters()) {
    if (view.name == layer + "/weight") return view;
  }
  BLUESTEM_CHECK(false, "a layer of the fixture");
}

void Negate(const ParameterView& weights, int64_t first, int64_t count) {
  for (int64_t i = first; i < first + count; ++i)
    weights.value[i] = weights.value[i] == 0 ? -1.0F : -weights.value[i];
}

class Flips : public testing::Test {
 protected:
  double ShareOf(const std::string& layer, const std::vector<LayerShare>& shares) {
    for (const LayerShare& row : shares) {
      if (row.layer == layer) return row.share;
    }
    return -1;
  }
  StepFixture fixture_;
  Module module_{fixture_.network, fixture_.shapes, 3};
};

TEST_F(Flips, CountsSignsThatChangedSinceTheLastCallInOneBitLayersAlone) {
  WeightFlips flips(module_);
  const ParameterView& codes = Weight(module_, "codes");
  // Over the edge of what one float holds, and the last weight.
  Negate(codes, 20, 10);
  Negate(codes, codes.count - 1, 1);
  Negate(Weight(module_, "stem"), 0, 5);  // 8-bit
  const std::vector<LayerShare> first = flips.Take();
  EXPECT_EQ(first.size(), 7U);
  EXPECT_DOUBLE_EQ(ShareOf("codes", first), 11.0 / static_cast<double>(codes.count));
  EXPECT_EQ(ShareOf("shortcut", first), 0);
  EXPECT_EQ(ShareOf("stem", first), -1);
  EXPECT_EQ(ShareOf("codes", flips.Take()), 0);
}

TEST_F(Flips, AWeightOfZeroIsPositive) {
  const ParameterView& codes = Weight(module_, "codes");
  codes.value[0] = 1.0F;
  WeightFlips flips(module_);
  codes.value[0] = 0.0F;
  EXPECT_EQ(ShareOf("codes", flips.Take()), 0);
  codes.value[0] = -1e-30F;
  EXPECT_GT(ShareOf("codes", flips.Take()), 0);
}

TEST_F(Flips, ARestoredStateCountsFromWhereItWasSaved) {
  WeightFlips before(module_);
  const ParameterView& codes = Weight(module_, "codes");
  Checkpoint checkpoint;
  Append(before.State(), checkpoint);
  Negate(codes, 0, 7);  // within the epoch that the break cuts
  WeightFlips after(module_);
  ASSERT_TRUE(Restore(checkpoint, after.State(), "test").ok());
  Negate(codes, 7, 3);
  EXPECT_DOUBLE_EQ(ShareOf("codes", after.Take()), 10.0 / static_cast<double>(codes.count));
}

TEST_F(Flips, MetricsKeepThemThroughTheirFile) {
  const std::vector<EpochMetrics> rows = {{.epoch = 1, .flips = {{"b/2", 0.25}, {"a", 0.125}}},
                                          {.epoch = 2, .flips = {{"b/2", 0}}}};
  const auto read = MetricsFromJson(MetricsToJson(rows), "test");
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[0].flips, rows[0].flips);
  EXPECT_EQ((*read)[1].flips, rows[1].flips);
}

TEST_F(Flips, TheSectionNamesLayersAndIsAbsentWithoutOneBitWeights) {
  std::vector<EpochMetrics> rows = {{.epoch = 1, .flips = {{"codes", 0.25}}},
                                    {.epoch = 2, .flips = {{"codes", 0.5}}},
                                    {.epoch = 3, .flips = {{"codes", 0.0625}}}};
  const std::string html = WeightFlipsSection(rows, fixture_.network);
  EXPECT_THAT(html, HasSubstr("codes</td><td>25.00 %</td><td>50.00 %</td><td>6.25 %"));
  EXPECT_THAT(html, testing::Not(HasSubstr("float weights")));
  fixture_.network.recipe.float_weight_share = 0.4;
  EXPECT_THAT(WeightFlipsSection(rows, fixture_.network), HasSubstr("first 40 % of the steps"));
  rows[2].flips.clear();
  EXPECT_EQ(WeightFlipsSection(rows, fixture_.network), "");
}

}  // namespace
}  // namespace bluestem::train
