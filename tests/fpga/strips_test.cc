// Regions in strips of rows: what strips cover, that they give what whole maps give, that the RTL
// agrees with the model, and what placing reckons with.
#include "bluestem/fpga/strips.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "bluestem/fpga/builds.h"
#include "bluestem/fpga/cost.h"
#include "bluestem/fpga/engine/timing.h"
#include "bluestem/fpga/pack.h"
#include "tests/fpga/lists.h"
#include "tests/runtime/conv_programs.h"

namespace bluestem::fpga {
namespace {

using runtime::ChainBuilder;
using runtime::ConvSpec;

const EngineConfig kRoomy = {.bank_words = 32768};  // that no map of these tests needs strips in

class Random {
 public:
  explicit Random(uint64_t seed) : random_(seed) {}
  int32_t operator()(std::initializer_list<int32_t> values) {
    return *(values.begin() + static_cast<int64_t>(random_() % values.size()));
  }

 private:
  std::mt19937_64 random_;
};

TEST(CutInto, EachRowIsWrittenOnceAndWhatItsWindowsReachIsThere) {
  Random pick(3);
  for (uint64_t round = 0; round < 400; ++round) {
    const int32_t kernel = pick({1, 2, 3, 5, 7}), dilation = pick({1, 1, 2, 3});
    const int32_t stride = pick({1, 2}), pad = pick({0, kernel / 2, kernel * dilation});
    const int32_t least = (kernel - 1) * dilation + 1;
    const int32_t h = (least + pick({0, 1, 8, 30}) + 1) / 2 * 2;
    ChainBuilder chain(h, h, 32, round);
    chain.Conv({.kernel = kernel, .stride = stride, .dilation = dilation, .pad = pad});
    StageMaps maps = MapsOf(chain.Finish()->calls[0]);
    if (pick({0, 1}) == 1) maps.mode = WriteMode::kMaxPool;
    const Whole whole = {.source = pick({0, 1}) == 1};
    const int32_t rows = maps.unit() * pick({1, 2, 5});
    SCOPED_TRACE(fmt::format("round {}: {} rows, kernel {}, dilation {}, stride {}, pad {}", round,
                             h, kernel, dilation, stride, pad));
    if (maps.rows() == 0) continue;
    int32_t next = 0;
    const Strips cut = CutInto(maps, whole, rows, {});
    for (const Strip& strip : cut.strips) {
      EXPECT_EQ(strip.out.first, next);
      EXPECT_EQ(strip.out.first % maps.unit(), 0);
      next = strip.out.end;
      ASSERT_GE(strip.in.first, 0);
      ASSERT_LE(strip.in.end, h);
      ASSERT_LT(strip.in.first, strip.in.end);
      // Of planes, and of banks, begins where the parity is the map's.
      EXPECT_EQ(strip.in.first % (stride * (whole.source ? 2 : 1)), 0);
      EXPECT_EQ(strip.in.end % stride, 0);
      if (!whole.source) {
        EXPECT_LE(strip.in.count(), cut.source.h * stride);
      }
      for (int32_t y = strip.out.first; y < strip.out.end; ++y) {
        for (int32_t tap = 0; tap < kernel; ++tap) {
          const int32_t reached = y * stride - pad + tap * dilation;
          const int32_t own =
              (y - strip.out.first) * stride - strip.pad_top + tap * dilation + strip.in.first;
          ASSERT_EQ(own, reached);
          if (reached < 0 || reached >= h) continue;
          ASSERT_GE(reached, strip.in.first);
          ASSERT_LT(reached, strip.in.end);
        }
      }
    }
    EXPECT_EQ(next, maps.rows());
  }
}

Result<EngineProgram> Compile(const program::Program& program, const EngineConfig& config) {
  return CompileRegion(program, 0, program.calls.size(), config);
}

// The same random maps for each engine.
void Encode(EngineProgram& engine, uint64_t seed) {
  std::mt19937_64 random(seed);
  for (const MapPort& port : engine.inputs) {
    std::vector<uint8_t> map(static_cast<size_t>(port.h * port.w * port.c));
    for (uint8_t& code : map) code = static_cast<uint8_t>(random() & ((1U << port.bits) - 1));
    EncodeMap(port, map.data(), engine.buffer);
  }
}

// What comes out, in the order of the operands.
std::vector<std::vector<uint8_t>> Decode(const EngineProgram& engine) {
  std::vector<std::pair<int64_t, std::vector<uint8_t>>> maps;
  for (const MapPort& port : engine.outputs) {
    auto& map = maps.emplace_back(port.operand.offset, std::vector<uint8_t>()).second;
    map.resize(static_cast<size_t>(port.h * port.w * port.c * (port.raw ? 4 : 1)));
    DecodeMap(port, engine.buffer, map.data());
  }
  std::sort(maps.begin(), maps.end());
  std::vector<std::vector<uint8_t>> results;
  for (auto& [offset, map] : maps) results.push_back(std::move(map));
  return results;
}

std::vector<std::vector<uint8_t>> ResultsOf(EngineProgram& engine, const EngineConfig& config) {
  Encode(engine, 1);
  EngineModel model(config);
  const EngineResult result = model.Engine::Run(engine.buffer, engine.list);
  EXPECT_EQ(result.status, EngineStatus::kDone) << EngineStatusText(result.status);
  return Decode(engine);
}

std::vector<Command> ListIn(const EngineProgram& engine) {
  return ListOf(engine, engine.list).value_or(std::vector<Command>());
}
int64_t Count(const EngineProgram& engine, Opcode opcode) {
  const std::vector<Command> list = ListIn(engine);
  return std::count_if(list.begin(), list.end(),
                       [&](const Command& command) { return command.opcode == opcode; });
}

// Layers of every kind, of maps of many sizes.
std::shared_ptr<program::Program> RandomRegion(uint64_t seed, std::initializer_list<int32_t> h,
                                               std::initializer_list<int32_t> w) {
  Random pick(seed);
  const int32_t c = pick({3, 32, 40, 64});
  const auto even = [](int32_t extent) { return (extent + 3) / 4 * 4; };
  const bool halves = pick({0, 1}) == 1;
  const int32_t height = pick(h), width = pick(w);
  ChainBuilder chain(halves ? even(height) : height, halves ? even(width) : width, c, seed);
  const auto same = [&](size_t residual) {
    const int32_t kernel = pick({1, 3, 3, 5}), dilation = pick({1, 1, 2});
    chain.Conv({.co = c,
                .kernel = kernel,
                .dilation = dilation,
                .pad = kernel / 2 * dilation,
                .x_bits = 2,
                .residual = residual});
  };
  const int32_t kernel = pick({1, 3});
  const int32_t bits = c == 3 || kernel == 1 ? pick({2, 8}) : 2;  // or sums are too great
  chain.Conv({.co = c, .kernel = kernel, .pad = kernel / 2, .x_bits = bits});
  same(0);
  same(static_cast<size_t>(pick({0, 1, 2})));
  if (pick({0, 1}) == 1) same(static_cast<size_t>(pick({0, 2, 3})));
  const int32_t move = halves ? pick({0, 1, 2, 3}) : pick({0, 1});
  if (move == 1) chain.Pool();
  if (move == 2) {
    chain.Conv({.co = 32});
    chain.SpaceToDepth();
  }
  if (move == 3) {
    const int32_t co = c + pick({1, 32});
    chain.Conv({.co = co, .stride = 2});
    chain.Pick({.from = c, .plane = pick({0, 1, 2, 3}), .in_two = pick({0, 1}) == 1});
    chain.Conv({.co = co, .residual = runtime::kPicked});
  }
  const bool raw = pick({0, 1}) == 1;
  chain.Conv(
      {.co = pick({10, 33, 64}),
       .epilogue = raw ? kernels::QConvEpilogue::kAffine : kernels::QConvEpilogue::kThreshold});
  return chain.Finish();
}

TEST(InStrips, RandomRegionsGiveWhatTheyGiveWhole) {
  size_t in_strips = 0, spilled = 0;
  for (uint64_t round = 0; round < 100; ++round) {
    SCOPED_TRACE(round);
    const auto program = RandomRegion(round, {5, 12, 17, 24}, {7, 12, 19, 30});
    auto whole = Compile(*program, kRoomy);
    ASSERT_TRUE(whole.ok()) << whole.status().message();
    const auto expected = ResultsOf(*whole, kRoomy);
    for (const int32_t words : {120, 250, 500}) {
      SCOPED_TRACE(words);
      const EngineConfig config = {.bank_words = words};
      bool refused = false;
      for (size_t i = 0; i < program->calls.size(); ++i) {
        refused = refused || !Refusal(*program, i, config).empty();
      }
      auto cut = Compile(*program, config);
      if (!cut.ok()) {
        EXPECT_TRUE(refused) << cut.status().message();
        continue;
      }
      EXPECT_EQ(ResultsOf(*cut, config), expected);
      in_strips += Count(*cut, Opcode::kConv) > Count(*whole, Opcode::kConv) ? 1 : 0;
      spilled += Count(*cut, Opcode::kStoreMap) > Count(*whole, Opcode::kStoreMap) ? 1 : 0;
    }
  }
  EXPECT_GT(in_strips, 100U);
  EXPECT_GT(spilled, 100U);
}

TEST(InStrips, ARegionMayBeginAndEndAnywhere) {
  for (uint64_t round = 0; round < 8; ++round) {
    const auto program = RandomRegion(round, {12, 20}, {12, 24});
    const size_t calls = program->calls.size();
    const EngineConfig config = {.bank_words = 300};
    for (size_t begin = 0; begin < calls; ++begin) {
      for (size_t end = begin + 1; end <= calls; ++end) {
        bool refused = false;
        for (size_t i = begin; i < end; ++i) {
          refused = refused || !Refusal(*program, i, config).empty();
        }
        if (refused) continue;
        SCOPED_TRACE(fmt::format("round {}: calls {} to {}", round, begin, end));
        auto whole = CompileRegion(*program, begin, end, kRoomy);
        auto cut = CompileRegion(*program, begin, end, config);
        ASSERT_TRUE(whole.ok() && cut.ok()) << cut.status().message();
        EXPECT_EQ(ResultsOf(*cut, config), ResultsOf(*whole, kRoomy));
      }
    }
  }
}

TEST(InStrips, MapsThatFitAreMovedAndComputedAsBefore) {
  ChainBuilder chain(16, 24, 64, 5);
  for (int i = 0; i < 3; ++i) chain.Conv({.co = 64});
  const auto program = chain.Finish();
  const EngineConfig tight = {.bank_words = 2 * 192};  // two maps, to the word
  const auto whole = Compile(*program, kRoomy), exact = Compile(*program, tight);
  ASSERT_TRUE(whole.ok() && exact.ok());
  EXPECT_EQ(exact->calls, whole->calls);
  EXPECT_EQ(ClocksOf(ListIn(*exact), tight), ClocksOf(ListIn(*whole), kRoomy));
  EXPECT_EQ(Count(*exact, Opcode::kConv), 3);
  const auto less = Compile(*program, {.bank_words = 2 * 192 - 1});
  ASSERT_TRUE(less.ok());
  EXPECT_GT(Count(*less, Opcode::kConv), 3);
}

TEST(InStrips, StripsShareTheirLayersWeightsAndLeaveWhatFitsInTheBanks) {
  ChainBuilder chain(40, 32, 32, 5);
  chain.Conv({.co = 64});
  chain.Pool();
  chain.Conv({.co = 32});
  const auto program = chain.Finish();
  // The source has 320 words, what is pooled 160: that stays, and the source comes in strips.
  auto engine = Compile(*program, {.bank_words = 400});
  ASSERT_TRUE(engine.ok()) << engine.status().message();
  EXPECT_EQ(Count(*engine, Opcode::kLoadWeights), 2);
  EXPECT_GT(Count(*engine, Opcode::kConv), 2);
  EXPECT_EQ(Count(*engine, Opcode::kStoreMap), 1);
}

TEST(InStrips, PlacingReckonsWithTheClocksOfStrips) {
  Random pick(5);
  for (uint64_t round = 0; round < 20; ++round) {
    ChainBuilder chain(pick({32, 60, 100}), pick({32, 48}), pick({32, 64, 128}), round);
    chain.Conv({.co = pick({32, 64, 128}), .kernel = pick({1, 3})});
    const auto program = chain.Finish();
    const EngineConfig config = {.bank_words = pick({512, 1024, 8192})};
    const auto cost = CostOf(*program, 0, 1, config);
    ASSERT_TRUE(cost.ok()) << cost.status().message();
    const int64_t clocks = CallClocks(program->calls[0], config);
    SCOPED_TRACE(fmt::format("round {}: {} of {}", round, clocks, cost->clocks));
    const bool fits =
        MapsOf(program->calls[0]).source.words() + MapsOf(program->calls[0]).result.words() <=
        config.bank_words;
    if (fits) {
      EXPECT_EQ(clocks, cost->layers[0].array_clocks);
    } else {  // but for the weights
      EXPECT_NEAR(static_cast<double>(clocks), static_cast<double>(cost->clocks),
                  0.02 * static_cast<double>(cost->clocks) + 2400);
    }
  }
}

TEST(InStrips, MapsTooWideForOneStripAreRefused) {
  ChainBuilder chain(8, 4000, 64, 5);
  chain.Conv({.co = 64});
  const auto program = chain.Finish();
  EXPECT_EQ(Refusal(*program, 0, {.bank_words = 2048}),
            "20000 words for its smallest strip of rows; its banks hold 2048");
  EXPECT_EQ(Refusal(*program, 0, {.bank_words = 20000}), "");
}

class RtlStrips : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!WhyNoSimulation().empty()) GTEST_SKIP() << WhyNoSimulation();
    auto port = SimulationPort::Open(SimulationLibrary({.config = config_}));
    ASSERT_TRUE(port.ok()) << port.status().message();
    port_ = port->get();
    auto driver = EngineDriver::Open(std::move(*port));
    ASSERT_TRUE(driver.ok()) << driver.status().message();
    driver_ = std::move(*driver);
  }

  const EngineConfig config_ = FindBuild("small")->config;
  SimulationPort* port_ = nullptr;
  std::unique_ptr<EngineDriver> driver_;
};

