// The engine's devices, FPGA-MODEL and FPGA-SIM: the same bits as the processor for every kind of
// layer, and what they refuse.
#include <gmock/gmock.h>

#include <cstdlib>
#include <map>

#include "bluestem/fpga/builds.h"
#include "bluestem/fpga/call_kind.h"
#include "bluestem/fpga/cost.h"
#include "bluestem/fpga/pack.h"
#include "tests/runtime/cnv.h"
#include "tests/runtime/fpga_fixture.h"

namespace bluestem::runtime {
namespace {

using ::testing::HasSubstr;

INSTANTIATE_TEST_SUITE_P(Engine, Fpga, ::testing::Values("FPGA-MODEL", "FPGA-SIM"), EngineName);

TEST_P(Fpga, ConvolutionsOfRandomShapesGiveTheBitsOfTheProcessor) {
  std::mt19937_64 random(7);
  const auto pick = [&](std::initializer_list<int32_t> values) {
    return *(values.begin() + static_cast<int64_t>(random() % values.size()));
  };
  for (uint64_t round = 0; round < 60; ++round) {
    ConvSpec spec = {.co = pick({1, 31, 32, 33, 64, 96}),
                     .kernel = pick({1, 3, 5, 7}),
                     .stride = pick({1, 1, 2}),
                     .dilation = pick({1, 1, 2}),
                     .pad = 0,
                     .levels = pick({2, 3, 4}),
                     .x_bits = pick({1, 2, 2})};
    spec.pad = pick({0, spec.kernel / 2});
    const int32_t least = (spec.kernel - 1) * spec.dilation + 1;
    int32_t h = least + pick({0, 1, 5}), w = least + pick({0, 2, 7});
    if (spec.stride == 2) {
      h += h % 2;
      w += w % 2;
    }
    ChainBuilder chain(h, w, pick({1, 3, 32, 40, 64, 100}), round);
    chain.Conv(spec);
    const auto program = chain.Finish();
    SCOPED_TRACE(fmt::format("round {}: {}x{}, {} to {}, kernel {} stride {} dilation {} pad {}",
                             round, h, w, program->inputs[0].shape[3], spec.co, spec.kernel,
                             spec.stride, spec.dilation, spec.pad));
    ExpectSameBits(program, spec.x_bits, round);
  }
}

TEST_P(Fpga, APicturesCodesOf8BitsGoOverAsDigits) {
  for (const int32_t stride : {1, 2}) {
    ChainBuilder chain(12, 10, 3, 3);
    chain.Conv({.co = 40, .kernel = 3, .stride = stride, .x_bits = 8});
    chain.Conv({.co = 32});
    ExpectSameBits(chain.Finish(), 8, 4);
  }
}

TEST_P(Fpga, RegionsRunWholeWithPoolingSpaceToDepthAndStride) {
  ChainBuilder chain(16, 24, 3, 5);
  chain.Conv({.co = 32, .x_bits = 8});
  chain.SpaceToDepth();
  chain.Conv({.co = 64});
  chain.Conv({.co = 96, .stride = 2});
  chain.Conv({.co = 64});
  chain.Pool();
  chain.Conv({.co = 33, .kernel = 1, .pad = 0});
  const auto program = chain.Finish();
  std::vector<OpProfile> rows;
  const Tensor input = RandomCodes(program->inputs[0], 8, 6);
  EXPECT_EQ(MustRun(program, GetParam(), input, &rows), MustRun(program, "CPU", input));
  std::vector<std::string> ops;
  for (const OpProfile& row : rows) ops.push_back(row.op);
  EXPECT_THAT(ops,
              testing::ElementsAre("encode", "transfer in", "conv0", "space_to_depth1", "conv2",
                                   "conv3", "conv4", "pool5", "conv6", "transfer out", "decode"));
  EXPECT_GT(rows[2].cycles, 0);
  EXPECT_EQ(rows[3].cycles, 0);  // happens while conv0 is written
}

// Two blocks of a residual network around a convolution that changes channels and extent.
TEST_P(Fpga, AResidualNetworkRunsWhole) {
  ChainBuilder chain(16, 24, 3, 5);
  chain.Conv({.co = 64, .x_bits = 8});
  chain.Conv({.co = 64});
  chain.Conv({.co = 64, .residual = 2});
  chain.Conv({.co = 100, .stride = 2});
  chain.Conv({.co = 100});
  chain.Conv({.co = 100, .residual = 2});
  chain.Conv({.co = 10, .kernel = 1, .pad = 0, .epilogue = kernels::QConvEpilogue::kAffine});
  const auto program = chain.Finish();
  std::vector<OpProfile> rows;
  const Tensor input = RandomCodes(program->inputs[0], 8, 6);
  EXPECT_EQ(MustRun(program, GetParam(), input, &rows), MustRun(program, "REFERENCE", input));
  std::vector<std::string> ops;
  for (const OpProfile& row : rows) ops.push_back(row.op);
  EXPECT_THAT(ops, testing::ElementsAre("encode", "transfer in", "conv0", "conv1", "conv2", "conv3",
                                        "conv4", "conv5", "conv6", "transfer out", "decode"));
}

TEST_P(Fpga, ResidualMapsOfRandomShapesGiveTheBitsOfTheProcessor) {
  std::mt19937_64 random(9);
  const auto pick = [&](std::initializer_list<int32_t> values) {
    return *(values.begin() + static_cast<int64_t>(random() % values.size()));
  };
  for (uint64_t round = 0; round < 40; ++round) {
    const int32_t h = pick({1, 4, 7, 12}), w = pick({2, 5, 9, 16}), c = pick({3, 32, 40, 96});
    SCOPED_TRACE(fmt::format("round {}: {}x{}x{}", round, h, w, c));
    ChainBuilder chain(h, w, c, round);
    const auto same = [&](size_t residual) {
      const int32_t kernel = pick({1, 3});
      chain.Conv({.co = c, .kernel = kernel, .pad = kernel / 2, .residual = residual});
    };
    same(1);  // the caller's map
    same(2);
    same(static_cast<size_t>(pick({1, 2, 3})));
    const bool pooled = h > 1 && pick({0, 1}) == 0;
    if (pooled) chain.Pool();
    const bool even = chain.h() % 2 == 0 && chain.w() % 2 == 0;
    chain.Conv({.co = 64, .stride = even && !pooled ? 2 : 1});
    ExpectSameBits(chain.Finish(), 2, round);
  }
}

TEST_P(Fpga, AResidualMapComesInWhereAnotherDeviceMadeIt) {
  ChainBuilder chain(32, 32, 128, 8);
  for (const size_t residual : {0, 0, 2, 0, 2}) chain.Conv({.co = 128, .residual = residual});
  const auto program = chain.Finish();
  for (size_t i = 0; i < 2; ++i) {  // which the engine does not take
    std::get<kernels::QConvParams>(program->calls[i].params).pad_value = 1;
  }
  const Tensor input = RandomCodes(program->inputs[0], 2, 9);
  const std::string device = fmt::format("HETERO:{},CPU", GetParam());
  std::vector<OpProfile> rows;
  EXPECT_EQ(MustRun(program, device, input, &rows), MustRun(program, "REFERENCE", input));
  std::vector<std::string> ops;
  for (const OpProfile& row : rows) ops.push_back(row.op);
  EXPECT_THAT(ops, testing::ElementsAre("conv0", "conv1", "encode", "transfer in", "conv2", "conv3",
                                        "conv4", "transfer out", "decode"));
}

TEST_P(Fpga, ResultsThatAreNoCodesAreFinishedByTheHost) {
  uint64_t seed = 40;
  for (const auto epilogue : {kernels::QConvEpilogue::kAffine, kernels::QConvEpilogue::kRaw}) {
    for (const int32_t co : {1, 32, 50, 100}) {
      ChainBuilder chain(5, 7, 64, ++seed);
      chain.Conv({.co = 64});
      chain.Conv(
          {.co = co, .kernel = co == 50 ? 1 : 3, .pad = co == 50 ? 0 : 1, .epilogue = epilogue});
      ExpectSameBits(chain.Finish(), 2, seed);
    }
  }
}

// On a PYNQ FINN makes 3,050 pictures a second.
TEST_P(Fpga, CnvRunsWholeAndFasterThanFinnsAt125Megahertz) {
  const auto program = Cnv();
  const Tensor input = RandomCodes(program->inputs[0], 8, 71);
  EXPECT_EQ(MustRun(program, GetParam(), input), MustRun(program, "REFERENCE", input));
  const auto cost = fpga::CostOf(*program, 0, program->calls.size(), {});
  ASSERT_TRUE(cost.ok()) << cost.status().message();
  EXPECT_LE(cost->clocks, 125'000'000 / 3'050);
  RecordProperty("clocks", static_cast<int>(cost->clocks));
  // Bound by its weights, which a batch loads once: 5,000 a second.
  ASSERT_EQ(cost->batches.size(), 3U);
  for (const fpga::BatchCost& batch : cost->batches) {
    EXPECT_LE(batch.clocks, 125'000'000 / 5'000 * int64_t{batch.pictures});
    RecordProperty(fmt::format("clocks_of_{}", batch.pictures), static_cast<int>(batch.clocks));
  }
}

TEST_P(Fpga, OddMapsLoseTheirLastRowInPoolingAsOnTheProcessor) {
  ChainBuilder chain(9, 11, 32, 8);
  chain.Conv({.co = 32});
  chain.Pool();
  chain.Conv({.co = 64});
  ExpectSameBits(chain.Finish(), 2, 9);
}

TEST_P(Fpga, WeightsThatDoNotFitAreLoadedBesideTheComputation) {
  ChainBuilder chain(6, 6, 256, 10);
  chain.Conv({.co = 512});  // 72 words of 32 outputs, 1,152 in all: of 1,024
  chain.Conv({.co = 256});
  ExpectSameBits(chain.Finish(), 2, 11);
}

std::shared_ptr<fpga::EnginePack> PackOf(const program::Program& program) {
  auto pack = std::make_shared<fpga::EnginePack>();
  pack->place = "engine.bin";
  auto compiled = fpga::CompileRegion(program, 0, program.calls.size(), pack->config);
  EXPECT_TRUE(compiled.ok()) << compiled.status().message();
  pack->digest = std::string(64, '0');
  pack->regions.push_back({0, program.calls.size(), std::move(*compiled)});
  return pack;
}

int64_t Cycles(const std::vector<OpProfile>& rows) {
  int64_t cycles = 0;
  for (const OpProfile& row : rows) cycles += row.cycles;
  return cycles;
}

TEST_P(Fpga, APackThatWasWrittenAndReadGivesTheSameBitsInTheSameClocks) {
  ChainBuilder chain(16, 24, 3, 5);
  chain.Conv({.co = 32, .x_bits = 8});
  chain.Conv({.co = 64, .stride = 2});
  chain.Pool();
  chain.Conv({.co = 33, .epilogue = kernels::QConvEpilogue::kAffine});
  const auto program = chain.Finish();
  const Tensor input = RandomCodes(program->inputs[0], 8, 6);
  std::vector<OpProfile> compiled, packed;
  const auto expected = MustRun(program, GetParam(), input, &compiled);
  auto read = fpga::ParsePack(fpga::ToBytes(*PackOf(*program)), "engine.bin");
  ASSERT_TRUE(read.ok()) << read.status().message();
  auto pack = std::make_shared<fpga::EnginePack>(std::move(*read));
  EXPECT_EQ(MustRun(program, GetParam(), input, &packed, pack), expected);
  EXPECT_EQ(Cycles(packed), Cycles(compiled));
  EXPECT_GT(Cycles(packed), 0);
  // It is the pack that runs: with other factors come other numbers.
  for (float& a : pack->regions[0].program.outputs[0].raw->a) a += 1;
  EXPECT_NE(MustRun(program, GetParam(), input, nullptr, pack), expected);
  // Of other calls than those that are placed there it has none: they are compiled.
  pack->regions[0].end = 2;
  EXPECT_EQ(MustRun(program, GetParam(), input, nullptr, pack), expected);
}

// $BLUESTEM_ENGINE for as long as it lives.
class Engine {
 public:
  explicit Engine(const char* name) { ::setenv("BLUESTEM_ENGINE", name, 1); }
  ~Engine() { ::unsetenv("BLUESTEM_ENGINE"); }
};

TEST_P(Fpga, EveryBuildGivesTheBitsOfTheProcessor) {
  ChainBuilder chain(12, 20, 3, 5);
  chain.Conv({.co = 32, .x_bits = 8});
  chain.Conv({.co = 64});
  chain.SpaceToDepth();
  chain.Conv({.co = 64});
  chain.Conv({.co = 96, .stride = 2});
  chain.Conv({.co = 33, .epilogue = kernels::QConvEpilogue::kAffine});
  const auto program = chain.Finish();
  const Tensor input = RandomCodes(program->inputs[0], 8, 6);
  const auto expected = MustRun(program, "REFERENCE", input);
  std::map<std::string, int64_t> clocks;
  for (const fpga::EngineBuild& build : fpga::Builds()) {
    const Engine engine(build.name);
    std::vector<OpProfile> rows;
    EXPECT_EQ(MustRun(program, GetParam(), input, &rows), expected) << build.name;
    clocks[build.name] = Cycles(rows);
  }
  EXPECT_LT(clocks["large"], clocks["default"]);
  EXPECT_GT(clocks["small"], 2 * clocks["default"]);
}

// Its additions, with what they add, are made elsewhere; the rest stays on the engine.
TEST_P(Fpga, ABuildWithoutResidualMapsLeavesTheirConvolutionsToTheProcessor) {
  ChainBuilder chain(32, 32, 128, 8);
  for (const size_t residual : {0, 0, 2, 0, 0}) chain.Conv({.co = 128, .residual = residual});
  const auto program = chain.Finish();
  const Tensor input = RandomCodes(program->inputs[0], 2, 9);
  const std::string device = fmt::format("HETERO:{},CPU", GetParam());
  const auto places = [&] { return PlacesOf(PlaceOn(*program, device, {}).value()); };
  const std::string engine_name = GetParam();
  EXPECT_EQ(places(), std::vector<std::string>(5, engine_name));
  const auto expected = MustRun(program, "REFERENCE", input);
  const auto pack = PackOf(*program);

  const Engine engine("plain");
  EXPECT_EQ(places(),
            (std::vector<std::string>{engine_name, engine_name, "CPU", engine_name, engine_name}));
  EXPECT_THAT(PlaceOn(*program, device, {})->calls[2].reason,
              HasSubstr("a residual map; its bitstream adds none"));
  EXPECT_THAT(PlaceOn(*program, GetParam(), {}).status().message(),
              HasSubstr("\"conv2\": " + engine_name + ": a residual map; its bitstream adds none"));
  EXPECT_EQ(MustRun(program, device, input), expected);
  // A list with the addition is refused before it runs.
  auto placed = MakePlaced(program, *PlaceOn(*program, device, {}));
  ASSERT_TRUE(placed.ok());
  const Status status = OpenSession(*placed, {.pack = pack}).status();
  EXPECT_EQ(status.code(), Code::kInvalidData);
  EXPECT_THAT(status.message(), HasSubstr("512 taps, residual maps; this one has"));
  EXPECT_THAT(status.message(), HasSubstr("512 taps, no residual maps: "));
}

TEST_P(Fpga, APackForAnotherBuildIsRefusedAndSaysWhatToSet) {
  ChainBuilder chain(8, 8, 32, 5);
  chain.Conv({.co = 32});
  const auto program = chain.Finish();
  const auto pack = PackOf(*program);
  const Engine engine("large");
  auto placed = MakePlaced(program, *PlaceOn(*program, GetParam(), {}));
  ASSERT_TRUE(placed.ok());
  const Status status = OpenSession(*placed, {.pack = pack}).status();
  EXPECT_EQ(status.code(), Code::kInvalidData);
  EXPECT_THAT(status.message(), HasSubstr("this one has 8 pixels x 32 outputs a clock"));
  EXPECT_THAT(status.message(), HasSubstr("--target fpga and BLUESTEM_ENGINE=large"));
}

TEST_P(Fpga, AnUnknownBuildIsNoDevice) {
  ChainBuilder chain(8, 8, 32, 5);
  chain.Conv({.co = 32});
  const Engine engine("huge");
  EXPECT_THAT(PlaceOn(*chain.Finish(), GetParam(), {}).status().message(),
              HasSubstr("BLUESTEM_ENGINE: there is no build 'huge' of the engine"));
}

TEST_P(Fpga, APackForAnotherEngineIsRefused) {
  ChainBuilder chain(8, 8, 32, 5);
  chain.Conv({.co = 32});
  const auto program = chain.Finish();
  const auto pack = PackOf(*program);
  pack->config.bank_words = 4096;
  auto placed = MakePlaced(program, *PlaceOn(*program, GetParam(), {}));
  ASSERT_TRUE(placed.ok());
  const Status status = OpenSession(*placed, {.pack = pack}).status();
  EXPECT_EQ(status.code(), Code::kInvalidData);
  EXPECT_THAT(
      status.message(),
      HasSubstr(std::string(GetParam()) +
                ": engine.bin: packed for an engine of 4 pixels x 32 outputs a clock, 4 x 4096"));
}

TEST(FpgaModel, HeteroSharesAModelOutAndAPoolBeforeARegionIsTheHosts) {
  ChainBuilder chain(32, 32, 3, 12);
  chain.Conv({.co = 20, .kernel = 7, .pad = 3, .x_bits = 8});  // sums too great for the engine
  chain.Pool();
  for (int i = 0; i < 4; ++i) chain.Conv({.co = 128});
  const auto program = chain.Finish();
  const auto placement = PlaceOn(*program, "HETERO:FPGA-MODEL,CPU", {});
  ASSERT_TRUE(placement.ok()) << placement.status().message();
  EXPECT_EQ(placement->devices[placement->calls[0].device]->name(), "CPU");
  EXPECT_EQ(placement->devices[placement->calls[2].device]->name(), "FPGA-MODEL");
  EXPECT_THAT(placement->calls[0].reason, HasSubstr("FPGA-MODEL refuses: sums of up to 37485"));
  const Tensor input = RandomCodes(program->inputs[0], 8, 13);
  EXPECT_EQ(MustRun(program, "HETERO:FPGA-MODEL,CPU", input), MustRun(program, "CPU", input));
}

TEST(FpgaModel, RefusalsSayWhat) {
  const auto refusal = [](const ConvSpec& spec, int32_t h, int32_t c) {
    ChainBuilder chain(h, h, c, 1);
    chain.Conv(spec);
    return PlaceOn(*chain.Finish(), "FPGA-MODEL", {}).status().message();
  };
  EXPECT_THAT(refusal({.co = 8, .levels = 5}, 8, 32), HasSubstr("5 levels out"));
  EXPECT_THAT(refusal({.co = 8, .stride = 3}, 8, 32), HasSubstr("stride 3x3"));
  ChainBuilder pooled(16, 16, 32, 1);
  pooled.Conv({.co = 32});
  pooled.Pool();
  pooled.Conv({.co = 32, .stride = 2});
  EXPECT_THAT(PlaceOn(*pooled.Finish(), "FPGA-MODEL", {}).status().message(),
              HasSubstr("stride 2 on a map that is pooled"));
  EXPECT_THAT(refusal({.co = 8, .stride = 2}, 9, 32), HasSubstr("a map of odd extent"));
  EXPECT_THAT(refusal({.co = 32}, 3000, 128),
              HasSubstr("words for its smallest strip of rows; its banks hold 8192"));
  EXPECT_THAT(refusal({.co = 32}, 4, 1600), HasSubstr("sums of up to 43200"));
}

// 289 taps each; the engine holds 512 of a list.
TEST_P(Fpga, TapsBeyondTheEnginesLeaveTheCallToTheProcessor) {
  ChainBuilder chain(24, 24, 32, 4);
  chain.Conv({.kernel = 17, .pad = 8});
  chain.Conv({.kernel = 17, .dilation = 2, .pad = 16});
  chain.Conv({.kernel = 17, .pad = 8});
  const auto program = chain.Finish();
  const std::string engine_name = GetParam(), device = fmt::format("HETERO:{},CPU", engine_name);
  const auto placement = PlaceOn(*program, device, {});
  ASSERT_TRUE(placement.ok()) << placement.status().message();
  EXPECT_EQ(PlacesOf(*placement), (std::vector<std::string>{engine_name, "CPU", engine_name}));
  const std::string reason = "with the calls before it 578 taps of kernels; the engine holds 512";
  EXPECT_THAT(placement->calls[1].reason, HasSubstr(engine_name + " refuses: " + reason));
  EXPECT_THAT(PlaceOn(*program, engine_name, {}).status().message(),
              HasSubstr("\"conv1\": " + engine_name + ": " + reason));
  const Tensor input = RandomCodes(program->inputs[0], 2, 5);
  EXPECT_EQ(MustRun(program, device, input), MustRun(program, "CPU", input));
}

TEST(FpgaModel, RefusesResidualMapsThatTheEngineCannotAdd) {
  const auto refusal = [](auto change, const fpga::EngineConfig& config = {}) {
    ChainBuilder chain(8, 8, 32, 1);
    chain.Conv({.co = 32, .residual = 1});
    const auto program = chain.Finish();
    change(*program, std::get<kernels::QConvParams>(program->calls[0].params));
    return fpga::Refusal(*program, 0, config);
  };
  const auto nothing = [](program::Program&, kernels::QConvParams&) {};
  EXPECT_EQ(refusal(nothing), "");
  EXPECT_EQ(refusal(nothing, {.residual = false}), "a residual map; its bitstream adds none");
  EXPECT_EQ(refusal([](auto&, auto& p) { p.residual_bits = 3; }),
            "a residual map of 3 bits; it adds codes of 2");
  const auto with_ratio = [&](int32_t ratio) {
    return refusal([&](program::Program& program, auto&) {
      std::memcpy(
          program.constants.data() + program.calls[0].inputs[fpga::kRatiosInput].offset + 4 * 31,
          &ratio, 4);
    });
  };
  // 864 and 3 * 10,634 are 32,766.
  EXPECT_EQ(with_ratio(10634), "");
  EXPECT_EQ(with_ratio(-10635), "sums of up to 32769; its accumulators hold 32766");
  ChainBuilder chain(8, 8, 32, 1);
  chain.Conv({.co = 32});
  chain.Conv({.co = 32, .residual = 1});
  chain.Conv({.co = 32, .stride = 2});
  const auto program = chain.Finish();
  EXPECT_EQ(fpga::Refusal(*program, 2, {}), "");
  program->calls[2].inputs[0] = program->calls[1].inputs[fpga::kResidualInput];
  program->calls[1].inputs[0] = {program::Space::kInput, 0};
  EXPECT_EQ(fpga::Refusal(*program, 2, {}), "stride 2 on a map that others read with stride 1");
}

TEST_P(Fpga, LargeMapsTakeTurnsInTheBanks) {
  ChainBuilder chain(60, 60, 128, 1);  // 3,600 words a map, of 8,192
  for (int i = 0; i < 3; ++i) chain.Conv({.co = 128, .kernel = 1, .pad = 0});
  const auto program = chain.Finish();
  const Tensor input = RandomCodes(program->inputs[0], 2, 2);
  EXPECT_EQ(MustRun(program, GetParam(), input), MustRun(program, "CPU", input));
}

}  // namespace
}  // namespace bluestem::runtime
