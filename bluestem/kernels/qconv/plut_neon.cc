// NEON on aarch64 and armv7: small tables.
#include "bluestem/kernels/qconv/kernels.h"
#if defined(__aarch64__) || defined(__arm__)
#include "bluestem/kernels/qconv/plut_neon_inl.h"

namespace bluestem::kernels {

void qconv_u4s1_plut32__neon(const QConvParams& params, const QConvArgs& args) {
  RunPlut<NeonPlut<NeonVector, kPlutSmall>>(params, args);
}

}  // namespace bluestem::kernels
#endif
