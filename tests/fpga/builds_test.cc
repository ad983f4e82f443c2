// The builds of the engine: that the tables agree, and that the RTL of each is the functional
// model, bit by bit and clock by clock, as rtl_test.cc shows it of the default.
#include "bluestem/fpga/builds.h"

#include <cstdlib>
#include <sstream>

#include "bluestem/fpga/cost.h"
#include "bluestem/fpga/engine/self_test.h"
#include "tests/fpga/lists.h"

namespace bluestem::fpga {
namespace {

struct Named {
  const char* name;
  EngineConfig config;
};

class RtlOf : public ::testing::TestWithParam<Named> {
 protected:
  void SetUp() override {
    if (!WhyNoSimulation().empty()) GTEST_SKIP() << WhyNoSimulation();
    auto port = SimulationPort::Open(SimulationLibrary({.config = GetParam().config}));
    ASSERT_TRUE(port.ok()) << port.status().message();
    port_ = port->get();
    auto driver = EngineDriver::Open(std::move(*port));
    ASSERT_TRUE(driver.ok()) << driver.status().message();
    driver_ = std::move(*driver);
  }

  // Runs the list on the model and on the RTL.
  void ExpectSame(std::vector<uint8_t> expected) {
    std::vector<uint8_t> given = expected;
    EngineModel model{GetParam().config};
    const EngineResult want = model.Run(expected, 0), got = driver_->Run(given, 0);
    EXPECT_EQ(got.status, want.status)
        << EngineStatusText(got.status) << ", not " << EngineStatusText(want.status);
    EXPECT_EQ(port_->violation(), "");
    if (want.status != EngineStatus::kDone) return;
    EXPECT_EQ(got.clocks, want.clocks);
    EXPECT_EQ(got.array_clocks, want.array_clocks);
    EXPECT_TRUE(given == expected);
  }

