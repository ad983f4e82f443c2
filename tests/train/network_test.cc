// The table of networks: shapes as the seed has them, refusals, cost.
#include "bluestem/train/networks/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bluestem/train/networks/cost.h"

namespace bluestem::train {
namespace {

config::Experiment Named(const std::string& name, int64_t side = 32) {
  config::Experiment experiment;
  experiment.network.name = name;
  experiment.data.height = experiment.data.width = side;
  return experiment;
}

TEST(Networks, LmnetV1HasTheSeedsParametersAndShapes) {
  const Network network = MakeNetwork(Named("lmnet_v1"), 10).value();
  const std::vector<BlockShape> shapes = Shapes(network).value();
  const std::vector<LayerCost> cost = CostTable(network, shapes);
  int64_t weights = 0, parameters = 0, macs = 0;
  for (const LayerCost& row : cost)
    weights += row.weights, parameters += row.parameters, macs += row.macs;
  EXPECT_EQ(parameters, 717226);
  EXPECT_EQ(cost[2].macs, 75497472);  // conv3, the largest
  EXPECT_EQ(macs / 100000, 1335);     // 133.5 M
  Network both = network;
  both.mirror = true;
  EXPECT_EQ(CostTable(both, shapes)[2].macs, 2 * 75497472);
  const task::Macs by_bits = MacsByBits(cost);
  int64_t sum = 0;
  for (const auto& [bits, count] : by_bits) sum += count;
  EXPECT_EQ(sum, macs);
  for (size_t i = 1; i < by_bits.size(); ++i) EXPECT_GE(by_bits[i - 1].second, by_bits[i].second);
  EXPECT_EQ(task::MacsText({{"w1a2", 98912345}, {"w1a8", 1180000}, {"w32a32", 12345}}),
            "98.9 MMAC w1a2, 1.2 w1a8, 0.0123 w32a32");
  EXPECT_EQ(shapes[6].ci, 64);
  EXPECT_EQ(shapes[5].ci, 512);
  EXPECT_EQ(shapes[6].out_h, 4);
}

TEST(Networks, Resnet18HasTheChannelsOfHeEtAls) {
  const Network network = MakeNetwork(Named("resnet18"), 10).value();
  const std::vector<BlockShape> shapes = Shapes(network).value();
  int64_t weights = 0;
  for (const LayerCost& row : CostTable(network, shapes)) weights += row.weights;
  // Theirs without 1x1 shortcuts; a stem of 3x3, and 10 classes.
  EXPECT_EQ(weights, 10985472 + 27 * 64 + 5120);
  EXPECT_EQ(shapes.size(), 18U);
  EXPECT_EQ(shapes[16].co, 512);
  EXPECT_EQ(shapes[16].out_h, 4);
}

TEST(Networks, EveryRowMakesANetworkThatFits) {
  for (const NetworkRow& row : Networks()) {
    const Result<Network> network = MakeNetwork(Named(row.name), 3);
    ASSERT_TRUE(network.ok()) << row.name << ": " << network.status().message();
    const std::vector<BlockShape> shapes = Shapes(*network).value();
    EXPECT_EQ(shapes.back().co, 3) << row.name;
    EXPECT_GT(row.summary[0], 0);
  }
}

TEST(Networks, AnUnknownNameListsTheKnownOnes) {
  const Status status = MakeNetwork(Named("lmnet_v9"), 10).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(),
              testing::HasSubstr(
                  "network.name: got lmnet_v9; expected one of lmnet_v0, lmnet_v1, bluestem_s"));
}

TEST(Networks, LayerBitsChangeOneLayersWeightsAndCodes) {
  config::Experiment experiment;
  experiment.network.name = "bluestem_s";
  experiment.network.layer_bits = {"deep1=w4a3", "widen=a8", "head=w2"};
  const Network network = MakeNetwork(experiment, 10).value();
  for (const Block& block : network.blocks) {
    const int32_t weights = block.name == "deep1"  ? 4
                            : block.name == "head" ? 2
                            : block.name == "stem" ? 8
                                                   : 1;
    EXPECT_EQ(network.WeightsOf(block).bits, weights) << block.name;
    EXPECT_EQ(block.spec.bits, block.name == "deep1" ? 3 : block.name == "widen" ? 8 : 2);
  }
  EXPECT_EQ(InputBits(network, 3), 8);
  experiment.network.layer_bits = {"deep9=w4"};
  EXPECT_THAT(MakeNetwork(experiment, 10).status().message(),
              testing::HasSubstr("network.layer_bits: got deep9=w4; the layers of bluestem_s are "
                                 "stem, enter, widen, deep1"));
}

TEST(Networks, ASizeThatDoesNotDivideIsRefusedWithTheLayer) {
  const Status status = MakeNetwork(Named("lmnet_v1", 30), 10).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), testing::HasSubstr("data.image_size: got [30, 30]"));
  EXPECT_THAT(status.message(), testing::HasSubstr("conv4"));
}

TEST(Networks, SumsBeyondExactF32AreRefused) {
  config::Experiment experiment = Named("lmnet_v1");
  experiment.network.activation_bits = 8;
  EXPECT_TRUE(MakeNetwork(experiment, 10).ok());  // 256*9*255 fits
  Network network = MakeNetwork(experiment, 10).value();
  network.blocks[2].weights = Weights::kEightBit;  // 2304 * 255 * 127 does not
  const Status status = CheckAccumulator(network, 2, Shapes(network).value()[2]);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), testing::HasSubstr("sums of conv3 reach 74615040"));
}

}  // namespace
}  // namespace bluestem::train
