// The engine's part as a file: it comes back as it was, and what anybody wrote is refused or stays
// inside its memory.
#include "bluestem/fpga/pack.h"

#include <gmock/gmock.h>

#include <functional>

#include "bluestem/fpga/builds.h"
#include "tests/fpga/packs.h"

namespace bluestem::fpga {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr size_t kFormatVersionAt = 16, kEngineVersionAt = 24;

std::string ParseError(const Bytes& bytes) {
  const auto pack = ParsePack(bytes, "engine.bin");
  return pack.ok() ? "" : pack.status().message();
}

TEST(Pack, ComesBackAsItWas) {
  const auto program = PackedProgram();
  const EnginePack pack = PackOf(*program);
  const Bytes bytes = ToBytes(pack);
  const auto read = ParsePack(bytes, "engine.bin");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(ToBytes(*read), bytes);
  EXPECT_EQ(read->config, pack.config);
  EXPECT_EQ(read->digest, pack.digest);
  ASSERT_NE(read->Find(0, 4), nullptr);
  EXPECT_EQ(read->Find(0, 3), nullptr);
  const EngineProgram &was = pack.regions[0].program, &is = *read->Find(0, 4);
  EXPECT_EQ(is.buffer, was.buffer);
  EXPECT_EQ(is.list, was.list);
  EXPECT_EQ(is.calls, was.calls);
  ASSERT_EQ(is.inputs.size(), 1U);
  EXPECT_EQ(is.inputs[0].operand, was.inputs[0].operand);
  EXPECT_EQ(is.inputs[0].windows->co, 40);
  ASSERT_EQ(is.outputs.size(), 1U);
  EXPECT_EQ(is.outputs[0].raw->a, was.outputs[0].raw->a);
  EXPECT_EQ(is.outputs[0].raw->b, was.outputs[0].raw->b);
  EXPECT_EQ(is.inputs[0].others, was.inputs[0].others);
  ASSERT_EQ(is.batches.size(), 1U);
  EXPECT_EQ(is.batches[0].pictures, 2);
  EXPECT_EQ(is.batches[0].list, was.batches[0].list);
  EXPECT_EQ(is.batches[0].calls, was.batches[0].calls);
  EXPECT_TRUE(CheckPack(*read, *program).ok());
}

TEST(Pack, AnotherVersionIsRefusedAndSaysWhatToDo) {
  Bytes bytes = ToBytes(PackOf(*PackedProgram()));
  bytes[kEngineVersionAt] = 9;
  EXPECT_THAT(ParseError(bytes), HasSubstr("engine.bin: packed for the engine 0x31573241 of "
                                           "version 9; this program drives 0x31573241 of version"));
  EXPECT_THAT(ParseError(bytes), HasSubstr("convert the model again with --target fpga"));
  bytes[kFormatVersionAt] = 7;
  EXPECT_THAT(ParseError(bytes), HasSubstr("version 7 of its format; this program reads version"));
}

TEST(Pack, AnEngineOfOtherMemoriesIsRefused) {
  const EnginePack pack = PackOf(*PackedProgram());
  EngineConfig engine;
  EXPECT_TRUE(pack.CheckEngine(engine).ok());
  engine.weight_words = 512;
  const Status status = pack.CheckEngine(engine);
  EXPECT_EQ(status.code(), Code::kInvalidData);
  EXPECT_THAT(
      status.message(),
      HasSubstr("engine.bin: packed for an engine of 4 pixels x 32 outputs a clock, 4 x 8192 "
                "words of maps, 1024 weight words"));
  EXPECT_THAT(status.message(),
              HasSubstr("this one has 4 pixels x 32 outputs a clock, 4 x 8192 words of maps, 512"));
  EXPECT_THAT(status.message(), EndsWith("convert the model again with --target fpga"));
}

TEST(Pack, AnEngineWithoutResidualMapsIsRefusedByOneWithAndTheOtherWayRound) {
  EnginePack pack = PackOf(*PackedProgram());
  EngineConfig without;
  without.residual = false;
  const Status lacks = pack.CheckEngine(without);
  EXPECT_EQ(lacks.code(), Code::kInvalidData);
  EXPECT_THAT(lacks.message(), HasSubstr("512 taps, residual maps; this one has 4 pixels"));
  EXPECT_THAT(lacks.message(), EndsWith("512 taps, no residual maps: convert the model again with "
                                        "--target fpga"));
  pack.config = FindBuild("small")->config;
  EXPECT_THAT(pack.CheckEngine(FindBuild("plain")->config).message(),
              EndsWith("no residual maps: convert the model again with --target fpga and "
                       "BLUESTEM_ENGINE=plain"));
  pack.config = FindBuild("plain")->config;
  EXPECT_THAT(pack.CheckEngine(FindBuild("small")->config).message(),
              HasSubstr("512 taps, no residual maps; this one has"));
}

TEST(Pack, AnEngineOfAnotherArrayIsRefusedAndNamed) {
  const EnginePack pack = PackOf(*PackedProgram());
  for (const char* name : {"small", "large"}) {
    const Status status = pack.CheckEngine(FindBuild(name)->config);
    EXPECT_EQ(status.code(), Code::kInvalidData);
    EXPECT_THAT(status.message(),
                EndsWith("convert the model again with --target fpga and BLUESTEM_ENGINE=" +
                         std::string(name)));
  }
}

TEST(Pack, WhatIsCutOrGoesOnIsRefused) {
  const Bytes good = ToBytes(PackOf(*PackedProgram()));
  EXPECT_THAT(ParseError({'n', 'o'}), HasSubstr("not the engine's part of an artefact"));
  for (size_t size = 0; size < good.size(); size += size < 400 ? 1 : 97) {
    EXPECT_NE(ParseError({good.begin(), good.begin() + static_cast<int64_t>(size)}), "") << size;
  }
  EXPECT_THAT(ParseError({good.begin(), good.end() - 1}), HasSubstr("is it cut?"));
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_THAT(ParseError(longer), HasSubstr("has more bytes than its regions"));
}

TEST(Pack, FlippedBitsAreRefusedOrStayInside) {
  const auto program = PackedProgram();
  const Bytes good = ToBytes(PackOf(*program));
  std::mt19937_64 random(3);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    Bytes bytes = good;
    // The buffer, which only the engine reads, is the end of the file.
    const size_t most = round % 2 == 0 ? std::min<size_t>(good.size(), 900) : good.size();
    bytes[random() % most] ^= static_cast<uint8_t>(1 << random() % 8);
    auto pack = ParsePack(bytes, "engine.bin");
    if (!pack.ok() || !CheckPack(*pack, *program).ok()) {
      ++refused;
      continue;
    }
    MoveMaps(*pack, *program);
  }
  EXPECT_GT(refused, 300);
}

