// qconv's kernels, preferred first.
#include "bluestem/kernels/qconv/kernels.h"

namespace bluestem::kernels {
namespace {

const char* TakesAll(const QConvParams&) {
  return nullptr;
}
size_t NoScratch(const QConvParams&) {
  return 0;
}

}  // namespace

constexpr QConvKernel kQConvKernels[] = {
    {"qconv_u8s8__reference", Isa::kReference, qconv_u8s8__reference, TakesAll, NoScratch},
};
constexpr int32_t kQConvKernelCount = sizeof(kQConvKernels) / sizeof(kQConvKernels[0]);

const QConvKernel& SelectQConv(const QConvParams& params, IsaSet isas) {
  for (const QConvKernel& kernel : kQConvKernels) {
    if (kernel.run == nullptr || (isas & IsaBit(kernel.isa)) == 0) continue;
    if (kernel.refuses(params) == nullptr) return kernel;
  }
  return kQConvKernels[kQConvKernelCount - 1];
}

}  // namespace bluestem::kernels
