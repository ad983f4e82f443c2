#include "bluestem/train/networks/parts.h"

namespace bluestem::train {

int64_t WidthOf(const config::Experiment& experiment) {
  constexpr int64_t kDefaultWidth = 32;
  return experiment.network.width > 0 ? experiment.network.width : kDefaultWidth;
}

Block Body(const std::string& name, int64_t channels) {
  return {.name = name,
          .channels = channels,
          .initial = Initial::kUniform,
          .gamma = false,
          .epsilon = 1e-5F};
}

std::vector<Block> End(std::vector<Block> blocks, int64_t classes, float gain) {
  blocks.back().dropout = true;
  blocks.push_back({.name = "head",
                    .channels = classes,
                    .kernel = 1,
                    .pad = 0,
                    .weights = Weights::kEightBit,
                    .initial = Initial::kUniform,
                    .gain = gain,
                    .batch_norm = false,
                    .activation = Activation::kNone});
  return blocks;
}

}  // namespace bluestem::train