struct Fault {
  std::function<void(PackedRegion&)> make;
  const char* message;
};

TEST(Pack, WhatReachesOutsideIsNamed) {
  const auto program = PackedProgram();
  const std::vector<Fault> faults = {
      {[](PackedRegion& r) { r.end = 5; }, "calls 0 to 5 of 4"},
      {[](PackedRegion& r) { r.end = 0; }, "calls 0 to 0 of 4"},
      {[](PackedRegion& r) { r.program.host_calls = {0}; }, "a call that is not the host's"},
      {[](PackedRegion& r) { r.program.list = 1U << 30; }, "the command list leads out"},
      {[](PackedRegion& r) { r.program.calls.pop_back(); }, "descriptors, "},
      {[](PackedRegion& r) { r.program.calls.assign(r.program.calls.size(), -1); },
       "is of no call"},
      {[](PackedRegion& r) { r.program.batches[0].pictures = 1; }, "a batch of 1 after one of 1"},
      {[](PackedRegion& r) { r.program.batches[0].pictures = 9; }, "a batch of 9 after one of 1"},
      {[](PackedRegion& r) { r.program.batches[0].list = 1U << 30; }, "batch of 2: the command"},
      {[](PackedRegion& r) { r.program.batches[0].calls.pop_back(); }, "batch of 2: "},
      {[](PackedRegion& r) { r.program.batches[0].pictures = 4; }, "input 0: 1 places for 3"},
      {[](PackedRegion& r) { r.program.inputs[0].others.pop_back(); }, "input 0: 0 places for 1"},
      {[](PackedRegion& r) { r.program.outputs[0].others[0] = 1U << 30; }, "output 0: reaches to"},
      {[](PackedRegion& r) { r.program.outputs[0].others[0] += 4; }, "output 0: reaches to"},
      {[](PackedRegion& r) { r.program.inputs[0].w = 0; }, "input 0: an extent of 0"},
      {[](PackedRegion& r) { r.program.inputs[0].bits = 9; }, "input 0: codes of 9 bits"},
      {[](PackedRegion& r) { r.program.inputs[0].h = 13; }, "input 0: no call has this map"},
      {[](PackedRegion& r) { r.program.inputs[0].windows->h = 99; }, "input 0: no call has this"},
      {[](PackedRegion& r) { r.program.inputs[0].raw.emplace(); }, "accumulators that go in"},
      {[](PackedRegion& r) { r.program.inputs[0].address = 1U << 30; }, "input 0: reaches to"},
      {[](PackedRegion& r) { r.program.outputs[0].operand.offset = 1; }, "output 0: no call has"},
      {[](PackedRegion& r) { r.program.outputs[0].raw->a.pop_back(); }, "32 factors for 33"},
      {[](PackedRegion& r) {
         r.program.outputs[0].raw->epilogue = kernels::QConvEpilogue::kThreshold;
       },
       "no such epilogue"},
      {[](PackedRegion& r) { r.program.outputs[0].windows = r.program.inputs[0].windows; },
       "windows that come out"}};
  for (const Fault& fault : faults) {
    EnginePack pack = PackOf(*program);
    fault.make(pack.regions[0]);
    const Status status = CheckPack(pack, *program);
    EXPECT_EQ(status.code(), Code::kInvalidData) << fault.message;
    EXPECT_THAT(status.message(), HasSubstr(fault.message));
    EXPECT_THAT(status.message(), HasSubstr("engine.bin: region 0"));
  }
  EnginePack twice = PackOf(*program);
  twice.regions.push_back(twice.regions[0]);
  EXPECT_THAT(CheckPack(twice, *program).message(), HasSubstr("region 1: overlaps"));
}

