// A trained network as an ir::Graph, NCHW, ready for interchange::ToOnnx: the only door out of the
// trainer. Threads: free functions without state.
#pragma once

#include "bluestem/ir/graph.h"
#include "bluestem/train/internal/module.h"

namespace bluestem::train {

// Input "input" f32 [1, c, h, w] (normalized pixels), output "probabilities" f32 [1, classes].
// Latent weights are kept as initializers in front of their quantizers. Errors: what an op refuses
// (a defect).
Result<ir::Graph> ToGraph(const Module& module);

}  // namespace bluestem::train
