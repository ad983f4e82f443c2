#include "bluestem/train/internal/tensor_act.h"

#include "bluestem/base/check.h"

namespace bluestem::train {
namespace {

at::Scalar Real(float value) {
  return {static_cast<double>(value)};
}
at::Scalar Greatest(const ActivationSpec& spec) {
  return {static_cast<double>(spec.Levels() - 1)};
}

// x / step, clipped to the codes.
at::Tensor Steps(const ActivationSpec& spec, const at::Tensor& r) {
  return r.mul(Real(1.0F / spec.Scale())).clamp_(0.0, Greatest(spec));
}

// [n, c, h, w] -> [n, c, h*s, w*s]: each pixel s x s times.
at::Tensor Repeat(const at::Tensor& x, int64_t s) {
  const int64_t n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
  return x.reshape({n, c, h, 1, w, 1}).expand({n, c, h, s, w, s}).reshape({n, c, h * s, w * s});
}

}  // namespace

at::Tensor TensorActivation(const ActivationCall& activation, const at::Tensor& r) {
  if (activation.quantizer == nullptr) return r;
  if (!activation.quantizer->quantizes) return r.clamp_min(0.0);
  return Steps(activation.spec, r).add_(0.5).floor_().mul_(Real(activation.spec.Scale()));
}

at::Tensor TensorActivationGradient(const ActivationCall& activation, const at::Tensor& r,
                                    const at::Tensor& gy) {
  if (activation.quantizer == nullptr) return gy;
  if (activation.quantizer->backward == IdentityBackward) return gy;
  if (activation.quantizer->backward == ApproxSignBackward) {
    const at::Tensor steps = Steps(activation.spec, r), part = steps.sub(steps.floor());
    return gy.mul(part.minimum(part.neg().add_(1.0)).mul_(4.0));
  }
  at::Tensor inside = r.gt(0.0);
  if (activation.quantizer->quantizes) inside.logical_and_(r.lt(Real(activation.spec.max)));
  return gy.mul(inside);
}

double TensorMaxGradient(const ActivationCall& activation, const at::Tensor& r,
                         const at::Tensor& gy) {
  const ActivationSpec& spec = activation.spec;
  if (activation.quantizer->max_gradient == PactMaxGradient)
    return gy.mul(r.ge(Real(spec.max))).sum(at::kDouble).item<double>();
  BLUESTEM_CHECK(activation.quantizer->max_gradient == LsqMaxGradient,
                 "each learned max has its operators");
  const at::Tensor steps = Steps(spec, r);
  const at::Tensor slope = steps.add(0.5).floor_().sub_(steps);
  const at::Tensor clipped = steps.ge(Greatest(spec));
  return gy.mul(slope.masked_fill(clipped, Greatest(spec))).sum(at::kDouble).item<double>();
}

at::Tensor TensorPoolGradient(const at::Tensor& gradient, const at::Tensor& index, int64_t pool) {
  const int64_t h = gradient.size(2) * pool, w = gradient.size(3) * pool;
  const at::Tensor places = at::arange(h * w, index.options()).reshape({1, 1, h, w});
  return Repeat(gradient, pool).mul(Repeat(index, pool).eq(places));
}

}  // namespace bluestem::train