TEST(Pack, BelongsToOneProgram) {
  const auto program = PackedProgram();
  const std::string identity = IdentityOf(*program);
  program::Program other = *program;
  EXPECT_EQ(IdentityOf(other), identity);
  other.constants[0] ^= 1;
  EXPECT_NE(IdentityOf(other), identity);
  other = *program;
  std::get<kernels::QConvParams>(other.calls[1].params).dilation_w = 2;
  EXPECT_NE(IdentityOf(other), identity);
}

TEST(Pack, ItsTextHasALineAPortAndADescriptor) {
  const auto program = PackedProgram();
  const EnginePack pack = PackOf(*program);
  const std::string text = ToText(pack, *program);
  EXPECT_THAT(
      text,
      HasSubstr("engine of version 1: 4 pixels x 32 outputs a clock, 4 x 8192 words of maps"));
  EXPECT_THAT(text, HasSubstr("  in  input0 [12,16,3] codes of 8 bits as windows of 3x3 at 0x"));
  EXPECT_THAT(text, HasSubstr("  out output0 [6,8,33] accumulators * a + b"));
  EXPECT_THAT(text, HasSubstr("blocks 2 -> 2, digits 1, taps"));
  EXPECT_THAT(text, HasSubstr(", adds 2 blocks of map "));
  EXPECT_THAT(text, HasSubstr("maximum of 2x2"));
  EXPECT_THAT(text, HasSubstr("# conv1"));
  const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  const EngineProgram& engine = pack.regions[0].program;
  EXPECT_EQ(lines, 4 + 2 + 1 + engine.calls.size() + 2 + engine.batches[0].calls.size());
  EXPECT_THAT(text, HasSubstr("  a batch of 2 pictures\n"));
}

}  // namespace
}  // namespace bluestem::fpga
