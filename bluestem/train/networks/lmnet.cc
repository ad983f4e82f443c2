// The seed's classifiers, layer for layer: LmnetV0 with max-pools, LmnetV1 with space to depth.
#include "bluestem/train/networks/network.h"

namespace bluestem::train {
namespace {

// The shared end: 1x1 with ReLU, dropout, then 1x1 with float weights and bias to the classes.
void AppendHead(std::vector<Block>& blocks, const std::string& first, const std::string& second,
                int64_t classes) {
  blocks.push_back({.name = first,
                    .channels = 64,
                    .kernel = 1,
                    .pad = 0,
                    .activation = Activation::kRelu,
                    .dropout = true});
  blocks.push_back({.name = second,
                    .channels = classes,
                    .kernel = 1,
                    .pad = 0,
                    .weights = Weights::kFloat,
                    .initial = Initial::kSmallNormal,
                    .bias = true,
                    .batch_norm = false,
                    .activation = Activation::kNone});
}

}  // namespace

std::vector<Block> LmnetV0(const config::Experiment&, int64_t classes) {
  std::vector<Block> blocks = {{.name = "conv1", .channels = 32, .pool = 2},
                               {.name = "conv2", .channels = 64, .pool = 2},
                               {.name = "conv3", .channels = 128, .pool = 2},
                               {.name = "conv4", .channels = 256, .pool = 2},
                               {.name = "conv5", .channels = 256, .pool = 2}};
  AppendHead(blocks, "conv6", "conv7", classes);
  return blocks;
}

std::vector<Block> LmnetV1(const config::Experiment&, int64_t classes) {
  std::vector<Block> blocks = {{.name = "conv1", .channels = 32},
                               {.name = "conv2", .channels = 64, .space_to_depth = 2},
                               {.name = "conv3", .channels = 128},
                               {.name = "conv4", .channels = 64, .space_to_depth = 2},
                               {.name = "conv5", .channels = 128, .space_to_depth = 2}};
  AppendHead(blocks, "conv6", "conv7", classes);
  return blocks;
}

}  // namespace bluestem::train
