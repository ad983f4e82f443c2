// Maps that do not fit the engine's banks: in strips of rows, with the bits of the reference, on
// the model and on the simulated RTL. The small build has a quarter of the words.
#include <algorithm>

#include "bluestem/fpga/builds.h"
#include "bluestem/fpga/pack.h"
#include "bluestem/fpga/region.h"
#include "tests/runtime/fpga_fixture.h"

namespace bluestem::runtime {
namespace {

using ::testing::HasSubstr;

class FpgaStrips : public Fpga {
 protected:
  void SetUp() override {
    Fpga::SetUp();
    ::setenv("BLUESTEM_ENGINE", "small", 1);
  }
  void TearDown() override { ::unsetenv("BLUESTEM_ENGINE"); }

  // Whether the first convolution's descriptors have fewer rows than it.
  static bool RunsInStrips(const program::Program& program) {
    const auto engine =
        fpga::CompileRegion(program, 0, program.calls.size(), fpga::FindBuild("small")->config);
    EXPECT_TRUE(engine.ok()) << engine.status().message();
    const auto list = fpga::ListOf(*engine, engine->list);
    const auto rows = std::get<kernels::QConvParams>(program.calls[0].params).ho;
    return std::any_of(list->begin(), list->end(), [&](const fpga::Command& command) {
      return command.opcode == fpga::Opcode::kConv && static_cast<int32_t>(command.out_h) < rows;
    });
  }
};
INSTANTIATE_TEST_SUITE_P(Engine, FpgaStrips, ::testing::Values("FPGA-MODEL", "FPGA-SIM"),
                         EngineName);

TEST_P(FpgaStrips, ConvolutionsOfRandomShapesGiveTheBitsOfTheReference) {
  std::mt19937_64 random(11);
  const auto pick = [&](std::initializer_list<int32_t> values) {
    return *(values.begin() + static_cast<int64_t>(random() % values.size()));
  };
  int in_strips = 0;
  for (uint64_t round = 0; round < 16; ++round) {
    ConvSpec spec = {.co = pick({20, 33, 64}),
                     .kernel = pick({1, 3, 3, 5, 7}),
                     .stride = pick({1, 1, 2}),
                     .dilation = pick({1, 1, 2}),
                     .pad = 0,
                     .levels = pick({2, 3, 4}),
                     .x_bits = pick({1, 2, 2})};
    spec.pad = pick({0, spec.kernel / 2 * spec.dilation});
    const int32_t grow = spec.stride == 2 ? 40 : 0;
    const int32_t h = pick({64, 90}) + grow, w = pick({70, 100}) + grow, c = pick({1, 40});
    ChainBuilder chain(h, w, c, round);
    chain.Conv(spec);
    SCOPED_TRACE(fmt::format("round {}: {}x{}, {} to {}, kernel {} stride {} dilation {} pad {}",
                             round, h, w, c, spec.co, spec.kernel, spec.stride, spec.dilation,
                             spec.pad));
    const auto program = chain.Finish();
    ExpectSameBits(program, spec.x_bits, round);
    in_strips += RunsInStrips(*program) ? 1 : 0;
  }
  EXPECT_GE(in_strips, 12);
}

TEST_P(FpgaStrips, APictureOfAnySizeRunsWhole) {
  ChainBuilder chain(72, 96, 3, 5);
  chain.Conv({.co = 32, .x_bits = 8});
  chain.Conv({.co = 40});
  chain.Conv({.co = 40});
  chain.Conv({.co = 40, .residual = 2});
  chain.Conv({.co = 64, .stride = 2});
  chain.Pick({.from = 40, .in_two = true});
  chain.Conv({.co = 64, .residual = kPicked});
  chain.Pool();
  chain.Conv({.co = 64});
  chain.SpaceToDepth();
  chain.Conv({.co = 10, .kernel = 1, .pad = 0, .epilogue = kernels::QConvEpilogue::kAffine});
  const auto program = chain.Finish();
  for (size_t i = 0; i < program->calls.size(); ++i) {
    EXPECT_EQ(fpga::Refusal(*program, i, fpga::FindBuild("small")->config), "") << i;
  }
  ExpectSameBits(program, 8, 6);
}

TEST_P(FpgaStrips, SeveralPicturesRunOneByOne) {
  ChainBuilder chain(64, 64, 32, 5);
  for (int i = 0; i < 2; ++i) chain.Conv({.co = 64});
  const auto program = chain.Finish();
  auto placed = MakePlaced(program, *PlaceOn(*program, GetParam(), {}));
  ASSERT_TRUE(placed.ok());
  auto session = OpenSession(*placed, {.batch = 4});
  ASSERT_TRUE(session.ok()) << session.status().message();
  EXPECT_EQ((*session)->batch(), 1);
  for (uint64_t picture = 0; picture < 2; ++picture) {
    const Tensor input = RandomCodes(program->inputs[0], 2, picture);
    EXPECT_EQ(*(*session)->Run({input}), MustRun(program, "REFERENCE", input));
  }
}

TEST_P(FpgaStrips, WhatIsTooWideForAStripIsTheProcessorsAndSaysWhy) {
  ChainBuilder chain(4, 2200, 32, 5);
  chain.Conv({.co = 32, .kernel = 1, .pad = 0});
  const auto program = chain.Finish();
  const auto placement = PlaceOn(*program, fmt::format("HETERO:{},CPU", GetParam()), {});
  ASSERT_TRUE(placement.ok()) << placement.status().message();
  EXPECT_EQ(placement->devices[placement->calls[0].device]->name(), "CPU");
  EXPECT_THAT(placement->calls[0].reason, HasSubstr("words for its smallest strip of rows; its "
                                                    "banks hold 2048"));
}

}  // namespace
}  // namespace bluestem::runtime
