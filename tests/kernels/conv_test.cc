#include <gtest/gtest.h>

#include "bluestem/edge/cpu_features.h"
#include "tests/kernels/conv_cases.h"

namespace bluestem::kernels {
namespace {

class QConvRow : public testing::TestWithParam<int> {};
class FConvRow : public testing::TestWithParam<int> {};

TEST_P(QConvRow, EqualsTheDefinitionBitForBit) {
  const QConvKernel& kernel = kQConvKernels[GetParam()];
  if (kernel.run == nullptr) GTEST_SKIP() << kernel.symbol << ": not on this architecture";
  if ((edge::CpuIsas() & IsaBit(kernel.isa)) == 0) {
    GTEST_SKIP() << kernel.symbol << ": this CPU has no " << IsaName(kernel.isa);
  }
  uint64_t seed = 0;
  int taken = 0;
  for (const QConvParams& params : QConvCases()) {
    ++seed;
    if (kernel.refuses(params) != nullptr) continue;
    ++taken;
    for (const int32_t parts : {1, 2, 3}) {
      ASSERT_EQ(CheckQConv(kernel, params, seed, seed % 4, parts), "")
          << kernel.symbol << " " << Describe(params) << " seed " << seed << " in " << parts;
    }
    if (kernel.cuts_outputs == nullptr || params.groups > 1) continue;
    for (const int32_t parts : {2, 3}) {
      ASSERT_EQ(CheckQConv(kernel, params, seed, seed % 4, parts, true), "")
          << kernel.symbol << " " << Describe(params) << " seed " << seed << " in " << parts
          << " of outputs";
    }
  }
  EXPECT_GT(taken, 0) << kernel.symbol << " takes none of the shapes";
}

TEST_P(FConvRow, EqualsTheDefinitionBitForBit) {
  const FConvKernel& kernel = kFConvKernels[GetParam()];
  if (kernel.run == nullptr) GTEST_SKIP() << kernel.symbol << ": not on this architecture";
  if ((edge::CpuIsas() & IsaBit(kernel.isa)) == 0) {
    GTEST_SKIP() << kernel.symbol << ": this CPU has no " << IsaName(kernel.isa);
  }
  uint64_t seed = 0;
  for (const FConvParams& params : FConvCases()) {
    ++seed;
    if (kernel.refuses(params) != nullptr) continue;
    for (const int32_t parts : {1, 2, 3}) {
      ASSERT_EQ(CheckFConv(kernel, params, seed, seed % 4, parts), "")
          << kernel.symbol << " " << Describe(params) << " seed " << seed << " in " << parts;
    }
  }
}

// Sizes at which kernels cut the map, the channels and their tables into blocks.
TEST(QConvTable, EqualsTheReferenceOnTheShapesOfTheIssue) {
  uint64_t seed = 0;
  for (const QConvParams& params : QConvBenchCases()) {
    ++seed;
    EXPECT_EQ(CheckQConvRows(params, seed, edge::CpuIsas()), "") << Describe(params);
  }
  EXPECT_EQ(seed, 9u);
}

QConvParams Pointwise(int32_t x_bits, int32_t w_bits) {
  QConvParams p{};
  p.h = p.w = p.ho = p.wo = 4;
  p.ci = p.co = 64;
  p.kernel_h = p.kernel_w = p.stride_h = p.stride_w = p.dilation_h = p.dilation_w = p.groups = 1;
  p.x_bits = x_bits;
  p.w_bits = w_bits;
  p.epilogue = QConvEpilogue::kRaw;
  p.levels = 1;
  return p;
}

TEST(QConvTable, EndsWithTheReferenceThatTakesAll) {
  const QConvKernel& last = kQConvKernels[kQConvKernelCount - 1];
  EXPECT_EQ(last.isa, Isa::kReference);
  for (const QConvParams& params : QConvCases()) EXPECT_EQ(last.refuses(params), nullptr);
}

TEST(QConvTable, SymbolsAreUniqueAndEndWithTheirIsa) {
  for (int i = 0; i < kQConvKernelCount; ++i) {
    const std::string symbol = kQConvKernels[i].symbol;
    const std::string suffix = std::string("__") + IsaName(kQConvKernels[i].isa);
    EXPECT_EQ(symbol.substr(symbol.size() - suffix.size()), suffix);
    for (int k = 0; k < i; ++k) EXPECT_NE(symbol, kQConvKernels[k].symbol);
  }
}

// Lowering plans the arena on one machine for all: no row may depend on where it is asked.
TEST(QConvTable, EveryRowTellsScratchAndReasonWhereverItRuns) {
  for (int i = 0; i < kQConvKernelCount; ++i) {
    const QConvKernel& kernel = kQConvKernels[i];
    int taken = 0;
    for (const QConvParams& params : QConvCases()) {
      if (kernel.refuses(params) != nullptr) continue;
      ++taken;
      EXPECT_LT(kernel.scratch_bytes(params), size_t{1} << 24) << Describe(params);
    }
    EXPECT_GT(taken, 0) << kernel.symbol;
  }
}

TEST(QConvTable, SelectsTheBestRowOfTheIsasGiven) {
  const IsaSet portable = kAlways;
  EXPECT_STREQ(SelectQConv(Pointwise(2, 1), portable).symbol, "qconv_u4s1_lut32__portable");
  EXPECT_STREQ(SelectQConv(Pointwise(8, 8), portable).symbol, "qconv_u8s8_dot32__portable");
  EXPECT_EQ(SelectQConv(Pointwise(2, 1), IsaBit(Isa::kReference)).isa, Isa::kReference);
#if defined(__x86_64__)
  const IsaSet avx2 = edge::IsaSetFromName("avx2");
  EXPECT_STREQ(SelectQConv(Pointwise(2, 1), avx2).symbol, "qconv_u2s1_lut32__avx2");
  EXPECT_STREQ(SelectQConv(Pointwise(4, 1), avx2).symbol, "qconv_u4s1_lut32__avx2");
  EXPECT_STREQ(SelectQConv(Pointwise(5, 1), avx2).symbol, "qconv_u8s7_dot16__avx2");
  EXPECT_STREQ(SelectQConv(Pointwise(4, 8), avx2).symbol, "qconv_u8s7_dot16__avx2");
  EXPECT_STREQ(SelectQConv(Pointwise(8, 8), avx2).symbol, "qconv_u8s8_dot16__avx2");
  QConvParams depthwise = Pointwise(8, 8);
  depthwise.groups = 64;
  EXPECT_STREQ(SelectQConv(depthwise, avx2).symbol, "qconv_u8s8_depthwise32__avx2");
  // Strips under a wide kernel overlap: tables of 6 channels of many are not used often enough.
  const IsaSet vbmi = edge::IsaSetFromName("avx512_vbmi");
  QConvParams wide = Pointwise(2, 1);
  wide.kernel_h = wide.kernel_w = 3;
  wide.co = 128;
  wide.ci = 128;
  EXPECT_STREQ(SelectQConv(wide, vbmi).symbol, "qconv_u2s1_lut64__avx512_vbmi");
  wide.ci = 256;
  EXPECT_STREQ(SelectQConv(wide, vbmi).symbol, "qconv_u4s1_lut64__avx512");
#endif
}

// 4-bit codes: 15 * 2 * w a step, of 32767.
TEST(QConvNarrowSteps, AreTheMostWhoseSumsFitWhereverTheyBegin) {
  const QConvParams p = Pointwise(4, 8);
  std::vector<uint8_t> packed(QConvPackedBytes(p));
  const auto steps = [&](const std::vector<int8_t>& w) {
    QConvPackWeights(p, w.data(), packed.data());
    return QConvNarrowSteps(p, packed.data());
  };
  std::vector<int8_t> w(static_cast<size_t>(p.co) * p.ci, int8_t{1});
  EXPECT_EQ(steps(w), 16);  // all there are
  std::fill(w.begin(), w.end(), int8_t{127});
  EXPECT_EQ(steps(w), 8);
  std::fill(w.begin(), w.end(), int8_t{-128});
  EXPECT_EQ(steps(w), 8);
  std::fill(w.begin(), w.end(), int8_t{1});
  for (int32_t ci = 5 * 4; ci < 15 * 4; ++ci) w[63 * 64 + ci] = 127;  // steps 5 to 14 of one output
  EXPECT_EQ(steps(w), 8);
  for (int32_t ci = 9 * 4; ci < 10 * 4; ++ci)
    w[63 * 64 + ci] = -127;  // what is below 0 counts apart
  EXPECT_EQ(steps(w), 9);
}

TEST(QConvTable, ARefusalHasAReason) {
  for (int i = 0; i < kQConvKernelCount; ++i) {
    const char* reason = kQConvKernels[i].refuses(Pointwise(8, 8));
    if (reason == nullptr) continue;
    EXPECT_GT(std::string(reason).size(), 10u);
  }
}

TEST(TakePart, CutsRowsColumnsOrPixelsAndLeavesNoOutputOut) {
  QConvParams rows = Pointwise(2, 1);
  rows.kernel_h = rows.kernel_w = 3;
  rows.pad_top = rows.pad_left = 1;
  QConvParams columns = rows;
  columns.ho = columns.h = 1;
  for (const QConvParams& whole : {Pointwise(2, 1), rows, columns}) {
    for (const int32_t parts : {1, 2, 3, 4, 7}) {
      int32_t outputs = 0;
      for (int32_t part = 0; part < parts; ++part) {
        QConvParams params = whole;
        QConvArgs args{};
        std::vector<uint8_t> y(64 * 64 * 4);
        args.x = y.data();
        args.y = y.data();
        const bool any = TakePart(part, parts, params, args);
        EXPECT_EQ(any, params.ho * params.wo > 0);
        EXPECT_EQ(static_cast<uint8_t*>(args.y) - y.data(), outputs * whole.co * 4);
        outputs += params.ho * params.wo;
      }
      EXPECT_EQ(outputs, whole.ho * whole.wo) << parts;
    }
  }
}

// Rows of small maps would spread all weights in each part; those of large ones divide them.
TEST(TakeOutputs, IsForMapsOfOneGroupOfTiles) {
  const QConvKernel& tiles = kQConvKernels[0];
  ASSERT_STREQ(tiles.symbol, "qconv_u8s8_tile16__amx");
  QConvParams p = Pointwise(2, 1);
  p.kernel_h = p.kernel_w = 3;
  p.pad_top = p.pad_left = 1;
  p.ci = 256;
  p.co = 128;
  p.h = p.w = p.ho = p.wo = 8;
  EXPECT_TRUE(tiles.cuts_outputs(p, 2));
  EXPECT_TRUE(tiles.cuts_outputs(p, 4));
  EXPECT_FALSE(tiles.cuts_outputs(p, 5)) << "4 blocks of outputs are fewer than 5 parts";
  p.h = p.w = p.ho = p.wo = 16;
  EXPECT_FALSE(tiles.cuts_outputs(p, 2));
  p.h = p.w = p.ho = p.wo = 8;
  p.w_bits = 8;
  EXPECT_FALSE(tiles.cuts_outputs(p, 2)) << "weights of 8 bits are not spread";
}

TEST(FConvTable, EndsWithTheReference) {
  EXPECT_EQ(kFConvKernels[kFConvKernelCount - 1].isa, Isa::kReference);
  const FConvParams params = FConvCases()[5];
  EXPECT_STREQ(SelectFConv(params, kAlways).symbol, "fconv_f32_co8__portable");
}

// Sums of 16 bits must move on in time: the longest reduction with the largest codes.
TEST(QConvSums, LongReductionsWithTheLargestSumsAreExact) {
  for (const int32_t w_bits : {1, 8}) {
    for (const int32_t x_bits : {2, 4, 8}) {
      QConvParams params = Pointwise(x_bits, w_bits);
      params.h = params.w = params.ho = params.wo = 1;
      params.ci = 60000;  // 60000 * 255 * 128 is below 2^31
      params.co = 2;
      for (int i = 0; i < kQConvKernelCount; ++i) {
        const QConvKernel& kernel = kQConvKernels[i];
        const bool runs = kernel.run != nullptr && (edge::CpuIsas() & IsaBit(kernel.isa)) != 0;
        if (!runs || kernel.refuses(params) != nullptr) continue;
        // Seeds until one draws the largest codes and weights (one in four does).
        for (uint64_t seed = 1; seed < 8; ++seed) {
          ASSERT_EQ(CheckQConv(kernel, params, seed, 0, 1), "")
              << kernel.symbol << " seed " << seed;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, QConvRow, testing::Range(0, kQConvKernelCount),
                         [](const auto& row) { return kQConvKernels[row.param].symbol; });
INSTANTIATE_TEST_SUITE_P(Table, FConvRow, testing::Range(0, kFConvKernelCount),
                         [](const auto& row) { return kFConvKernels[row.param].symbol; });

}  // namespace
}  // namespace bluestem::kernels