  SimulationPort* port_ = nullptr;
  std::unique_ptr<EngineDriver> driver_;
};

EngineConfig Config(const char* build) {
  return FindBuild(build).value().config;
}

INSTANTIATE_TEST_SUITE_P(Builds, RtlOf,
                         ::testing::Values(Named{"Small", Config("small")},
                                           Named{"Plain", Config("plain")},
                                           Named{"Large", Config("large")},
                                           // What has both: two quads, and two passes.
                                           Named{"Both", {.pixels = 8, .outputs = 16}}),
                         [](const auto& info) { return info.param.name; });

TEST_P(RtlOf, RegistersSayWhatItWasBuiltWith) {
  EXPECT_EQ(driver_->config(), GetParam().config);
}

TEST_P(RtlOf, RandomConvolutionsGiveTheModelsBitsInTheModelsClocks) {
  for (uint64_t round = 0; round < 80 && !HasFailure(); ++round) {
    SCOPED_TRACE(round);
    ListBuilder list(round, GetParam().config);
    list.Conv();
    ExpectSame(list.Finish());
  }
}

TEST_P(RtlOf, BitsDoNotDependOnTheBusesPauses) {
  port_->SetBus({40, 60, 1, -1, BLUESTEM_BUS_FINE});
  for (uint64_t round = 0; round < 8 && !HasFailure(); ++round) {
    SCOPED_TRACE(round);
    ListBuilder list(round, GetParam().config);
    list.Conv();
    std::vector<uint8_t> expected = list.Finish(), given = expected;
    EngineModel model{GetParam().config};
    EXPECT_EQ(driver_->Run(given, 0).status, model.Run(expected, 0).status);
    EXPECT_TRUE(given == expected);
  }
}

// Maps that end at a bank's last word, or `beyond` it: sources, residual maps, results.
TEST_P(RtlOf, RangesEndWhereTheModelsDo) {
  const auto words = static_cast<uint32_t>(GetParam().config.bank_words);
  for (const uint32_t width : {3U, 5U, 6U, 8U}) {
    const uint32_t row = (width + 1) / 2, map = 2 * row;
    for (uint32_t beyond = 0; beyond < 2; ++beyond) {
      for (int which = 0; which < 3; ++which) {
        if (which == 1 && !GetParam().config.residual) continue;
        SCOPED_TRACE(fmt::format("width {}, beyond {}, map {}", width, beyond, which));
        ListBuilder list(width);
        list.Add({.opcode = Opcode::kLoadTaps, .address = list.Room(64), .length = 1});
        Command conv{.opcode = Opcode::kConv,
                     .after = 1,
                     .out_h = 3,
                     .out_w = width,
                     .in_h = 3,
                     .in_w = width,
                     .src_row_step = row,
                     .blocks = 1,
                     .tap_count = 1,
                     .dst_base = 100,
                     .dst_row_step = row,
                     .dst_block_step = map,
                     .out_blocks = 1,
                     .residual_base = 200,
                     .residual_row_step = row,
                     .residual_blocks = GetParam().config.residual ? 1U : 0U};
        uint32_t& base = which == 0   ? conv.src_base
                         : which == 1 ? conv.residual_base
                                      : conv.dst_base;
        base = words - map + beyond;
        list.Add(conv);
        std::vector<uint8_t> buffer = list.Finish();
        const uint64_t tap = EncodeTap({0, 0, 0});
        std::memcpy(buffer.data() + 4096, &tap, sizeof(tap));
        ExpectSame(buffer);
        EngineModel model{GetParam().config};
        EXPECT_EQ(model.Run(buffer, 0).status,
                  beyond == 0 ? EngineStatus::kDone : EngineStatus::kBadRange);
      }
    }
  }
}

// With a residual map a build without them ends with a status, whatever the map's place and the way
// to write; without one it runs, and so it does afterwards.
TEST_P(RtlOf, AResidualMapIsTheBuildsOrABadRange) {
  const bool adds = GetParam().config.residual;
  for (const WriteMode mode : {WriteMode::kPlain, WriteMode::kMaxPool, WriteMode::kSpaceToDepth}) {
    for (const uint32_t blocks : {1U, 2U, 0xffffU, 0U}) {
      SCOPED_TRACE(fmt::format("mode {}, {} blocks", static_cast<uint32_t>(mode), blocks));
      ListBuilder list(blocks);
      list.Add({.opcode = Opcode::kLoadTaps, .address = list.Room(64), .length = 1});
      list.Add({.opcode = Opcode::kConv,
                .after = 1,
                .out_h = 4,
                .out_w = 4,
                .in_h = 4,
                .in_w = 4,
                .src_row_step = 2,
                .blocks = 1,
                .tap_count = 1,
                .dst_base = 100,
                .dst_row_step = 2,
                .dst_block_step = 4,
                .dst_plane_step = 4,
                .out_blocks = 1,
                .mode = mode,
                .residual_base = 200,
                .residual_row_step = 2,
                .residual_blocks = blocks});
      std::vector<uint8_t> buffer = list.Finish();
      ExpectSame(buffer);
      EngineModel model{GetParam().config};
      EXPECT_EQ(model.Run(buffer, 0).status,
                adds || blocks == 0 ? EngineStatus::kDone : EngineStatus::kBadRange);
    }
  }
  ListBuilder list(1, GetParam().config);
  list.Conv();
  ExpectSame(list.Finish());
}

TEST_P(RtlOf, TheSelfTestPasses) {
  for (const SelfTestCase& test : SelfTestCases()) {
    const SelfTestStep step = test.run(*driver_, port_);
    EXPECT_TRUE(step.passed) << test.name << ": " << step.result;
  }
}

TEST(Builds, TheRtlsTableIsTheSame) {
  std::istringstream table(
      ReadTextFile(Path(BLUESTEM_SOURCE_ROOT) / "bluestem/fpga/rtl/builds.txt").value());
  std::vector<std::string> names;
  for (std::string line; std::getline(table, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string name, word;
    words >> name;
    names.push_back(name);
    EngineConfig config;
    while (words >> word) {
      const size_t at = word.find('=');
      const std::string key = word.substr(0, at);
      const int32_t value = std::stoi(word.substr(at + 1));
      if (key == "PIXELS") config.pixels = value;
      if (key == "OUTPUTS") config.outputs = value;
      if (key == "BANK_WORDS") config.bank_words = value;
      if (key == "WEIGHT_WORDS") config.weight_words = value;
      if (key == "THRESHOLD_BLOCKS") config.threshold_blocks = value;
      if (key == "TAPS") config.taps = value;
      if (key == "RESIDUAL") config.residual = value != 0;
    }
    const auto build = FindBuild(name);
    ASSERT_TRUE(build.ok()) << build.status().message();
    EXPECT_EQ(build->config, config) << name;
  }
  EXPECT_EQ(names.size(), Builds().size());
}

// What fpga report says is what the last row of tools/fpga_area --update says, and 15 % for
// packing.
TEST(Builds, AreasAreThoseOfTheSynthesis) {
  for (const EngineBuild& build : Builds()) {
    SCOPED_TRACE(build.name);
    const std::string name =
        build.name == std::string("default") ? "area.txt" : fmt::format("area-{}.txt", build.name);
    std::istringstream table(
        ReadTextFile(Path(BLUESTEM_SOURCE_ROOT) / "bluestem/fpga/rtl" / name).value());
    std::string line, module;
    double instances = 0, alms = 0, luts = 0, small = 0, adders = 0, registers = 0;
    int64_t m10k = 0, dsp = 0;
    while (module != "all" && std::getline(table, line)) {
      if (line.starts_with('#')) continue;
      std::istringstream words(line);
      words >> module >> instances >> alms >> luts >> small >> adders >> registers >> m10k >> dsp;
    }
    ASSERT_EQ(module, "all") << name;
    EXPECT_EQ(build.area.alms, static_cast<int64_t>(alms * 1.15));
    EXPECT_EQ(build.area.m10k, m10k);
    EXPECT_EQ(build.area.dsp, dsp);
  }
}

TEST(Builds, TheEnvironmentChoosesOne) {
  ::unsetenv("BLUESTEM_ENGINE");
  EXPECT_STREQ(ChosenBuild()->name, "default");
  EXPECT_EQ(ChosenBuild()->config, EngineConfig{});
  ::setenv("BLUESTEM_ENGINE", "large", 1);
  EXPECT_EQ(PeakMacs(ChosenBuild()->config), 8192);
  ::setenv("BLUESTEM_ENGINE", "small", 1);
  EXPECT_EQ(PeakMacs(ChosenBuild()->config), 1024);
  ::setenv("BLUESTEM_ENGINE", "huge", 1);
  const auto build = ChosenBuild();
  ::unsetenv("BLUESTEM_ENGINE");
  EXPECT_EQ(build.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(build.status().message(),
            "BLUESTEM_ENGINE: there is no build 'huge' of the engine; expected one of default, "
            "small, plain, large");
}

TEST(Builds, EachFitsThePartThatItIsFor) {
  EXPECT_TRUE(FindPart("5CSEBA2")->Fits(FindBuild("small")->area));
  EXPECT_TRUE(FindPart("5CSEBA2")->Fits(FindBuild("plain")->area));
  EXPECT_TRUE(FindPart("5CSEBA6")->Fits(FindBuild("large")->area));
  EXPECT_FALSE(FindPart("5CSEBA2")->Fits(FindBuild("default")->area));
  EXPECT_FALSE(FindPart("5CSEMA5")->Fits(FindBuild("large")->area));
}

}  // namespace
}  // namespace bluestem::fpga
