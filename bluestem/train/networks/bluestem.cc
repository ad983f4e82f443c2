// Our classifiers. They train well in minutes and stay cheap in integers. With w = network.width
// (32):
//
//   stem      4x4, stride 2, 1.5 w channels up to a multiple of 16, which steps in integers need;
//             8-bit weights on u8 pixels: a quarter of the map, almost free
//   enter     3x3, w channels, then max-pool: the only 1-bit layer at the larger map, kept narrow
//             because it is the dearest
//   widen     3x3, 2 w channels
//   early     bluestem_l only, between these two and at the larger map: 3x3, w channels with a
//             shortcut; the max-pool then comes after widen
//   early1, 2 bluestem_xl only, likewise, at half of its map: its stem is 3x3, stride 1, w / 2
//             channels, so that enter sees the whole picture's map; and widen ends in a max-pool
//   deep1, 2  3x3, 2 w channels with shortcuts: depth where a convolution costs least
//   deep3     bluestem_s only: the same
//   narrow    not in bluestem_s: 3x3, 4 w channels, then max-pool
//   deep3, 4  not in bluestem_s: 3x3, 4 w channels with shortcuts
//   head      1x1 to the classes, 8-bit weights. bluestem_s: its gain of 3 makes up for the mean
//             over the map. The others: deep4 ends in a ReLU and the maximum over the map, and the
//             gain is 1/9 (as Jordan's airbench, 2024)
//
// With network.shortcut codes, each shortcut adds the codes that its block reads, in place of the
// value that they were made of.
// Body weights have 1 bit, codes network.activation_bits. Gamma is 1, so pools commute with norm
// and quantizer. Image sides are multiples of 4 (bluestem_s) or 8 (the others).
#include <numeric>

#include "bluestem/train/networks/parts.h"

namespace bluestem::train {
namespace {

void Append(std::vector<Block>& blocks, const std::string& name, int64_t channels, int32_t pool) {
  blocks.push_back(Body(name, channels));
  blocks.back().pool = pool;
  blocks.back().pool_first = pool > 0;
}

void AppendDeep(const config::Experiment& experiment, std::vector<Block>& blocks, int64_t channels,
                std::initializer_list<const char*> names) {
  const bool codes = experiment.network.shortcut == "codes";
  for (const char* name : names) {
    blocks.push_back(Body(name, channels));
    blocks.back().shortcut = !codes;
    blocks.back().code_shortcut = codes ? 1 : 0;
  }
}

// The stem of all but bluestem_xl.
std::vector<Block> Begin(int64_t width) {
  std::vector<Block> blocks = {Body("stem", (width + width / 2 + 15) / 16 * 16)};
  blocks.back().kernel = 4;
  blocks.back().stride = 2;
  blocks.back().weights = Weights::kEightBit;
  return blocks;
}

// The rest of the nets with a stage at a quarter of the map.
std::vector<Block> ThreeStages(const config::Experiment& experiment, std::vector<Block> blocks,
                               int64_t classes) {
  const int64_t width = WidthOf(experiment);
  AppendDeep(experiment, blocks, 2 * width, {"deep1", "deep2"});
  Append(blocks, "narrow", 4 * width, 2);
  AppendDeep(experiment, blocks, 4 * width, {"deep3", "deep4"});
  // Over the whole map; where its sides differ, over the greatest squares that tile it.
  blocks.back().activation = Activation::kRelu;
  blocks.back().pool =
      static_cast<int32_t>(std::gcd(experiment.data.height / 8, experiment.data.width / 8));
  return End(std::move(blocks), classes, 1.0F / 9.0F);
}

}  // namespace

std::vector<Block> BluestemS(const config::Experiment& experiment, int64_t classes) {
  const int64_t width = WidthOf(experiment);
  std::vector<Block> blocks = Begin(width);
  Append(blocks, "enter", width, 2);
  Append(blocks, "widen", 2 * width, 0);
  AppendDeep(experiment, blocks, 2 * width, {"deep1", "deep2", "deep3"});
  return End(std::move(blocks), classes, 3.0F);
}

std::vector<Block> BluestemM(const config::Experiment& experiment, int64_t classes) {
  const int64_t width = WidthOf(experiment);
  std::vector<Block> blocks = Begin(width);
  Append(blocks, "enter", width, 2);
  Append(blocks, "widen", 2 * width, 0);
  return ThreeStages(experiment, std::move(blocks), classes);
}

std::vector<Block> BluestemXl(const config::Experiment& experiment, int64_t classes) {
  const int64_t width = WidthOf(experiment);
  std::vector<Block> blocks = {Body("stem", (width / 2 + 15) / 16 * 16)};
  blocks.back().weights = Weights::kEightBit;
  Append(blocks, "enter", width, 2);
  AppendDeep(experiment, blocks, width, {"early1", "early2"});
  Append(blocks, "widen", 2 * width, 2);
  return ThreeStages(experiment, std::move(blocks), classes);
}

std::vector<Block> BluestemL(const config::Experiment& experiment, int64_t classes) {
  const int64_t width = WidthOf(experiment);
  std::vector<Block> blocks = Begin(width);
  Append(blocks, "enter", width, 0);
  AppendDeep(experiment, blocks, width, {"early"});
  Append(blocks, "widen", 2 * width, 2);
  return ThreeStages(experiment, std::move(blocks), classes);
}

}  // namespace bluestem::train
