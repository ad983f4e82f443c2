// bluestem_s: our small classifier. It trains well in minutes and stays cheap in integers. With w =
// network.width (32):
//
//   stem   4x4, stride 2, 1.5 w channels, 8-bit weights on u8 pixels: a quarter of the map, almost
//   free enter  3x3, w channels, then max-pool: the only 1-bit layer at the larger map, kept narrow
//   because it is the dearest widen  3x3, 2 w channels deep1..3  3x3, 2 w channels: depth where a
//   convolution costs least head   1x1 to the classes, 8-bit weights; its gain of 3 makes up for
//   the mean over the map
//
// Body weights have 1 bit, codes network.activation_bits. Gamma is 1, so pools commute with norm
// and quantizer. Image sides are multiples of 4.
#include "bluestem/train/networks/network.h"

namespace bluestem::train {
namespace {

constexpr int64_t kDefaultWidth = 32;

Block Body(const std::string& name, int64_t channels) {
  return {.name = name,
          .channels = channels,
          .initial = Initial::kUniform,
          .gamma = false,
          .epsilon = 1e-5F};
}

}  // namespace

std::vector<Block> BluestemS(const config::NetworkConfig& config, int64_t classes) {
  const int64_t width = config.width > 0 ? config.width : kDefaultWidth;
  std::vector<Block> blocks;
  blocks.push_back(Body("stem", width + width / 2));
  blocks.back().kernel = 4;
  blocks.back().stride = 2;
  blocks.back().weights = Weights::kEightBit;
  blocks.push_back(Body("enter", width));
  blocks.back().pool = 2;
  blocks.back().pool_first = true;
  blocks.push_back(Body("widen", 2 * width));
  for (const char* name : {"deep1", "deep2", "deep3"}) {
    blocks.push_back(Body(name, 2 * width));
    blocks.back().shortcut = true;
  }
  blocks.back().dropout = true;
  blocks.push_back({.name = "head",
                    .channels = classes,
                    .kernel = 1,
                    .pad = 0,
                    .weights = Weights::kEightBit,
                    .initial = Initial::kUniform,
                    .gain = 3.0F,
                    .batch_norm = false,
                    .activation = Activation::kNone});
  return blocks;
}

}  // namespace bluestem::train
