// Space to depth on maps of a step, and back: squares of s x s pixels become channels.
// Threads: free functions without state. Ownership: returns maps of their own.
#pragma once

#include "bluestem/train/internal/torch.h"

namespace bluestem::train {

// Returns the map with channels innermost in memory: itself where they are.
at::Tensor Contiguous(const at::Tensor& map);
// [n, c, h, w] -> [n, s*s*c, h/s, w/s], channel (dy*s + dx)*c + ch.
at::Tensor SpaceToDepth(const at::Tensor& x, int64_t s);
// [n, s*s*c, h/s, w/s] -> [n, c, h, w].
at::Tensor DepthToSpace(const at::Tensor& x, int64_t s);

}  // namespace bluestem::train