TEST_F(RtlStrips, RandomRegionsTakeTheModelsBitsAndClocks) {
  size_t in_strips = 0;
  for (uint64_t round = 100; round < 108 && !HasFailure(); ++round) {
    SCOPED_TRACE(round);
    const auto program = RandomRegion(round, {36, 50}, {60, 77});
    auto engine = Compile(*program, config_), whole = Compile(*program, kRoomy);
    ASSERT_TRUE(engine.ok() && whole.ok()) << engine.status().message();
    in_strips += Count(*engine, Opcode::kConv) >= Count(*whole, Opcode::kConv) + 5 ? 1 : 0;
    Encode(*engine, 1);
    std::vector<uint8_t> expected = engine->buffer, given = engine->buffer;
    EngineModel model{config_};
    const EngineResult want = model.Engine::Run(expected, engine->list);
    const EngineResult got = driver_->Engine::Run(given, engine->list);
    EXPECT_EQ(want.status, EngineStatus::kDone) << EngineStatusText(want.status);
    EXPECT_EQ(got.status, want.status) << EngineStatusText(got.status);
    EXPECT_EQ(got.clocks, want.clocks);
    EXPECT_EQ(got.array_clocks, want.array_clocks);
    EXPECT_EQ(got.memory_clocks, want.memory_clocks);
    EXPECT_EQ(got.clocks, ClocksOf(ListIn(*engine), config_));
    EXPECT_TRUE(given == expected);
    EXPECT_EQ(port_->violation(), "");
  }
  EXPECT_GT(in_strips, 3U);
}

