#include "bluestem/train/internal/space_to_depth.h"

namespace bluestem::train {

at::Tensor Contiguous(const at::Tensor& map) {
  return map.contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor SpaceToDepth(const at::Tensor& x, int64_t s) {
  const int64_t n = x.size(0), c = x.size(1), h = x.size(2) / s, w = x.size(3) / s;
  return Contiguous(x.permute({0, 2, 3, 1})
                        .reshape({n, h, s, w, s, c})
                        .permute({0, 1, 3, 2, 4, 5})
                        .reshape({n, h, w, s * s * c})
                        .permute({0, 3, 1, 2}));
}

at::Tensor DepthToSpace(const at::Tensor& x, int64_t s) {
  const int64_t n = x.size(0), c = x.size(1) / (s * s), h = x.size(2), w = x.size(3);
  return Contiguous(x.permute({0, 2, 3, 1})
                        .reshape({n, h, w, s, s, c})
                        .permute({0, 1, 3, 2, 4, 5})
                        .reshape({n, h * s, w * s, c})
                        .permute({0, 3, 1, 2}));
}

}  // namespace bluestem::train
