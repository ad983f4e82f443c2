// Large tables, for the larger cores that have dot products. Uses none: the ISA's name stands for
// the caches.
#include "bluestem/kernels/qconv/kernels.h"
#if defined(__aarch64__)
#include "bluestem/kernels/qconv/plut_neon_inl.h"

namespace bluestem::kernels {

void qconv_u4s1_plut64__neon_dot(const QConvParams& params, const QConvArgs& args) {
  RunPlut<NeonPlut<NeonVectors, kPlutLarge>>(params, args);
}

}  // namespace bluestem::kernels
#endif
