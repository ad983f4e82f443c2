// qconv's kernels, preferred first.
#include "bluestem/kernels/qconv/depthwise.h"
#include "bluestem/kernels/qconv/kernels.h"
#include "bluestem/kernels/qconv/plut.h"
#include "bluestem/kernels/qconv/tiles.h"

namespace bluestem::kernels {
namespace {

const char* TakesAll(const QConvParams&) {
  return nullptr;
}

const char* TakesS1(const QConvParams& p) {
  return PacksS1(p) ? nullptr : "weights are not packed as one bit each";
}

// How often a table is used: by output pixels, and by registers of 64 outputs.
int32_t TableUses(const QConvParams& p) {
  return Taps(p) * CeilDiv(p.co, 2 * kQConvBlock);
}

// Tables of 6 channels cost most to make, and strips under a wide kernel make some of them twice:
// the narrower, the more channels there are.
const char* TakesOftenUsedU2S1(const QConvParams& p) {
  if (TakesS1(p) != nullptr) return TakesS1(p);
  if (p.x_bits > 2) return "codes have more than 2 bits";
  const bool overlap = p.kernel_w > 1 && 8 * TableUses(p) <= p.ci;
  return p.co > kQConvBlock && TableUses(p) > 8 && !overlap ? nullptr
                                                            : "tables are used too seldom";
}

// Tables that are ready cost nothing to make, and more to use.
const char* TakesSeldomUsedU2S1(const QConvParams& p) {
  if (TakesS1(p) != nullptr) return TakesS1(p);
  if (p.x_bits > 2) return "codes have more than 2 bits";
  return TableUses(p) <= 4 ? nullptr : "tables are used so often that it pays to make them";
}

const char* TakesS8(const QConvParams& p) {
  return PacksS1(p) ? "weights are packed as one bit each" : nullptr;
}

// Sums of products stay in 16 bits for some steps, which pays where codes or weights have few bits.
const char* TakesU8S7(const QConvParams& p) {
  if (NarrowDotLimit(p) < 1) return "a sum of two products may not fit 16 bits";
  return TakesS8(p);
}

const char* TakesShortSums(const QConvParams& p) {
  if (!ShiftedSumsFit16(p)) return "a sum may not fit 16 bits";
  return TakesS8(p);
}

const char* TakesU4S8(const QConvParams& p) {
  if (p.x_bits > 4) return "codes have more than 4 bits";
  return TakesS8(p);
}

const char* TakesDepthwise(const QConvParams& p) {
  if (GroupInputs(p) == 1 && GroupOutputs(p) == 1 && p.groups > 1) return nullptr;
  return "not one input and one output a group";
}

// A dot product of 4 channels is wasted on one.
const char* TakesGroupedS8(const QConvParams& p) {
  return TakesDepthwise(p) == nullptr ? "one input and one output a group" : TakesS8(p);
}

size_t NoScratch(const QConvParams&) {
  return 0;
}

template <const BandStep& kStep>
size_t BandScratch(const QConvParams& p) {
  return static_cast<size_t>(PlanBand(p, kStep).bytes);
}

// Of both ways to sum: the weights decide at run time.
size_t EitherDotScratch(const QConvParams& p) {
  const size_t paired = BandScratch<kPairedDotBandStep>(p);
  const size_t plain = BandScratch<kDotBandStep>(p);
  return paired > plain ? paired : plain;
}

template <const PlutSize& kSize>
size_t PlutScratch(const QConvParams& p) {
  return static_cast<size_t>(PlanPlut(p, kSize).bytes);
}

size_t TilesScratch(const QConvParams& p) {
  return static_cast<size_t>(PlanTiles(p).bytes);
}

size_t DepthwiseScratch(const QConvParams& p) {
  return static_cast<size_t>(PlanDepthwise(p).bytes);
}

}  // namespace

constexpr QConvKernel kQConvKernels[] = {
    {"qconv_u8s8_tile16__amx", Isa::kAmx, qconv_u8s8_tile16__amx, TilesRefuse, TilesScratch,
     TilesCutOutputs},
    {"qconv_u2s1_lut64__avx512_vbmi", Isa::kAvx512Vbmi, qconv_u2s1_lut64__avx512_vbmi,
     TakesOftenUsedU2S1, BandScratch<kSextetBandStep>},
    {"qconv_u2s1_lut64__avx512", Isa::kAvx512, qconv_u2s1_lut64__avx512, TakesSeldomUsedU2S1,
     BandScratch<kOffsetBandStep>},
    {"qconv_u4s1_lut64__avx512", Isa::kAvx512, qconv_u4s1_lut64__avx512, TakesS1,
     BandScratch<kNibbleBandStep>},
    {"qconv_u8s8_depthwise32__avx512", Isa::kAvx512, qconv_u8s8_depthwise32__avx512, TakesDepthwise,
     DepthwiseScratch},
    {"qconv_u8s8_dot32__avx512_vnni", Isa::kAvx512Vnni, qconv_u8s8_dot32__avx512_vnni, TakesS8,
     BandScratch<kDotBandStep>},
    {"qconv_u8s7_dot32__avx512", Isa::kAvx512, qconv_u8s7_dot32__avx512, TakesU8S7,
     BandScratch<kDotBandStep>},
    {"qconv_u8s8_dot32__avx512", Isa::kAvx512, qconv_u8s8_dot32__avx512, TakesS8,
     BandScratch<kWideDotBandStep>},
    {"qconv_u2s1_lut32__avx2", Isa::kAvx2, qconv_u2s1_lut32__avx2, TakesSeldomUsedU2S1,
     BandScratch<kOffsetBandStep>},
    {"qconv_u4s1_lut32__avx2", Isa::kAvx2, qconv_u4s1_lut32__avx2, TakesS1,
     BandScratch<kNibbleBandStep>},
    {"qconv_u8s8_depthwise32__avx2", Isa::kAvx2, qconv_u8s8_depthwise32__avx2, TakesDepthwise,
     DepthwiseScratch},
    {"qconv_u8s7_dot16__avx2", Isa::kAvx2, qconv_u8s7_dot16__avx2, TakesU8S7,
     BandScratch<kDotBandStep>},
    {"qconv_u8s8_dot16__avx2", Isa::kAvx2, qconv_u8s8_dot16__avx2, TakesS8,
     BandScratch<kWideDotBandStep>},
    {"qconv_u4s1_lut16__sse4", Isa::kSse4, qconv_u4s1_lut16__sse4, TakesS1,
     BandScratch<kLutBandStep>},
    {"qconv_u8s8_depthwise32__sse4", Isa::kSse4, qconv_u8s8_depthwise32__sse4, TakesDepthwise,
     DepthwiseScratch},
    {"qconv_u8s7_dot8__sse4", Isa::kSse4, qconv_u8s7_dot8__sse4, TakesU8S7,
     BandScratch<kDotBandStep>},
    {"qconv_u8s8_dot8__sse4", Isa::kSse4, qconv_u8s8_dot8__sse4, TakesS8,
     BandScratch<kWideDotBandStep>},
    {"qconv_u4s1_plut64__neon_dot", Isa::kNeonDot, qconv_u4s1_plut64__neon_dot, PlutRefuses,
     PlutScratch<kPlutLarge>},
    {"qconv_u8s8_dot8__neon_dot", Isa::kNeonDot, qconv_u8s8_dot8__neon_dot, TakesGroupedS8,
     BandScratch<kShiftedDotBandStep>},
    {"qconv_u4s1_plut32__neon", Isa::kNeon, qconv_u4s1_plut32__neon, PlutRefuses,
     PlutScratch<kPlutSmall>},
    {"qconv_u4s1_lut__neon", Isa::kNeon, qconv_u4s1_lut__neon, TakesS1, BandScratch<kLutBandStep>},
    {"qconv_u8s8_depthwise32__neon", Isa::kNeon, qconv_u8s8_depthwise32__neon, TakesDepthwise,
     DepthwiseScratch},
    {"qconv_u8s7_dot8__neon", Isa::kNeon, qconv_u8s7_dot8__neon, TakesShortSums,
     BandScratch<kPairedDotBandStep>},
    {"qconv_u4s8_dot4__neon", Isa::kNeon, qconv_u4s8_dot4__neon, TakesU4S8,
     BandScratch<kDotBandStep>},
    {"qconv_u8s8_dot8__neon", Isa::kNeon, qconv_u8s8_dot8__neon, TakesS8, EitherDotScratch},
    {"qconv_u4s1_lut32__portable", Isa::kPortable, qconv_u4s1_lut32__portable, TakesS1,
     BandScratch<kLutBandStep>},
    {"qconv_u8s8_depthwise32__portable", Isa::kPortable, qconv_u8s8_depthwise32__portable,
     TakesDepthwise, DepthwiseScratch},
    {"qconv_u8s8_dot32__portable", Isa::kPortable, qconv_u8s8_dot32__portable, TakesS8,
     BandScratch<kDotBandStep>},
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
