#include "bluestem/train/networks/cost.h"

namespace bluestem::train {
namespace {

constexpr int64_t kExactIntegers = int64_t{1} << 24;  // f32 holds every integer up to here

// Of weights: -1 and +1, or symmetric.
int64_t GreatestCode(int32_t bits) {
  return bits == 1 ? 1 : (int64_t{1} << (bits - 1)) - 1;
}

}  // namespace

int32_t InputBits(const Network& network, size_t block) {
  if (block == 0) return network.normalize == image::Normalize::kPerImageStandardization ? 32 : 8;
  return network.MakesCodes(block - 1) ? network.blocks[block - 1].spec.bits : 32;
}

Status CheckAccumulator(const Network& network, size_t block, const BlockShape& shape) {
  const int32_t x_bits = InputBits(network, block);
  const int32_t w_bits = network.WeightsOf(network.blocks[block]).bits;
  if (x_bits == 32 || w_bits == 0) return OkStatus();
  const int64_t greatest = shape.k * ((int64_t{1} << x_bits) - 1) * GreatestCode(w_bits);
  if (greatest < kExactIntegers) return OkStatus();
  return Error(Code::kInvalidArgument,
               "network: sums of {} reach {} ({} taps of {}-bit codes and {}-bit weights); the "
               "exact evaluation holds {}; use fewer "
               "channels or bits",
               network.blocks[block].name, greatest, shape.k, x_bits, w_bits, kExactIntegers);
}

std::vector<LayerCost> CostTable(const Network& network, const std::vector<BlockShape>& shapes) {
  std::vector<LayerCost> rows;
  for (size_t i = 0; i < network.blocks.size(); ++i) {
    const Block& block = network.blocks[i];
    const BlockShape& shape = shapes[i];
    LayerCost row;
    row.name = block.name;
    row.shape = fmt::format("{0}x{0} {1} -> {2} at {3}x{4}", block.kernel, shape.ci, shape.co,
                            shape.conv_h, shape.conv_w);
    row.x_bits = InputBits(network, i);
    const int32_t w_bits = network.WeightsOf(block).bits;
    row.w_bits = w_bits == 0 ? 32 : w_bits;
    row.weights = shape.co * shape.k;
    row.macs = row.weights * shape.conv_h * shape.conv_w * (network.mirror ? 2 : 1);
    row.parameters = row.weights + (block.bias ? shape.co : 0) +
                     (block.batch_norm ? (block.gamma ? 2 : 1) * shape.co : 0);
    row.weight_bytes = (row.weights * row.w_bits + 7) / 8;
    row.activation_bytes = shape.norm_h * shape.norm_w * shape.co * (network.MakesCodes(i) ? 1 : 4);
    rows.push_back(row);
  }
  return rows;
}

task::Macs MacsByBits(const std::vector<LayerCost>& table) {
  task::Macs macs;
  for (const LayerCost& row : table)
    task::AddMacs(fmt::format("w{}a{}", row.w_bits, row.x_bits), row.macs, macs);
  task::SortMacs(macs);
  return macs;
}

}  // namespace bluestem::train
