// Activations and pools of a step in LibTorch's operators, for maps on any device; on the CPU,
// norm_act.h's loops are faster. The values are quantizers.h's bit for bit.
//
// Threads: free functions without state. Ownership: values.
#pragma once

#include "bluestem/train/internal/norm_act.h"
#include "bluestem/train/internal/torch.h"

namespace bluestem::train {

// Returns activation(r).
at::Tensor TensorActivation(const ActivationCall& activation, const at::Tensor& r);
// Returns the gradient of r from that of the activation.
at::Tensor TensorActivationGradient(const ActivationCall& activation, const at::Tensor& r,
                                    const at::Tensor& gy);
// Returns the gradient of the activation's max, before its factor. Requires: it learns one.
double TensorMaxGradient(const ActivationCall& activation, const at::Tensor& r,
                         const at::Tensor& gy);

// Returns the gradient of what was pooled by `pool` x `pool`, which divides its sides, from that of
// the result and the places of the greatest. Elementwise: LibTorch's own adds by atomic
// instructions on CUDA, in no fixed order.
at::Tensor TensorPoolGradient(const at::Tensor& gradient, const at::Tensor& index, int64_t pool);

}  // namespace bluestem::train
