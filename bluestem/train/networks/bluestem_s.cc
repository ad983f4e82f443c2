// bluestem_s: our small classifier. It trains well in minutes and every layer but the head's mean
// is integers.
//
//   stem   4x4 stride 2, 8-bit weights on u8 pixels: a quarter of the map, almost free
//   body   3x3 1-bit weights on 2-bit codes; gamma is 1, so pools commute with norm and quantizer
//   pairs  the second of two equal layers adds the value before the first one's quantizer (f32,
//   defined op by op) head   1x1, 8-bit weights, to the classes; its gain of 1/9 keeps the first
//   losses near log(classes)
#include "bluestem/train/networks/network.h"

namespace bluestem::train {
namespace {

constexpr int64_t kDefaultWidth = 64;

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
  Block stem = Body("stem", width / 2);
  stem.kernel = 4;
  stem.stride = 2;
  stem.weights = Weights::kEightBit;
  blocks.push_back(stem);
  blocks.push_back(Body("body1", width));
  blocks.push_back(Body("body2", width));
  blocks.back().shortcut = true;
  Block down = Body("body3", 2 * width);
  down.pool = 2;
  down.pool_first = true;
  blocks.push_back(down);
  blocks.push_back(Body("body4", 2 * width));
  blocks.back().shortcut = true;
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
