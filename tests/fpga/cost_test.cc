#include "bluestem/fpga/cost.h"

#include <gtest/gtest.h>

#include "tests/runtime/conv_programs.h"

namespace bluestem::fpga {
namespace {

using runtime::ChainBuilder;

RegionCost MustCost(ChainBuilder& chain) {
  const auto program = chain.Finish();
  auto cost = CostOf(*program, 0, program->calls.size(), EngineConfig{});
  EXPECT_TRUE(cost.ok()) << cost.status().message();
  return cost.ok() ? *cost : RegionCost();
}

TEST(CostOf, LayersAndTheStoreAddUpToTheRegionsClocks) {
  ChainBuilder chain(16, 24, 3, 5);
  chain.Conv({.co = 32, .x_bits = 8});
  chain.SpaceToDepth();
  chain.Conv({.co = 64});
  chain.Conv({.co = 96, .stride = 2});
  chain.Conv({.co = 1024, .kernel = 1, .pad = 0});  // its weights go in parts
  const RegionCost cost = MustCost(chain);
  ASSERT_EQ(cost.layers.size(), 4u);
  int64_t sum = cost.store_clocks;
  for (const LayerCost& layer : cost.layers) {
    EXPECT_GT(layer.array_clocks, 0);
    EXPECT_GE(layer.idle_clocks, 0);
    EXPECT_GT(layer.port_clocks, 0);
    sum += layer.clocks();
  }
  EXPECT_EQ(sum, cost.clocks);
  EXPECT_GT(cost.layers[0].idle_clocks, 0);  // nothing was loaded beside an earlier one
  EXPECT_GT(cost.store_clocks, 0);
}

TEST(CostOf, TrafficIsWhatTheDescriptorsMove) {
  ChainBuilder chain(4, 4, 32, 5);
  chain.Conv({.co = 64});
  const RegionCost cost = MustCost(chain);
  ASSERT_EQ(cost.layers.size(), 1u);
  const Traffic& traffic = cost.layers[0].traffic;
  EXPECT_EQ(traffic.weights, 2 * 9 * kWeightWordBytes);
  EXPECT_EQ(traffic.thresholds, 2 * kThresholdBytes);
  EXPECT_EQ(traffic.taps, 9 * kTapBytes);
  EXPECT_EQ(traffic.maps, (1 + 2) * 16 * kWordBytes);
  EXPECT_EQ(cost.layers[0].macs, int64_t{16} * 64 * 9 * 32);
}

TEST(CostOf, AMoveBelongsToTheConvolutionThatMakesItWhileItWrites) {
  ChainBuilder chain(8, 8, 32, 5);
  chain.Conv({.co = 32});
  chain.Pool();
  const RegionCost cost = MustCost(chain);
  ASSERT_EQ(cost.layers.size(), 1u);
  EXPECT_EQ(cost.layers[0].move, std::optional<size_t>(1));
  EXPECT_TRUE(cost.host_calls.empty());
  EXPECT_EQ(cost.layers[0].traffic.maps, (64 + 16) * kWordBytes);
}

TEST(CostOf, StripsThatDoNotFitAreAnErrorThatNamesTheCall) {
  ChainBuilder chain(64, 64, 32, 5);
  chain.Conv({.co = 32});
  const auto program = chain.Finish();
  const auto cost = CostOf(*program, 0, 1, {.bank_words = 64});  // two rows of each map are 96
  ASSERT_FALSE(cost.ok());
  EXPECT_EQ(cost.status().code(), Code::kUnsupported);
  EXPECT_NE(cost.status().message().find("conv0"), std::string::npos);
}

TEST(CostOf, StripsCountWhatTheyMoveOnTheirOwnLayers) {
  ChainBuilder chain(64, 64, 32, 5);
  chain.Conv({.co = 32});
  chain.Conv({.co = 32});
  const auto program = chain.Finish();
  const auto whole = CostOf(*program, 0, 2, {});
  const auto strips = CostOf(*program, 0, 2, {.bank_words = 1024});
  ASSERT_TRUE(whole.ok() && strips.ok());
  int64_t sum = strips->store_clocks;
  for (size_t i = 0; i < 2; ++i) {
    sum += strips->layers[i].clocks();
    EXPECT_EQ(strips->layers[i].traffic.weights, whole->layers[i].traffic.weights);
    EXPECT_GT(strips->layers[i].traffic.maps, 2 * 64 * 64 * kWordBytes);
  }
  EXPECT_EQ(sum, strips->clocks);
  EXPECT_GT(strips->clocks, whole->clocks + 2 * 64 * 64);  // there and back
}

}  // namespace
}  // namespace bluestem::fpga
