// What a block's code_shortcut adds to its map of a step, and what goes back along it.
// Threads: free functions without state. Ownership: results may share the arguments' memory.
#pragma once

#include "bluestem/train/internal/torch.h"

namespace bluestem::train {

// [n, c, h, w] -> [n, channels, h/stride, w/stride]: each stride-th pixel, zeros from channel c on.
at::Tensor ShortcutValues(const at::Tensor& x, int64_t stride, int64_t channels);
// Adds to `sum`, of x's shape, what `gradient` of those values is of x. Makes an undefined `sum`;
// `gradient` may then be changed by the next call.
void AddShortcutGradient(const at::Tensor& x, int64_t stride, const at::Tensor& gradient,
                         at::Tensor& sum);

}  // namespace bluestem::train
