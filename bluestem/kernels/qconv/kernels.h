// Every qconv kernel function, for qconv's table. A kernel of another architecture is null here, so
// that the table has the same rows everywhere.
#pragma once

#include "bluestem/kernels/qconv/qconv.h"

namespace bluestem::kernels {

void qconv_u8s8__reference(const QConvParams& params, const QConvArgs& args);
void qconv_u4s1_lut32__portable(const QConvParams& params, const QConvArgs& args);
void qconv_u8s8_dot32__portable(const QConvParams& params, const QConvArgs& args);
void qconv_u8s8_depthwise32__portable(const QConvParams& params, const QConvArgs& args);

#if defined(__x86_64__)
void qconv_u8s8_tile16__amx(const QConvParams& params, const QConvArgs& args);
void qconv_u2s1_lut64__avx512_vbmi(const QConvParams& params, const QConvArgs& args);
void qconv_u8s8_dot32__avx512_vnni(const QConvParams& params, const QConvArgs& args);
void qconv_u2s1_lut64__avx512(const QConvParams& params, const QConvArgs& args);
void qconv_u4s1_lut64__avx512(const QConvParams& params, const QConvArgs& args);
void qconv_u8s8_depthwise32__avx512(const QConvParams& params, const QConvArgs& args);
void qconv_u8s7_dot32__avx512(const QConvParams& params, const QConvArgs& args);
void qconv_u8s8_dot32__avx512(const QConvParams& params, const QConvArgs& args);
void qconv_u2s1_lut32__avx2(const QConvParams& params, const QConvArgs& args);
void qconv_u4s1_lut32__avx2(const QConvParams& params, const QConvArgs& args);
void qconv_u8s8_depthwise32__avx2(const QConvParams& params, const QConvArgs& args);
void qconv_u8s7_dot16__avx2(const QConvParams& params, const QConvArgs& args);
void qconv_u8s8_dot16__avx2(const QConvParams& params, const QConvArgs& args);
void qconv_u4s1_lut16__sse4(const QConvParams& params, const QConvArgs& args);
void qconv_u8s8_depthwise32__sse4(const QConvParams& params, const QConvArgs& args);
void qconv_u8s7_dot8__sse4(const QConvParams& params, const QConvArgs& args);
void qconv_u8s8_dot8__sse4(const QConvParams& params, const QConvArgs& args);
#else
constexpr QConvFn qconv_u8s8_tile16__amx = nullptr;
constexpr QConvFn qconv_u2s1_lut64__avx512_vbmi = nullptr;
constexpr QConvFn qconv_u8s8_dot32__avx512_vnni = nullptr;
constexpr QConvFn qconv_u2s1_lut64__avx512 = nullptr;
constexpr QConvFn qconv_u4s1_lut64__avx512 = nullptr;
constexpr QConvFn qconv_u8s8_depthwise32__avx512 = nullptr;
constexpr QConvFn qconv_u8s7_dot32__avx512 = nullptr;
constexpr QConvFn qconv_u8s8_dot32__avx512 = nullptr;
constexpr QConvFn qconv_u2s1_lut32__avx2 = nullptr;
constexpr QConvFn qconv_u4s1_lut32__avx2 = nullptr;
constexpr QConvFn qconv_u8s8_depthwise32__avx2 = nullptr;
constexpr QConvFn qconv_u8s7_dot16__avx2 = nullptr;
constexpr QConvFn qconv_u8s8_dot16__avx2 = nullptr;
constexpr QConvFn qconv_u4s1_lut16__sse4 = nullptr;
constexpr QConvFn qconv_u8s8_depthwise32__sse4 = nullptr;
constexpr QConvFn qconv_u8s7_dot8__sse4 = nullptr;
constexpr QConvFn qconv_u8s8_dot8__sse4 = nullptr;
#endif

#if defined(__aarch64__) || defined(__arm__)
void qconv_u4s1_plut32__neon(const QConvParams& params, const QConvArgs& args);
void qconv_u4s1_lut__neon(const QConvParams& params, const QConvArgs& args);
void qconv_u8s8_depthwise32__neon(const QConvParams& params, const QConvArgs& args);
void qconv_u8s7_dot8__neon(const QConvParams& params, const QConvArgs& args);
void qconv_u4s8_dot4__neon(const QConvParams& params, const QConvArgs& args);
void qconv_u8s8_dot8__neon(const QConvParams& params, const QConvArgs& args);
#else
constexpr QConvFn qconv_u4s1_plut32__neon = nullptr;
constexpr QConvFn qconv_u4s1_lut__neon = nullptr;
constexpr QConvFn qconv_u8s8_depthwise32__neon = nullptr;
constexpr QConvFn qconv_u8s7_dot8__neon = nullptr;
constexpr QConvFn qconv_u4s8_dot4__neon = nullptr;
constexpr QConvFn qconv_u8s8_dot8__neon = nullptr;
#endif

#if defined(__aarch64__)
void qconv_u4s1_plut64__neon_dot(const QConvParams& params, const QConvArgs& args);
void qconv_u8s8_dot8__neon_dot(const QConvParams& params, const QConvArgs& args);
#else
constexpr QConvFn qconv_u4s1_plut64__neon_dot = nullptr;
constexpr QConvFn qconv_u8s8_dot8__neon_dot = nullptr;
#endif

}  // namespace bluestem::kernels
