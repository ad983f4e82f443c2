#include "bluestem/kernels/qconv/depthwise_inl.h"
#include "bluestem/kernels/qconv/kernels.h"

namespace bluestem::kernels {

void qconv_u8s8_depthwise32__portable(const QConvParams& params, const QConvArgs& args) {
  RunDepthwise(params, args);
}

}  // namespace bluestem::kernels
