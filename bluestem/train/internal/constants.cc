#include <cstring>

#include "bluestem/train/internal/exact.h"
#include "bluestem/train/internal/ratios.h"

namespace bluestem::train {
namespace {

std::vector<float> Values(const std::vector<ParameterView>& views, size_t block, Role role) {
  for (const ParameterView& view : views) {
    if (view.block == block && view.role == role) return {view.value, view.value + view.count};
  }
  return {};
}

}  // namespace

BlockConstants ConstantsOf(const Module& module, size_t i) {
  const Block& block = module.network().blocks[i];
  const BlockShape& shape = module.shapes()[i];
  const WeightQuantizer& quantizer = module.network().WeightsOf(block);
  BlockConstants constants;
  const std::vector<float> latent = Values(module.parameters(), i, Role::kWeight);
  if (quantizer.bits == 0) {
    constants.real_weights = latent;
    for (float& w : constants.real_weights) w *= block.gain;
  } else {
    constants.weights = Quantize(quantizer, block.weight_step, latent.data(), shape.co, shape.k);
    for (float& scale : constants.weights.scales) scale *= block.gain;
  }
  constants.bias = Values(module.parameters(), i, Role::kBias);
  constants.beta = Values(module.parameters(), i, Role::kBeta);
  constants.gamma = Values(module.parameters(), i, Role::kGamma);
  if (block.batch_norm && constants.gamma.empty())
    constants.gamma.assign(constants.beta.size(), 1.0F);
  constants.mean = Values(module.statistics(), i, Role::kMean);
  constants.variance = Values(module.statistics(), i, Role::kVariance);
  if (AddsCodesToSums(module.network(), i)) MakeRatiosWhole(module.network(), i, constants);
  return constants;
}

bool ReadsCodes(const Network& network) {
  return network.normalize != image::Normalize::kPerImageStandardization &&
         network.WeightsOf(network.blocks[0]).bits != 0;
}

float PixelScale(const Network& network) {
  return network.normalize == image::Normalize::kNone ? 1.0F : static_cast<float>(1.0 / 255.0);
}

}  // namespace bluestem::train
