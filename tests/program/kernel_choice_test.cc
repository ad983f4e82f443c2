#include "bluestem/program/kernel_choice.h"

#include <gtest/gtest.h>

namespace bluestem::program {
namespace {

kernels::QConvParams Pointwise(int32_t x_bits, int32_t w_bits) {
  kernels::QConvParams p{};
  p.h = p.w = p.ho = p.wo = 4;
  p.ci = p.co = 64;
  p.kernel_h = p.kernel_w = p.stride_h = p.stride_w = p.dilation_h = p.dilation_w = p.groups = 1;
  p.x_bits = x_bits;
  p.w_bits = w_bits;
  p.epilogue = kernels::QConvEpilogue::kRaw;
  p.levels = 1;
  return p;
}

TEST(KernelChoice, NamesTheRowOfEachLevelWhateverThisCpuIs) {
  const std::string text = ChoicesText(Pointwise(2, 1));
  for (const char* part : {"amx: qconv_u8s8_tile16__amx", "avx512: qconv_u2s1_lut64__avx512",
                           "avx2: qconv_u2s1_lut32__avx2", "sse4: qconv_u4s1_lut16__sse4",
                           "neon: qconv_u4s1_lut", "portable: qconv_u4s1_lut32__portable"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

TEST(KernelChoice, MakesTablesWhereTheyAreUsedOften) {
  kernels::QConvParams p = Pointwise(2, 1);
  const auto chosen = [&](kernels::Isa isa) { return ChooseKernel(p, WithImplied(isa)).kernel; };
  EXPECT_EQ(chosen(kernels::Isa::kAvx512Vbmi), "qconv_u2s1_lut64__avx512");
  p.kernel_h = p.kernel_w = 3;
  p.co = 64;
  EXPECT_EQ(chosen(kernels::Isa::kAvx512Vbmi), "qconv_u2s1_lut64__avx512_vbmi");
  EXPECT_EQ(chosen(kernels::Isa::kAvx512Vnni), "qconv_u4s1_lut64__avx512");
  p.x_bits = 4;
  EXPECT_EQ(chosen(kernels::Isa::kAvx512Vbmi), "qconv_u4s1_lut64__avx512");
}

TEST(KernelChoice, TellsTheRefusalsBeforeTheRowThatTakesACall) {
  const KernelChoice choice = ChooseKernel(Pointwise(8, 8), WithImplied(kernels::Isa::kAvx512Vnni));
  EXPECT_EQ(choice.isa, kernels::Isa::kAvx512Vnni);
  ASSERT_FALSE(choice.refusals.empty());
  EXPECT_EQ(choice.refusals[0].reason, "weights are not packed as one bit each");
  EXPECT_NE(ChoicesText(Pointwise(8, 8)).find("(" + choice.refusals[0].kernel + ": weights are"),
            std::string::npos);
}

TEST(KernelChoice, SaysNothingOfAFamilyOfOneFunction) {
  EXPECT_EQ(ChooseKernel(kernels::SoftmaxParams{}, kernels::kAlways).kernel, "");
  EXPECT_EQ(ChoicesText(kernels::SoftmaxParams{}), "");
  EXPECT_EQ(WhyReference(kernels::SoftmaxParams{}, kernels::kAlways), "");
}

TEST(KernelChoice, GivesAReasonForTheReferenceKernelAndOnlyForIt) {
  for (const CpuLevel& level : CpuLevels()) {
    EXPECT_EQ(WhyReference(Pointwise(2, 1), level.isas), "") << level.name;
  }
  EXPECT_EQ(WhyReference(Pointwise(2, 1), kernels::IsaBit(kernels::Isa::kReference)),
            "no other instruction set is allowed; portable has qconv_u4s1_lut32__portable");
}

}  // namespace
}  // namespace bluestem::program
