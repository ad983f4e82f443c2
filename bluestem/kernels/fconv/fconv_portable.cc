#include "bluestem/kernels/fconv/kernels.h"
#include "bluestem/kernels/fconv/vector_inl.h"

namespace bluestem::kernels {

void fconv_f32_co8__portable(const FConvParams& params, const FConvArgs& args) {
  RunFConv<2>(params, args);
}

}  // namespace bluestem::kernels
