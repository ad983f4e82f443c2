#include "bluestem/train/internal/block_parameters.h"

#include <algorithm>
#include <string>

#include "bluestem/base/rng.h"
#include "bluestem/train/internal/initial.h"

namespace bluestem::train {
namespace {

constexpr float kLeastMax = 0.01F;   // of a learned activation
constexpr float kLeastStep = 1e-5F;  // of learned weights

bool LeavesFloat(const Block& block, bool float_weights) {
  return float_weights && block.weights == Weights::kConfigured;
}

ParameterView View(const std::string& name, Role role, size_t block, std::vector<float>& value,
                   int64_t rows = 1) {
  return {.name = name,
          .role = role,
          .block = block,
          .count = static_cast<int64_t>(value.size()),
          .rows = rows,
          .value = value.data()};
}

ParameterView Learned(ParameterView view, std::vector<float>& gradient) {
  gradient.assign(static_cast<size_t>(view.count), 0.0F);
  view.gradient = gradient.data();
  return view;
}

ParameterView One(const std::string& name, Role role, size_t block, float* value) {
  return {.name = name, .role = role, .block = block, .count = 1, .value = value};
}

}  // namespace

void BlockParameters::Begin(Network& network, const BlockShape& shape, size_t i, uint64_t seed,
                            std::vector<ParameterView>& parameters,
                            std::vector<ParameterView>& statistics) {
  Block& block = network.blocks[i];
  const auto channels = static_cast<size_t>(block.channels);
  const auto name = [&](const char* what) { return block.name + "/" + what; };
  Initialise(block, shape, Rng(seed, 0x1417, i), weight);
  parameters.push_back(
      Learned(View(name("weight"), Role::kWeight, i, weight, block.channels), weight_gradient));
  const WeightQuantizer& quantizer = network.WeightsOf(block);
  if (quantizer.LearnsStep()) {
    block.weight_step =
        LsqInitialStep(quantizer.bits, static_cast<int64_t>(weight.size()), weight.data());
    parameters.push_back(
        Learned(One(name("step"), Role::kStep, i, &block.weight_step), step_gradient));
  }
  if (block.bias) {
    bias.assign(channels, 0.0F);
    parameters.push_back(Learned(View(name("bias"), Role::kBias, i, bias), bias_gradient));
  }
  if (!block.batch_norm) return;
  if (block.gamma) {
    gamma.assign(channels, 1.0F);
    parameters.push_back(Learned(View(name("gamma"), Role::kGamma, i, gamma), gamma_gradient));
  }
  beta.assign(channels, 0.0F);
  parameters.push_back(Learned(View(name("beta"), Role::kBeta, i, beta), beta_gradient));
  const ActivationQuantizer* activation = network.ActivationOf(block);
  if (activation != nullptr && activation->max_gradient != nullptr)
    parameters.push_back(Learned(One(name("max"), Role::kMax, i, &block.spec.max), max_gradient));
  mean.assign(channels, 0.0F);
  variance.assign(channels, 1.0F);
  statistics.push_back(View(name("mean"), Role::kMean, i, mean));
  statistics.push_back(View(name("variance"), Role::kVariance, i, variance));
}

void BlockParameters::UseWeights(const Network& network, const BlockShape& shape, size_t i,
                                 bool float_weights) {
  const Block& block = network.blocks[i];
  used.resize(weight.size());
  const WeightQuantizer& quantizer =
      LeavesFloat(block, float_weights) ? *FindWeightQuantizer("none") : network.WeightsOf(block);
  WeightValues(quantizer, block.weight_step, weight.data(), shape.co, shape.k, used.data());
  if (block.gain != 1.0F) {
    for (float& w : used) w *= block.gain;
  }
}

void BlockParameters::PassThrough(const Network& network, size_t i, bool float_weights,
                                  double progress) {
  const Block& block = network.blocks[i];
  if (network.weight_ste->pass == nullptr || network.WeightsOf(block).bits != 1 ||
      LeavesFloat(block, float_weights))
    return;
  network.weight_ste->pass(progress, static_cast<int64_t>(weight.size()), weight.data(),
                           weight_gradient.data());
}

void BlockParameters::LearnStep(Network& network, size_t i, bool float_weights) {
  if (step_gradient.empty()) return;
  Block& block = network.blocks[i];
  const int32_t bits = network.WeightsOf(block).bits;
  const auto count = static_cast<int64_t>(weight.size());
  step_gradient[0] = 0.0F;
  if (LeavesFloat(block, float_weights)) {
    block.weight_step = LsqInitialStep(bits, count, weight.data());
  } else {
    step_gradient[0] = static_cast<float>(
        LsqStepGradient(bits, block.weight_step, count, weight.data(), weight_gradient.data()));
  }
}

void BlockParameters::Collect(int64_t batch, const std::vector<float>& means,
                              const std::vector<float>& variances) {
  const auto images = static_cast<double>(batch);
  for (size_t c = 0; c < means.size(); ++c) {
    const auto m = static_cast<double>(means[c]);
    sum_mean[c] += images * m;
    sum_square[c] += images * (static_cast<double>(variances[c]) + m * m);
  }
}

void LimitLearned(Block& block) {
  block.spec.max = std::max(block.spec.max, kLeastMax);
  block.weight_step = std::max(block.weight_step, kLeastStep);
}

}  // namespace bluestem::train
