// A network of every kind of block, ten pictures, and the gradients of a step, for tests of steps.
#pragma once

#include <cmath>
#include <vector>

#include "bluestem/base/rng.h"
#include "bluestem/train/internal/module.h"

namespace bluestem::train {

constexpr int64_t kImages = 10;

struct StepFixture {
  Network network;
  std::vector<BlockShape> shapes;
  std::vector<float> images;
  std::vector<int32_t> labels;

  // Every way of a block's output to the next: codes, a pool before or after, space to depth,
  // shortcuts.
  explicit StepFixture(bool pool_first = true) {
    network.name = "test";
    network.h = network.w = 16, network.c = 3, network.classes = 4;
    network.weight_quantizer = FindWeightQuantizer("binary_mean_scaling");
    network.activation_quantizer = FindActivationQuantizer("linear_mid_tread_half");
    network.blocks = {
        {.name = "stem", .channels = 16, .kernel = 4, .stride = 2, .weights = Weights::kEightBit},
        {.name = "codes", .channels = 32, .gain = 0.5F},
        {.name = "shortcut", .channels = 32, .shortcut = true},
        {.name = "pool_first",
         .channels = 16,
         .pad = 2,
         .gamma = false,
         .pool = 2,
         .pool_first = pool_first},
        {.name = "code_shortcut", .channels = 16, .code_shortcut = 1},
        {.name = "fold", .channels = 16, .kernel = 2, .pad = 0, .space_to_depth = 2},
        {.name = "pool_after", .channels = 16, .pool = 2},
        {.name = "narrow", .channels = 24, .kernel = 1, .pad = 0},
        {.name = "head",
         .channels = 4,
         .kernel = 1,
         .pad = 0,
         .weights = Weights::kFloat,
         .bias = true,
         .batch_norm = false,
         .activation = Activation::kNone}};
    network.blocks[0].pad = 1;
    shapes = Shapes(network).value();
    Rng rng(5);
    images.resize(kImages * 16 * 16 * 3);
    for (float& x : images) x = static_cast<float>(rng.Unit());
    for (int64_t i = 0; i < kImages; ++i) labels.push_back(static_cast<int32_t>(rng.Below(4)));
  }

  StepResult Step(Module& module, uint64_t seed) const {
    return module.Step({.count = kImages, .images = images.data(), .labels = labels.data()},
                       {.label_smoothing = 0.1, .seed = seed});
  }
};

inline std::vector<std::vector<double>> Gradients(const Module& module) {
  std::vector<std::vector<double>> all;
  for (const ParameterView& p : module.parameters())
    all.emplace_back(p.gradient, p.gradient + p.count);
  return all;
}

inline double Norm(const std::vector<double>& a) {
  double square = 0;
  for (const double x : a) square += x * x;
  return std::sqrt(square);
}

inline double Cosine(const std::vector<double>& a, const std::vector<double>& b) {
  double product = 0;
  for (size_t i = 0; i < a.size(); ++i) product += a[i] * b[i];
  return product / (Norm(a) * Norm(b));
}

}  // namespace bluestem::train
