// Maps that copies pick for a convolution to add: the engine reads them where they lie.
#include "bluestem/fpga/cost.h"
#include "bluestem/fpga/pick.h"
#include "bluestem/fpga/region.h"
#include "tests/runtime/fpga_fixture.h"

namespace bluestem::runtime {
namespace {

using ::testing::HasSubstr;

class FpgaPick : public Fpga {};
INSTANTIATE_TEST_SUITE_P(Engine, FpgaPick, ::testing::Values("FPGA-MODEL", "FPGA-SIM"), EngineName);

// ResNet's way to a smaller map, twice.
std::shared_ptr<program::Program> SmallResnet(bool in_two) {
  ChainBuilder chain(16, 24, 3, 5);
  chain.Conv({.co = 32, .x_bits = 8});
  for (const int32_t from : {32, 64}) {
    chain.Conv({.co = from});
    chain.Conv({.co = from, .residual = 2});
    chain.Conv({.co = 2 * from, .stride = 2});
    chain.Pick({.from = from, .in_two = in_two});
    chain.Conv({.co = 2 * from, .residual = kPicked});
  }
  chain.Conv({.co = 10, .kernel = 1, .pad = 0, .epilogue = kernels::QConvEpilogue::kAffine});
  return chain.Finish();
}

TEST_P(FpgaPick, AResidualNetworkThatHalvesItsMapsIsOneRegion) {
  for (const bool in_two : {false, true}) {
    const auto program = SmallResnet(in_two);
    std::vector<OpProfile> rows;
    const Tensor input = RandomCodes(program->inputs[0], 8, 6);
    EXPECT_EQ(MustRun(program, GetParam(), input, &rows), MustRun(program, "REFERENCE", input));
    std::vector<std::string> copies;
    for (const OpProfile& row : rows) {
      if (row.kernel == "engine (read where it lies)") copies.push_back(row.op);
    }
    if (in_two) {
      EXPECT_THAT(copies,
                  testing::ElementsAre("pick4", "fill5", "pick6", "pick11", "fill12", "pick13"));
    } else {
      EXPECT_THAT(copies, testing::ElementsAre("fill4", "pick5", "fill10", "pick11"));
    }
  }
}

TEST_P(FpgaPick, AResidualNetworkGivesAHundredPicturesTheirBits) {
  const auto program = SmallResnet(true);
  std::vector<std::unique_ptr<Session>> sessions;
  for (const std::string& device : {fmt::format("HETERO:{},CPU", GetParam()), std::string("CPU")}) {
    auto placement = PlaceOn(*program, device, {});
    ASSERT_TRUE(placement.ok()) << placement.status().message();
    EXPECT_EQ(placement->regions.size(), 1U);
    auto session = OpenSession(*MakePlaced(program, *placement), {});
    ASSERT_TRUE(session.ok()) << session.status().message();
    sessions.push_back(std::move(*session));
  }
  for (uint64_t picture = 0; picture < 100; ++picture) {
    const Tensor input = RandomCodes(program->inputs[0], 8, picture);
    EXPECT_EQ(*sessions[0]->Run({input}), *sessions[1]->Run({input})) << picture;
  }
}

TEST_P(FpgaPick, PicksOfRandomShapesGiveTheBitsOfTheProcessor) {
  std::mt19937_64 random(9);
  const auto pick = [&](std::initializer_list<int32_t> values) {
    return *(values.begin() + static_cast<int64_t>(random() % values.size()));
  };
  for (uint64_t round = 0; round < 60; ++round) {
    PickSpec spec = {.from = pick({1, 3, 32, 40, 64, 96}),
                     .stride = pick({1, 2, 2}),
                     .plane = 0,
                     .first = pick({0, 0, 32, 64})};
    if (spec.stride == 2) {
      spec.plane = pick({0, 0, 1, 2, 3});
      spec.in_two = pick({0, 1}) == 1;
    }
    const int32_t h = pick({1, 2, 3, 8}), w = pick({1, 2, 5, 6});
    // A copy of all that changes nothing is none that lowering makes.
    const int32_t co = spec.first + spec.from + pick({spec.stride == 1 ? 1 : 0, 7, 64});
    SCOPED_TRACE(fmt::format("round {}: {}x{}x{} of {}, stride {} plane {} from channel {}", round,
                             h, w, co, spec.from, spec.stride, spec.plane, spec.first));
    ChainBuilder chain(spec.stride * h, spec.stride * w, spec.from, round);
    const bool inside =
        pick({0, 1}) == 1;  // picked from what the engine wrote, not from the caller
    if (inside) chain.Conv({.co = spec.from, .residual = static_cast<size_t>(pick({0, 1}))});
    chain.Conv({.co = co, .stride = spec.stride});
    chain.Pick(spec);
    const int32_t kernel = pick({1, 3});
    chain.Conv({.co = co, .kernel = kernel, .pad = kernel / 2, .residual = kPicked});
    chain.Conv({.co = 33, .kernel = 1, .pad = 0});
    ExpectSameBits(chain.Finish(), 2, round);
  }
}

// Runs calls [begin, end) on `device`, the others on the processor.
std::vector<Tensor> RunPart(const std::shared_ptr<program::Program>& program, const char* device,
                            size_t begin, size_t end, const Tensor& input) {
  auto placement = PlaceOn(*program, fmt::format("HETERO:{},CPU", device), {});
  EXPECT_TRUE(placement.ok()) << placement.status().message();
  const size_t calls = program->calls.size();
  placement->regions.clear();
  if (begin > 0) placement->regions.push_back({.device = 1, .begin = 0, .end = begin});
  placement->regions.push_back({.device = 0, .begin = begin, .end = end});
  if (end < calls) placement->regions.push_back({.device = 1, .begin = end, .end = calls});
  auto placed = MakePlaced(program, *placement);
  EXPECT_TRUE(placed.ok()) << placed.status().message();
  auto session = OpenSession(*placed, {});
  EXPECT_TRUE(session.ok()) << session.status().message();
  auto outputs = (*session)->Run({input});
  EXPECT_TRUE(outputs.ok()) << outputs.status().message();
  return *outputs;
}

TEST_P(FpgaPick, ARegionMayBeginAndEndBetweenTheCopies) {
  for (const int32_t first : {0, 32}) {
    ChainBuilder chain(4, 12, 32, 3);
    chain.Conv({.co = 40, .residual = 0});
    chain.Conv({.co = 100, .stride = 2});
    chain.Pick({.from = 40, .plane = first == 0 ? 0 : 3, .first = first, .in_two = true});
    chain.Conv({.co = 100, .residual = kPicked});
    chain.Conv({.co = 32, .kernel = 1, .pad = 0});
    const auto program = chain.Finish();
    const Tensor input = RandomCodes(program->inputs[0], 2, 4);
    const auto expected = MustRun(program, "REFERENCE", input);
    const size_t calls = program->calls.size();
    ASSERT_EQ(calls, 7U);
    for (size_t begin = 0; begin < calls; ++begin) {
      for (size_t end = begin + 1; end <= calls; ++end) {
        SCOPED_TRACE(fmt::format("calls {} to {} on the engine", begin, end - 1));
        EXPECT_EQ(RunPart(program, GetParam(), begin, end, input), expected);
        fpga::EnginePack pack = {.place = "engine.bin"};
        pack.regions.push_back({begin, end, *fpga::CompileRegion(*program, begin, end, {})});
        EXPECT_TRUE(fpga::CheckPack(pack, *program).ok());
        EXPECT_TRUE(fpga::CostOf(*program, begin, end, {}).ok());
      }
    }
  }
}

TEST_P(FpgaPick, WhatOthersReadOfAPickedMapLeavesTheEngine) {
  ChainBuilder chain(8, 8, 32, 3);
  chain.Conv({.co = 64, .stride = 2});
  chain.Pick({});
  chain.Conv({.co = 64, .residual = kPicked});
  const auto program = chain.Finish();
  program::Call pool;  // of the picked map
  pool.op = "pool";
  pool.params = program::MaxPoolCall{{4, 4, 64, 4, 2, 1, 2, 1, 2, 0, 0, 0}, DType::kU8};
  pool.inputs = {chain.picked()};
  pool.output = {program::Space::kOutput, 1};
  program->calls.push_back(pool);
  program->outputs.push_back({.name = "pooled", .dtype = DType::kU8, .shape = {1, 4, 2, 64}});
  const Tensor input = RandomCodes(program->inputs[0], 2, 4);
  EXPECT_EQ(RunPart(program, GetParam(), 0, 4, input), MustRun(program, "REFERENCE", input));
}

// conv0, conv1 of stride 2, fill2, pick3, conv4 that adds; after `change` the refusal of pick3.
template <typename Change>
std::string RefusalOf(Change change, const PickSpec& spec = {}) {
  ChainBuilder chain(16, 16, 32, 3);
  chain.Conv({.co = 32});
  chain.Conv({.co = 128, .stride = 2});
  chain.Pick(spec);
  chain.Conv({.co = 128, .residual = kPicked});
  chain.Conv({.co = 128});
  const auto program = chain.Finish();
  change(*program);
  const Tensor input = RandomCodes(program->inputs[0], 2, 4);
  EXPECT_EQ(MustRun(program, "HETERO:FPGA-MODEL,CPU", input), MustRun(program, "CPU", input));
  const std::string refusal = fpga::Refusal(*program, 3, {});
  EXPECT_EQ(fpga::Refusal(*program, 2, {}), refusal);
  return refusal;
}

kernels::QConvParams& ConvOf(program::Program& program, size_t call) {
  return std::get<kernels::QConvParams>(program.calls[call].params);
}

TEST(FpgaPickRefusal, SaysWhatAPickMustBe) {
  using program::Program;
  EXPECT_EQ(RefusalOf([](Program&) {}), "");
  EXPECT_EQ(RefusalOf([](Program&) {}, {.first = 96}), "");
  EXPECT_THAT(RefusalOf([](Program&) {}, {.first = 16}),
              HasSubstr("with channels of 0 in whole blocks of 32 before it"));
  EXPECT_THAT(
      RefusalOf([](Program& p) { std::get<program::FillCall>(p.calls[2].params).value = 1; }),
      HasSubstr("it copies only what a convolution adds: a map, or every second pixel"));
  EXPECT_THAT(RefusalOf([](Program& p) {
                std::get<kernels::CopyParams>(p.calls[3].params).x_stride[1] = 32;
              }),
              HasSubstr("it copies only what a convolution adds"));
  EXPECT_THAT(RefusalOf([](Program& p) {  // upside down
                auto& copy = std::get<kernels::CopyParams>(p.calls[3].params);
                copy.x_offset = (copy.extent[0] - 1) * copy.x_stride[0];
                copy.x_stride[0] = -copy.x_stride[0];
              }),
              HasSubstr("it copies only what a convolution adds"));
  EXPECT_EQ(RefusalOf([](Program& p) { p.calls[5].inputs[0] = p.calls[3].output; }),
            "a convolution reads what it copies, not only adds it");
  EXPECT_EQ(RefusalOf([](Program& p) {
              p.calls[4].inputs.resize(6);
              ConvOf(p, 4).residual_bits = 0;
            }),
            "no convolution adds what it makes");
  EXPECT_EQ(RefusalOf([](Program& p) { ConvOf(p, 4).pad_value = 1; }),
            "the convolution that adds what it makes is not on the engine");
}

TEST(FpgaPickRefusal, SaysWhyTheMapDoesNotLieAsItMust) {
  const auto halves = [] {
    ChainBuilder chain(16, 16, 32, 3);
    chain.Conv({.co = 32});
    chain.Conv({.co = 64, .stride = 2});
    chain.Pick({});
    chain.Conv({.co = 64, .residual = kPicked});
    return chain.Finish();
  };
  auto program = halves();
  EXPECT_EQ(fpga::Refusal(*program, 3, {.bank_words = 127}), "");  // in strips
  EXPECT_EQ(fpga::Refusal(*program, 3, {.bank_words = 16}),
            "the convolution that adds what it makes is not on the engine");
  program->calls.push_back(program->calls[0]);
  program->calls.back().inputs[0] = program->calls[0].output;
  program->calls.back().output = {program::Space::kOutput, 1};
  EXPECT_EQ(fpga::Refusal(*program, 3, {}), "others read the map whole");

  ChainBuilder pooled(16, 16, 32, 3);
  pooled.Conv({.co = 32});
  pooled.Pool();
  pooled.Conv({.co = 64, .stride = 2});
  pooled.Pick({});
  pooled.Conv({.co = 64, .residual = kPicked});
  EXPECT_EQ(fpga::Refusal(*pooled.Finish(), 4, {}),
            "it picks pixels of a map that is pooled or rearranged while it is written");
}

TEST(FpgaPickRefusal, AMapLiesInPlanesOrWhole) {
  // pick3 copies conv0's map whole, pick7 every second pixel of it.
  ChainBuilder chain(16, 16, 32, 3);
  chain.Conv({.co = 32});
  chain.Conv({.co = 64});
  chain.Pick({.stride = 1});
  chain.Conv({.co = 64, .residual = kPicked});
  chain.Conv({.co = 64, .stride = 2});
  chain.Pick({});
  chain.Conv({.co = 64, .residual = kPicked});
  const auto program = chain.Finish();
  program->calls[7].inputs[0] = program->calls[0].output;
  EXPECT_EQ(fpga::Refusal(*program, 3, {}), "");
  EXPECT_EQ(fpga::Refusal(*program, 7, {}), "others read the map whole");
  program->calls[1].inputs[0] = {program::Space::kInput, 0};  // conv1 no longer reads it
  EXPECT_EQ(fpga::Refusal(*program, 7, {}), "");
  EXPECT_EQ(fpga::Refusal(*program, 3, {}), "others pick every second pixel of the map");
  const Tensor input = RandomCodes(program->inputs[0], 2, 4);
  EXPECT_EQ(MustRun(program, "HETERO:FPGA-MODEL,CPU", input), MustRun(program, "CPU", input));

  ChainBuilder plain(16, 16, 32, 3);
  plain.Conv({.co = 32});
  plain.Conv({.co = 64});
  plain.Pick({.stride = 1});
  plain.Conv({.co = 64, .residual = kPicked});
  const auto halved = plain.Finish();
  halved->calls.push_back(halved->calls[1]);
  kernels::QConvParams& other = ConvOf(*halved, 5);
  other.stride_h = other.stride_w = 2;
  other.ho = other.wo = 8;
  halved->calls.back().output = {program::Space::kOutput, 1};
  EXPECT_EQ(fpga::Refusal(*halved, 3, {}), "others read the map with stride 2");
}

}  // namespace
}  // namespace bluestem::runtime
