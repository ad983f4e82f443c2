// fconv's kernels, preferred first.
#include "bluestem/kernels/fconv/kernels.h"

namespace bluestem::kernels {
namespace {

const char* TakesAll(const FConvParams&) {
  return nullptr;
}

}  // namespace

constexpr FConvKernel kFConvKernels[] = {
    {"fconv_f32_co8__avx512", Isa::kAvx512, fconv_f32_co8__avx512, TakesAll},
    {"fconv_f32_co8__avx2", Isa::kAvx2, fconv_f32_co8__avx2, TakesAll},
    {"fconv_f32_co8__sse4", Isa::kSse4, fconv_f32_co8__sse4, TakesAll},
    {"fconv_f32_co8__neon", Isa::kNeon, fconv_f32_co8__neon, TakesAll},
    {"fconv_f32_co8__portable", Isa::kPortable, fconv_f32_co8__portable, TakesAll},
    {"fconv_f32__reference", Isa::kReference, fconv_f32__reference, TakesAll},
};
constexpr int32_t kFConvKernelCount = sizeof(kFConvKernels) / sizeof(kFConvKernels[0]);

const FConvKernel& SelectFConv(const FConvParams& params, IsaSet isas) {
  for (const FConvKernel& kernel : kFConvKernels) {
    if (kernel.run == nullptr || (isas & IsaBit(kernel.isa)) == 0) continue;
    if (kernel.refuses(params) == nullptr) return kernel;
  }
  return kFConvKernels[kFConvKernelCount - 1];
}

}  // namespace bluestem::kernels