// Maps of so many strips, a descriptor a block of each, that a list does not hold all calls'.
TEST(RegionRefusal, AListThatIsTooLongEndsBeforeTheCallThatMakesItSo) {
  const EngineConfig config = {.bank_words = 8};
  ChainBuilder chain(40000, 2, 32, 1);
  for (int i = 0; i < 5; ++i) chain.Conv({});
  const auto program = chain.Finish();
  for (size_t i = 0; i < 5; ++i) ASSERT_EQ(Refusal(*program, i, config), "");
  size_t end = 5;
  const std::string reason = RegionRefusal(*program, 0, end, config);
  EXPECT_EQ(reason.find("with the calls before it a list of "), 0U) << reason;
  EXPECT_NE(reason.find(" descriptors; the engine takes 65535"), std::string::npos) << reason;
  EXPECT_GT(end, 1U);
  EXPECT_LT(end, 5U);
  EXPECT_TRUE(CompileRegion(*program, 0, end, config).ok());
  EXPECT_EQ(CompileRegion(*program, 0, end + 1, config).status().code(), Code::kUnsupported);
  size_t rest = 5;
  EXPECT_EQ(RegionRefusal(*program, end, rest, config), "");
  EXPECT_EQ(rest, 5U);
}

}  // namespace
}  // namespace bluestem::fpga
