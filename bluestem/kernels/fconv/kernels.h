// Every fconv kernel function, for fconv's table. A kernel of another architecture is null here, so
// that the table has the same rows everywhere.
#pragma once

#include "bluestem/kernels/fconv/fconv.h"

namespace bluestem::kernels {

void fconv_f32__reference(const FConvParams& params, const FConvArgs& args);
void fconv_f32_co8__portable(const FConvParams& params, const FConvArgs& args);

#if defined(__x86_64__)
void fconv_f32_co8__sse4(const FConvParams& params, const FConvArgs& args);
void fconv_f32_co8__avx2(const FConvParams& params, const FConvArgs& args);
void fconv_f32_co8__avx512(const FConvParams& params, const FConvArgs& args);
#else
constexpr FConvFn fconv_f32_co8__sse4 = nullptr;
constexpr FConvFn fconv_f32_co8__avx2 = nullptr;
constexpr FConvFn fconv_f32_co8__avx512 = nullptr;
#endif

#if defined(__aarch64__)
void fconv_f32_co8__neon(const FConvParams& params, const FConvArgs& args);
#else
constexpr FConvFn fconv_f32_co8__neon = nullptr;
#endif

}  // namespace bluestem::kernels
