// The one place that includes LibTorch: tensors and operators, no autograd front end. Included by
// few translation units, each of which costs half a minute to compile.
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/version.h>
#pragma GCC diagnostic pop

namespace bluestem::train {

// A channels-last f32 view [n, c, h, w] of memory in [n, h, w, c] order, which the caller keeps
// alive.
inline at::Tensor ChannelsLastView(float* data, int64_t n, int64_t h, int64_t w, int64_t c) {
  return at::from_blob(data, {n, c, h, w}, {h * w * c, 1, w * c, c},
                       at::TensorOptions().dtype(at::kFloat));
}

// A fresh channels-last map.
inline at::Tensor EmptyMap(int64_t n, int64_t c, int64_t h, int64_t w) {
  return at::empty(
      {n, c, h, w},
      at::TensorOptions().dtype(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
}

}  // namespace bluestem::train
