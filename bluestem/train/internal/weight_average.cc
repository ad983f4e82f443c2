#include "bluestem/train/internal/weight_average.h"

#include <algorithm>

namespace bluestem::train {

WeightAverage::WeightAverage(double decay, std::vector<ParameterView> parameters)
    : decay_(decay), parameters_(std::move(parameters)) {
  if (decay_ <= 0) return;
  for (const ParameterView& p : parameters_) average_.emplace_back(p.value, p.value + p.count);
}

void WeightAverage::Update(int64_t step) {
  const auto t = static_cast<double>(step);
  const auto share = static_cast<float>(1.0 - std::min(decay_, (1.0 + t) / (10.0 + t)));
  for (size_t i = 0; i < average_.size(); ++i) {
    for (size_t k = 0; k < average_[i].size(); ++k)
      average_[i][k] += share * (parameters_[i].value[k] - average_[i][k]);
  }
}

void WeightAverage::Swap() {
  for (size_t i = 0; i < average_.size(); ++i)
    std::swap_ranges(average_[i].begin(), average_[i].end(), parameters_[i].value);
}

std::vector<ParameterView> WeightAverage::State() {
  std::vector<ParameterView> views;
  for (size_t i = 0; i < average_.size(); ++i)
    views.push_back(StateView("average", parameters_[i], average_[i]));
  return views;
}

}  // namespace bluestem::train
