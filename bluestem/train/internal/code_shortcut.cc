#include "bluestem/train/internal/code_shortcut.h"

#include "bluestem/train/internal/space_to_depth.h"

namespace bluestem::train {
namespace {

at::Tensor EachPixel(const at::Tensor& x, int64_t stride) {
  return x.slice(2, 0, x.size(2), stride).slice(3, 0, x.size(3), stride);
}

// A map where `x` is.
at::Tensor EmptyOn(const at::Tensor& x, at::IntArrayRef sizes) {
  return at::empty(sizes, x.options().memory_format(at::MemoryFormat::ChannelsLast));
}

}  // namespace

at::Tensor ShortcutValues(const at::Tensor& x, int64_t stride, int64_t channels) {
  if (stride == 1 && channels == x.size(1)) return x;
  const at::Tensor pixels = EachPixel(x, stride);
  at::Tensor values = EmptyOn(x, {x.size(0), channels, pixels.size(2), pixels.size(3)});
  values.narrow(1, 0, x.size(1)).copy_(pixels);
  values.narrow(1, x.size(1), channels - x.size(1)).zero_();
  return values;
}

void AddShortcutGradient(const at::Tensor& x, int64_t stride, const at::Tensor& gradient,
                         at::Tensor& sum) {
  if (!sum.defined() && gradient.sizes() == x.sizes()) {
    sum = gradient;
    return;
  }
  if (!sum.defined()) sum = EmptyOn(x, x.sizes()).zero_();
  EachPixel(sum, stride).add_(gradient.narrow(1, 0, x.size(1)));
}

}  // namespace bluestem::train
