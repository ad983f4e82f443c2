#include "bluestem/kernels/qconv/kernels.h"
#if defined(__x86_64__)
#include "bluestem/kernels/qconv/depthwise_inl.h"

namespace bluestem::kernels {

void qconv_u8s8_depthwise32__avx512(const QConvParams& params, const QConvArgs& args) {
  RunDepthwise(params, args);
}

}  // namespace bluestem::kernels
#endif
