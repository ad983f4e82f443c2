// BlockParameters: what a block of a Module learns and counts, in the CPU's memory whatever device
// computes with it. Threads: one thread at a time. Ownership: owns its arrays, to which views
// refer.
#pragma once

#include <cstdint>
#include <vector>

#include "bluestem/train/internal/parameter.h"
#include "bluestem/train/networks/network.h"

namespace bluestem::train {

// What a pass over the network is for: gradients, statistics of norms, or scores by them.
enum class PassMode : uint8_t { kTrain, kStatistics, kScores };

struct BlockParameters {
  std::vector<float> weight, weight_gradient;  // latent, [co, kh, kw, ci]
  std::vector<float> used;                     // quantized values of this step, times gain
  std::vector<float> bias, bias_gradient;
  std::vector<float> gamma, gamma_gradient;
  std::vector<float> beta, beta_gradient;
  std::vector<float> max_gradient;           // one, where the activation learns its max
  std::vector<float> step_gradient;          // one, where the weights learn their step
  std::vector<float> mean, variance;         // statistics for scores
  std::vector<double> sum_mean, sum_square;  // while statistics are collected

  // Gives block i of the network its initial values, which follow from `seed`, and adds views of
  // what it has to the lists.
  void Begin(Network& network, const BlockShape& shape, size_t i, uint64_t seed,
             std::vector<ParameterView>& parameters, std::vector<ParameterView>& statistics);
  // Fills `used`. With `float_weights`, Weights::kConfigured are not quantized.
  void UseWeights(const Network& network, const BlockShape& shape, size_t i, bool float_weights);
  // Makes the gradient of 1-bit weights of their values', by the network's estimator; `progress` is
  // the share of the steps that are done.
  void PassThrough(const Network& network, size_t i, bool float_weights, double progress);
  // Where a step is learned: makes the weights' gradient of their values', and fills the step's.
  // While weights are float the step stays where it would begin for them (LsqInitialStep).
  void LearnStep(Network& network, size_t i, bool float_weights);
  // Adds the moments of a batch of so many images to those that are collected.
  void Collect(int64_t batch, const std::vector<float>& means, const std::vector<float>& variances);
};

// Brings what an optimizer moved too far back to where it means something.
void LimitLearned(Block& block);

}  // namespace bluestem::train
