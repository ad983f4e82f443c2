#include "bluestem/train/internal/integer_block.h"

#include <algorithm>
#include <cmath>

#include "bluestem/base/check.h"
#include "bluestem/train/lowbit/pool.h"
#include "bluestem/train/lowbit/rounding.h"

namespace bluestem::train {
namespace {

IntegerConvShape ConvShape(const Network& network, const BlockShape& s, size_t i) {
  const Block& block = network.blocks[i];
  return {.h = s.h,
          .w = s.w,
          .ci = s.ci,
          .oh = s.conv_h,
          .ow = s.conv_w,
          .co = s.co,
          .kernel = block.kernel,
          .stride = block.stride,
          .pad = block.pad,
          .code_bits = network.blocks[i - 1].spec.bits};
}

}  // namespace

const char* RefusesIntegers(const Network& network, const std::vector<BlockShape>& shapes,
                            size_t i) {
  const Block& block = network.blocks[i];
  const WeightQuantizer& weights = network.WeightsOf(block);
  if (weights.bits != 1) return "its weights are not of one bit";
  if (weights.quantize != BinaryMeanScaling) return "its weights have more than one scale";
  if (block.bias) return "it has a bias";
  if (block.pool_first && block.pool > kGreatestPool) return "its pool is wider than 16";
  if (i == 0) return "its input is the picture";
  const Block& previous = network.blocks[i - 1];
  const ActivationQuantizer* input = network.ActivationOf(previous);
  if (input == nullptr || !input->quantizes || (previous.dropout && network.dropout > 0))
    return "its input is not codes";
  return IntegerConv::Refuses(ConvShape(network, shapes[i], i));
}

IntegerBlock::IntegerBlock(const Network& network, const std::vector<BlockShape>& shapes, size_t i,
                           kernels::IsaSet isas)
    : block_(network.blocks[i]),
      shape_(shapes[i]),
      weights_(&network.WeightsOf(block_)),
      input_(network.ActivationOf(network.blocks[i - 1])),
      spec_(&network.blocks[i - 1].spec),
      conv_(std::make_unique<IntegerConv>(ConvShape(network, shape_, i), isas)) {}

void IntegerBlock::TakeWeights(const float* latent) {
  const QuantizedWeights quantized = weights_->quantize(latent, shape_.co, shape_.k);
  BLUESTEM_CHECK(quantized.scales.size() == 1, "one scale a layer");
  weight_scale_ = quantized.scales[0] * block_.gain;
  conv_->SetSigns(quantized.codes.data());
}

uint8_t* IntegerBlock::InputCodes(int64_t n) {
  codes_.resize(static_cast<size_t>(n * shape_.h * shape_.w * shape_.ci));
  return codes_.data();
}

void IntegerBlock::TakeInput(int64_t n, const float* values) {
  uint8_t* codes = InputCodes(n);
  const int64_t size = shape_.h * shape_.w * shape_.ci;
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < n; ++i) input_->codes(*spec_, size, values + i * size, codes + i * size);
}

void IntegerBlock::Forward(int64_t n, float* z) {
  const float scale = spec_->Scale() * weight_scale_;
  if (!Pools()) return conv_->Forward(n, codes_.data(), scale, z);
  choices_.resize(static_cast<size_t>(n * shape_.norm_h * shape_.norm_w * shape_.co));
  conv_->ForwardPooled(n, codes_.data(), scale, block_.pool, z, choices_.data());
}

// The gradient of the convolution's output: that of the norm's input, at the pool's choices.
// `first`: this rank's first image in the joint batch.
const uint8_t* IntegerBlock::RoundedGradient(int64_t n, const Gradients& gradients, float scale,
                                             int64_t first) {
  const int64_t size = shape_.norm_h * shape_.norm_w * shape_.co;
  rounded_.resize(static_cast<size_t>(n * size));
  RoundGradient(n * size, gradients.gz, scale, {.seed = gradients.seed, .first = first * size},
                rounded_.data());
  if (!Pools()) return rounded_.data();
  const PoolShape pool{
      .h = shape_.conv_h, .w = shape_.conv_w, .channels = shape_.co, .pool = block_.pool};
  const int64_t full = shape_.conv_h * shape_.conv_w * shape_.co;
  scattered_.resize(static_cast<size_t>(n * full));
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < n; ++i)
    MaxPoolBackward(pool, rounded_.data() + i * size, choices_.data() + i * size,
                    scattered_.data() + i * full);
  return scattered_.data();
}

bool IntegerBlock::Backward(int64_t n, const Gradients& gradients, Ranks& ranks) {
  const float own = GradientScale(gradients.greatest);
  const float scale = ranks.Max(std::isnan(own) ? INFINITY : own);
  if (!std::isfinite(scale) || !std::isfinite(weight_scale_)) return false;
  const uint8_t* rounded = RoundedGradient(n, gradients, scale, ranks.rank() * n);
  conv_->InputGradient(n, rounded, scale * weight_scale_, gradients.gx);
  conv_->WeightGradient(n, codes_.data(), rounded, scale * spec_->Scale() * block_.gain,
                        gradients.gw);
  return true;
}

}  // namespace bluestem::train
