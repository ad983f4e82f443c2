// Lists of several pictures: each gets what it gets alone, and they share loads of weights.
#include <gtest/gtest.h>

#include <algorithm>

#include "bluestem/fpga/engine/timing.h"
#include "bluestem/fpga/pack.h"
#include "tests/fpga/lists.h"
#include "tests/runtime/cnv.h"

namespace bluestem::fpga {
namespace {

using runtime::ChainBuilder;

EngineProgram MustCompile(const program::Program& program, int32_t most_pictures,
                          const EngineConfig& config = {}) {
  auto compiled = CompileRegion(program, 0, program.calls.size(), config, most_pictures);
  EXPECT_TRUE(compiled.ok()) << compiled.status().message();
  return compiled.ok() ? std::move(*compiled) : EngineProgram();
}

// Random maps for a picture, the same for the same seed.
std::vector<std::vector<uint8_t>> MapsOf(const EngineProgram& engine, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::vector<uint8_t>> maps;
  for (const MapPort& port : engine.inputs) {
    auto& map = maps.emplace_back(static_cast<size_t>(port.h * port.w * port.c));
    for (uint8_t& code : map) code = static_cast<uint8_t>(random() & ((1U << port.bits) - 1));
  }
  return maps;
}

// What comes out for each of the pictures `seeds`, which one list runs.
std::vector<std::vector<uint8_t>> Run(EngineProgram& engine, uint32_t list,
                                      const std::vector<uint64_t>& seeds,
                                      const EngineConfig& config) {
  for (size_t picture = 0; picture < seeds.size(); ++picture) {
    const auto maps = MapsOf(engine, seeds[picture]);
    for (size_t i = 0; i < maps.size(); ++i) {
      EncodeMap(engine.inputs[i], maps[i].data(), engine.buffer, picture);
    }
  }
  EngineModel model(config);
  EXPECT_EQ(model.Engine::Run(engine.buffer, list).status, EngineStatus::kDone);
  std::vector<std::vector<uint8_t>> results;
  for (size_t picture = 0; picture < seeds.size(); ++picture) {
    std::vector<uint8_t>& result = results.emplace_back();
    for (const MapPort& port : engine.outputs) {
      std::vector<uint8_t> map(static_cast<size_t>(port.h * port.w * port.c) * (port.raw ? 4 : 1));
      DecodeMap(port, engine.buffer, map.data(), picture);
      result.insert(result.end(), map.begin(), map.end());
    }
  }
  return results;
}

void ExpectAsAlone(EngineProgram& engine, const EngineConfig& config = {}) {
  for (const BatchList& batch : engine.batches) {
    std::vector<uint64_t> seeds;
    for (int32_t i = 0; i < batch.pictures; ++i) seeds.push_back(static_cast<uint64_t>(i) + 1);
    const auto together = Run(engine, batch.list, seeds, config);
    for (size_t picture = 0; picture < seeds.size(); ++picture) {
      EXPECT_EQ(together[picture], Run(engine, engine.list, {seeds[picture]}, config)[0])
          << "picture " << picture << " of " << batch.pictures;
    }
  }
}

std::vector<Command> MustList(const EngineProgram& engine, uint32_t list) {
  const auto commands = ListOf(engine, list);
  EXPECT_TRUE(commands.has_value());
  return commands.value_or(std::vector<Command>());
}

int64_t WeightLoads(const std::vector<Command>& list) {
  int64_t words = 0;
  for (const Command& command : list) {
    if (command.opcode == Opcode::kLoadWeights) words += command.length;
  }
  return words;
}

TEST(Batch, PicturesShareEachLoadOfWeightsAndGetWhatTheyGetAlone) {
  ChainBuilder chain(8, 8, 64, 3);
  chain.Conv({.co = 128});
  chain.Pool();
  chain.Conv({.co = 512});
  chain.Conv({.co = 10, .epilogue = kernels::QConvEpilogue::kAffine});
  EngineProgram engine = MustCompile(*chain.Finish(), 8);
  ASSERT_EQ(engine.batches.size(), 3U);
  const std::vector<Command> alone = MustList(engine, engine.list);
  auto before = static_cast<double>(ClocksOf(alone, {}));
  for (size_t i = 0; i < 3; ++i) {
    const BatchList& batch = engine.batches[i];
    EXPECT_EQ(batch.pictures, 2 << i);
    const std::vector<Command> list = MustList(engine, batch.list);
    EXPECT_EQ(WeightLoads(list), WeightLoads(alone));
    const double clocks = static_cast<double>(ClocksOf(list, {})) / batch.pictures;
    EXPECT_LT(clocks, before);
    before = clocks;
  }
  ExpectAsAlone(engine);
}

TEST(Batch, FirstLayersWhoseMapsDoNotFitTogetherRunOnePictureAfterTheOther) {
  ChainBuilder chain(32, 32, 64, 4);
  chain.Conv({.co = 64});
  chain.Conv({.co = 64});
  chain.Pool();
  chain.Conv({.co = 64});
  chain.Pool();
  chain.Conv({.co = 64});
  chain.Pool();
  chain.Conv({.co = 512});
  chain.Conv({.co = 256});
  const EngineConfig config = {.bank_words = 1280};  // a picture's first two maps are 1,024
  EngineProgram engine = MustCompile(*chain.Finish(), 2, config);
  ASSERT_EQ(engine.batches.size(), 1U);
  const std::vector<Command> list = MustList(engine, engine.batches[0].list);
  // The first layer's weights come twice, the last one's once.
  const auto loads = [&](uint32_t from) {
    return std::count_if(list.begin(), list.end(), [&](const Command& command) {
      return command.opcode == Opcode::kLoadWeights && command.address == from;
    });
  };
  const std::vector<Command> alone = MustList(engine, engine.list);
  std::vector<uint32_t> addresses;
  for (const Command& command : alone) {
    if (command.opcode == Opcode::kLoadWeights) addresses.push_back(command.address);
  }
  EXPECT_EQ(loads(addresses.front()), 2);
  EXPECT_EQ(loads(addresses.back()), 1);
  ExpectAsAlone(engine, config);
}

TEST(Batch, EachPicturePicksWhatItAddsFromItsOwnMaps) {
  ChainBuilder chain(8, 8, 64, 6);
  chain.Conv({.co = 64});
  chain.Conv({.co = 512, .stride = 2});
  chain.Pick({.from = 64, .first = 32});
  chain.Conv({.co = 512, .residual = runtime::kPicked});
  const auto program = chain.Finish();
  EngineProgram engine = MustCompile(*program, 4);
  EXPECT_EQ(engine.batches.size(), 2U);
  ExpectAsAlone(engine);
  auto leaving = CompileRegion(*program, 0, 4, {}, 4);  // what it makes, and what is picked
  ASSERT_TRUE(leaving.ok()) << leaving.status().message();
  EXPECT_EQ(leaving->outputs.size(), 2U);
  EXPECT_EQ(leaving->batches.size(), 2U);
  ExpectAsAlone(*leaving);
}

TEST(Batch, WhereNothingIsGainedThereIsNone) {
  ChainBuilder chain(64, 64, 32, 5);
  for (int i = 0; i < 3; ++i) chain.Conv({.co = 32, .kernel = 7, .pad = 3});
  const auto program = chain.Finish();
  const EngineProgram engine = MustCompile(*program, 8), alone = MustCompile(*program, 1);
  EXPECT_TRUE(engine.batches.empty());
  EXPECT_EQ(engine.buffer, alone.buffer);  // and no room for their maps
}

TEST(Batch, RandomRegionsGiveEachPictureWhatItGetsAlone) {
  std::mt19937_64 random(17);
  const auto pick = [&](std::initializer_list<int32_t> values) {
    return *(values.begin() + static_cast<int64_t>(random() % values.size()));
  };
  size_t batches = 0;
  for (uint64_t round = 0; round < 30; ++round) {
    SCOPED_TRACE(round);
    const int32_t c = pick({3, 40, 64, 96});
    ChainBuilder chain(pick({4, 8, 12}), pick({4, 6, 16}), c, round);
    chain.Conv({.co = c, .x_bits = pick({2, 2, 8})});
    chain.Conv({.co = c});
    chain.Conv({.co = c, .residual = 2});
    const int32_t move = pick({0, 1, 2});
    if (move == 1) chain.Pool();
    chain.Conv({.co = pick({33, 256, 512}), .stride = move == 2 ? 2 : 1});
    const int32_t kernel = pick({1, 3});
    chain.Conv({.co = pick({10, 200}), .kernel = kernel, .pad = kernel / 2});
    const EngineConfig config = {.bank_words = pick({512, 1024, 8192})};
    auto compiled = CompileRegion(*chain.Finish(), 0, move == 1 ? 6 : 5, config, 4);
    if (!compiled.ok()) continue;  // for one picture's maps even
    ExpectAsAlone(*compiled, config);
    batches += compiled->batches.size();
  }
  EXPECT_GT(batches, 30U);
}

// What the figures of docs/fpga.md come from.
TEST_F(Rtl, BatchesOfCnvTakeTheFormulasClocksAndMake5000PicturesASecondAt125Megahertz) {
  EngineProgram engine = MustCompile(*runtime::Cnv(), 4);
  ASSERT_EQ(engine.batches.size(), 2U);
  for (size_t picture = 0; picture < 4; ++picture) {
    const auto maps = MapsOf(engine, picture);
    for (size_t i = 0; i < maps.size(); ++i) {
      EncodeMap(engine.inputs[i], maps[i].data(), engine.buffer, picture);
    }
  }
  for (const BatchList& batch : engine.batches) {
    std::vector<uint8_t> expected = engine.buffer, given = engine.buffer;
    EngineModel model{driver_->config()};
    ASSERT_EQ(model.Engine::Run(expected, batch.list).status, EngineStatus::kDone);
    const EngineResult result = driver_->Run(given, batch.list);
    ASSERT_EQ(result.status, EngineStatus::kDone) << EngineStatusText(result.status);
    EXPECT_TRUE(given == expected);
    EXPECT_EQ(result.clocks, ClocksOf(MustList(engine, batch.list), driver_->config()));
    EXPECT_GE(125e6 * batch.pictures / static_cast<double>(result.clocks), 5000);
    RecordProperty("clocks_of_" + std::to_string(batch.pictures), static_cast<int>(result.clocks));
  }
}

}  // namespace
}  // namespace bluestem::fpga
