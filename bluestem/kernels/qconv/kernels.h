// Every qconv kernel function, for qconv's table. A kernel of another architecture is null here, so
// that the table has the same rows everywhere.
#pragma once

#include "bluestem/kernels/qconv/qconv.h"

namespace bluestem::kernels {

void qconv_u8s8__reference(const QConvParams& params, const QConvArgs& args);
void qconv_u8s1_lut32__portable(const QConvParams& params, const QConvArgs& args);
void qconv_u8s8_dot32__portable(const QConvParams& params, const QConvArgs& args);
void qconv_u8s8_depthwise32__portable(const QConvParams& params, const QConvArgs& args);

#if defined(__x86_64__)
void qconv_u8s1_lut32__avx2(const QConvParams& params, const QConvArgs& args);
void qconv_u4s8_dot16__avx2(const QConvParams& params, const QConvArgs& args);
void qconv_u8s8_dot16__avx2(const QConvParams& params, const QConvArgs& args);
void qconv_u8s8_depthwise32__avx2(const QConvParams& params, const QConvArgs& args);
#else
constexpr QConvFn qconv_u8s1_lut32__avx2 = nullptr;
constexpr QConvFn qconv_u4s8_dot16__avx2 = nullptr;
constexpr QConvFn qconv_u8s8_dot16__avx2 = nullptr;
constexpr QConvFn qconv_u8s8_depthwise32__avx2 = nullptr;
#endif

}  // namespace bluestem::kernels
