// Named views of f32 arrays: what an optimizer moves and a checkpoint keeps. Threads: values.
// Ownership: a view refers to memory that someone else keeps alive.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bluestem::train {

// kMax: the greatest value of an activation that learns it; kStep: the step of weights, likewise.
enum class Role : uint8_t { kWeight, kBias, kGamma, kBeta, kMax, kStep, kMean, kVariance };

// A parameter, or (kMean, kVariance) a batch-norm statistic, which has no gradient.
struct ParameterView {
  std::string name;  // "conv1/weight"
  Role role = Role::kWeight;
  size_t block = 0;
  int64_t count = 0;
  int64_t rows = 1;  // of a weight [co, k]: co
  float* value = nullptr;
  float* gradient = nullptr;
};

// What an optimizer remembers of parameter `of`, as "<what>/conv1/weight".
inline ParameterView StateView(const char* what, const ParameterView& of,
                               std::vector<float>& values) {
  ParameterView view = of;
  view.name = std::string(what) + "/" + of.name;
  view.count = static_cast<int64_t>(values.size());
  view.value = values.data();
  view.gradient = nullptr;
  return view;
}

}  // namespace bluestem::train
