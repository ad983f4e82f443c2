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
    ASSERT_EQ(CheckQConv(kernel, params, seed, seed % 4), "")
        << kernel.symbol << " " << Describe(params) << " seed " << seed;
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
    ASSERT_EQ(CheckFConv(kernel, params, seed, seed % 4), "")
        << kernel.symbol << " " << Describe(params) << " seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, QConvRow, testing::Range(0, kQConvKernelCount),
                         [](const auto& row) { return kQConvKernels[row.param].symbol; });
INSTANTIATE_TEST_SUITE_P(Table, FConvRow, testing::Range(0, kFConvKernelCount),
                         [](const auto& row) { return kFConvKernels[row.param].symbol; });

}  // namespace
}  // namespace bluestem::kernels
