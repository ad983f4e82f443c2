// The mean over the pixels of a step's last map: the scores before the head, and their gradient.
// Threads: free functions without state. Ownership: values.
#pragma once

#include <vector>

#include "bluestem/train/internal/torch.h"

namespace bluestem::train {

// [n, c, h, w] -> [n, c].
std::vector<float> MapMean(const at::Tensor& x);
// The gradient of `x` where `part` times `gradient`, [n, c], is that of its mean.
at::Tensor MapMeanGradient(const at::Tensor& x, const std::vector<float>& gradient, double part);

}  // namespace bluestem::train
