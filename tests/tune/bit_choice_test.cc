// The chooser of bits against every choice there is, on small random networks.
#include "bluestem/tune/bit_choice.h"

#include <gtest/gtest.h>

#include <random>

namespace bluestem::tune {
namespace {

constexpr int32_t kPixelBits = 8;

// Layers as the trainer measures them: w8a8 may not read 8-bit codes in some, the last puts out
// real values, rises have ties and may be below 0.
std::vector<BitLayer> RandomLayers(std::mt19937& random, size_t count, double unit) {
  const auto below = [&](int64_t n) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
  };
  std::vector<BitLayer> layers;
  for (size_t i = 0; i < count; ++i) {
    BitLayer layer{
        .name = "layer", .macs = 1000 + below(100000), .weights = 5 + below(3000), .options = {}};
    const bool last = i + 1 == count;
    double rise = unit * static_cast<double>(below(100000));
    for (const int32_t bits : {1, 2, 4, 8}) {
      layer.options.push_back({.text = "",
                               .weight_bits = bits,
                               .code_bits = last ? kRealBits : std::max(2, bits),
                               .most_read = bits == 8 && i > 0 && below(2) == 0 ? 4 : 8,
                               .rise = rise});
      rise -= unit * static_cast<double>(below(40000));
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

bool Possible(const std::vector<BitLayer>& layers, const std::vector<size_t>& options) {
  for (size_t i = 1; i < layers.size(); ++i) {
    const int32_t read = layers[i - 1].options[options[i - 1]].code_bits;
    if (read != kRealBits && read > layers[i].options[options[i]].most_read) return false;
  }
  return true;
}

double RiseOf(const std::vector<BitLayer>& layers, const std::vector<size_t>& options) {
  double rise = 0;
  for (size_t i = 0; i < layers.size(); ++i) rise += layers[i].options[options[i]].rise;
  return rise;
}

TEST(BitChoice, IsTheBestOfAllForEveryBudget) {
  std::mt19937 random(11);
  for (int trial = 0; trial < 30; ++trial) {
    const std::vector<BitLayer> layers = RandomLayers(random, 2 + random() % 4, 1e-5);
    for (const BitCost cost : {BitCost::kBytes, BitCost::kBitOperations}) {
      const std::vector<BitChoice> front = BitFront(layers, kPixelBits, cost);
      ASSERT_FALSE(front.empty());
      std::vector<std::pair<int64_t, double>> all;
      std::vector<size_t> options(layers.size());
      for (size_t code = 0; code < size_t{1} << (2 * layers.size()); ++code) {
        for (size_t i = 0; i < layers.size(); ++i) options[i] = code >> (2 * i) & 3;
        if (Possible(layers, options))
          all.emplace_back(CostOf(layers, kPixelBits, options, cost), RiseOf(layers, options));
      }
      for (size_t k = 0; k < 20; ++k) {
        const int64_t budget = all[random() % all.size()].first;
        double least = 1e9;
        for (const auto& [price, rise] : all)
          least = price <= budget ? std::min(least, rise) : least;
        const BitChoice* chosen = Within(front, budget);
        ASSERT_NE(chosen, nullptr);
        EXPECT_NEAR(chosen->rise, least, 1e-9);
        EXPECT_LE(chosen->cost, budget);
        EXPECT_TRUE(Possible(layers, chosen->options));
        EXPECT_EQ(chosen->cost, CostOf(layers, kPixelBits, chosen->options, cost));
        EXPECT_NEAR(chosen->rise, RiseOf(layers, chosen->options), 1e-9);
      }
      int64_t smallest = all[0].first;
      for (const auto& [price, rise] : all) smallest = std::min(smallest, price);
      EXPECT_EQ(front.front().cost, smallest);
      EXPECT_EQ(Within(front, smallest - 1), nullptr);
      for (size_t i = 1; i < front.size(); ++i) {
        EXPECT_GT(front[i].cost, front[i - 1].cost);
        EXPECT_LT(front[i].rise, front[i - 1].rise);
      }
    }
  }
}

TEST(BitChoice, CountsBytesRoundedUpAndBitsThatAreRead) {
  const std::vector<BitLayer> layers = {
      {.name = "a", .macs = 100, .weights = 9, .options = {{.weight_bits = 1, .code_bits = 2}}},
      {.name = "b", .macs = 10, .weights = 3, .options = {{.weight_bits = 4, .code_bits = 32}}},
      {.name = "c", .macs = 1, .weights = 1, .options = {{.weight_bits = 8, .code_bits = 32}}}};
  EXPECT_EQ(CostOf(layers, 8, {0, 0, 0}, BitCost::kBytes), 2 + 2 + 1);
  EXPECT_EQ(CostOf(layers, 8, {0, 0, 0}, BitCost::kBitOperations),
            100 * 1 * 8 + 10 * 4 * 2 + 1 * 8 * 32);
}

TEST(BitChoice, IsEmptyWhereALayerCanReadNothing) {
  const std::vector<BitLayer> layers = {
      {.name = "a", .macs = 1, .weights = 1, .options = {{.weight_bits = 8, .code_bits = 8}}},
      {.name = "b", .macs = 1, .weights = 1, .options = {{.weight_bits = 8, .most_read = 4}}}};
  EXPECT_TRUE(BitFront(layers, 8, BitCost::kBytes).empty());
}

// Twenty layers have 4^20 choices.
TEST(BitChoice, StaysSmallWhereChoicesAreMany) {
  std::mt19937 random(5);
  const std::vector<BitChoice> front =
      BitFront(RandomLayers(random, 20, 1e-5), kPixelBits, BitCost::kBitOperations);
  EXPECT_GT(front.size(), 20U);
  EXPECT_LT(front.size(), 20000U);
}

}  // namespace
}  // namespace bluestem::tune
