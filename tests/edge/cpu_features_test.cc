#include "bluestem/edge/cpu_features.h"

#include <gtest/gtest.h>

#include "bluestem/edge/model_abi.h"

// In abi_c99.c, compiled as C99.
extern "C" int32_t BluestemAbiVersionSeenFromC(void);
extern "C" size_t BluestemTensorInfoBytesSeenFromC(void);

namespace bluestem::edge {
namespace {

using kernels::Isa;
using kernels::IsaBit;
using kernels::IsaSet;

TEST(CpuFeatures, PortableAndReferenceAreAlwaysThere) {
  EXPECT_EQ(CpuIsas() & kernels::kAlways, kernels::kAlways);
}

TEST(CpuFeatures, TheCompilersOwnDetectionAgrees) {
#if defined(__x86_64__)
  const IsaSet isas = CpuIsas();
  EXPECT_EQ((isas & IsaBit(Isa::kSse4)) != 0, __builtin_cpu_supports("sse4.1") != 0);
  EXPECT_EQ((isas & IsaBit(Isa::kAvx2)) != 0, __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ((isas & IsaBit(Isa::kAvx512)) != 0,
            __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0);
  EXPECT_EQ((isas & IsaBit(Isa::kAvx512Vnni)) != 0, __builtin_cpu_supports("avx512vnni") != 0);
  EXPECT_EQ((isas & IsaBit(Isa::kAvx512Vbmi)) != 0,
            __builtin_cpu_supports("avx512vnni") != 0 && __builtin_cpu_supports("avx512vbmi") != 0);
  // Tiles also need what only the kernel can give.
  if ((isas & IsaBit(Isa::kAmx)) != 0) {
    EXPECT_NE(isas & IsaBit(Isa::kAvx512Vbmi), 0u);
  }
  EXPECT_EQ(isas & (IsaBit(Isa::kNeon) | IsaBit(Isa::kNeonDot)), 0u);
#else
  GTEST_SKIP() << "x86-64 only";
#endif
}

TEST(CpuFeatures, BestIsTheMostCapable) {
  EXPECT_EQ(BestIsa(kernels::kAlways), Isa::kPortable);
  EXPECT_EQ(BestIsa(IsaBit(Isa::kReference)), Isa::kReference);
  EXPECT_EQ(BestIsa(kernels::kAlways | IsaBit(Isa::kSse4) | IsaBit(Isa::kAvx2)), Isa::kAvx2);
  EXPECT_EQ(BestIsa(kernels::kAlways | IsaBit(Isa::kNeon)), Isa::kNeon);
  EXPECT_EQ(BestIsa(IsaSetFromName("neon_dot")), Isa::kNeonDot);
}

TEST(CpuFeatures, ANameGivesTheIsaAndWhatItImplies) {
  for (const Isa isa : kernels::kIsas) {
    const IsaSet isas = IsaSetFromName(kernels::IsaName(isa));
    EXPECT_EQ(BestIsa(isas), isa) << kernels::IsaName(isa);
    EXPECT_NE(isas & IsaBit(Isa::kReference), 0u);
  }
  EXPECT_NE(IsaSetFromName("avx512") & IsaBit(Isa::kSse4), 0u);
  EXPECT_NE(IsaSetFromName("avx512_vnni") & IsaBit(Isa::kAvx512), 0u);
  EXPECT_EQ(IsaSetFromName("avx512") & IsaBit(Isa::kAvx512Vnni), 0u);
  EXPECT_NE(IsaSetFromName("avx512_vbmi") & IsaBit(Isa::kAvx512Vnni), 0u);
  EXPECT_EQ(IsaSetFromName("avx512_vnni") & IsaBit(Isa::kAvx512Vbmi), 0u);
  EXPECT_NE(IsaSetFromName("amx") & IsaBit(Isa::kAvx512Vbmi), 0u);
  EXPECT_EQ(IsaSetFromName("avx2") & IsaBit(Isa::kAvx512), 0u);
  EXPECT_NE(IsaSetFromName("neon_dot") & IsaBit(Isa::kNeon), 0u);
  EXPECT_EQ(IsaSetFromName("neon") & IsaBit(Isa::kNeonDot), 0u);
}

TEST(CpuFeatures, AnUnknownNameGivesNothing) {
  EXPECT_EQ(IsaSetFromName("avx1024"), 0u);
  EXPECT_EQ(IsaSetFromName(""), 0u);
  EXPECT_EQ(IsaSetFromName(nullptr), 0u);
}

TEST(ModelAbi, IsTheSameInC99AndInCpp) {
  EXPECT_EQ(BluestemAbiVersionSeenFromC(), BLUESTEM_ABI_VERSION);
  EXPECT_EQ(BluestemTensorInfoBytesSeenFromC(), sizeof(bluestem_tensor_info));
}

}  // namespace
}  // namespace bluestem::edge
