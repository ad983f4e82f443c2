// The engine's part of an artefact: packed, found again, and refused where it is no good.
#include "bluestem/core/engine_part.h"

#include <gmock/gmock.h>

#include "bluestem/codegen/manifest.h"
#include "tests/core/small_model.h"
#include "tests/runtime/conv_programs.h"

namespace bluestem::core {
namespace {

using ::testing::HasSubstr;

constexpr const char* kDevice = "HETERO:FPGA-MODEL,CPU";

// Large enough to be worth the way to the engine.
std::shared_ptr<program::Program> LowBitProgram(uint64_t seed = 1) {
  runtime::ChainBuilder chain(32, 32, 64, seed);
  for (int i = 0; i < 4; ++i) chain.Conv({.co = 64});
  return chain.Finish();
}

// A folder with the part as it is, and a manifest that lists it.
ModelSource WriteArtefact(const std::string& name, const Bytes& part) {
  ModelSource source;
  source.kind = ModelSource::Kind::kArtefact;
  source.path = Scratch(name);
  EXPECT_TRUE(MakeFolder((source.path / kEnginePart).parent_path()).ok());
  EXPECT_TRUE(WriteFile(source.path / kEnginePart, part).ok());
  const auto manifest = codegen::MakeManifest(source.path, *LowBitProgram(), {}, {});
  EXPECT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_TRUE(WriteFile(source.path / "manifest.json", *manifest).ok());
  return source;
}

Bytes GoodPart() {
  const auto pack = PackForEngine(*LowBitProgram());
  EXPECT_TRUE(pack.ok()) << pack.status().message();
  return fpga::ToBytes(*pack);
}

std::string FindError(const ModelSource& source) {
  const auto found = FindEnginePart(source, *LowBitProgram(), kDevice);
  return found.ok() ? "" : found.status().message();
}

TEST(EnginePart, IsFoundForItsProgramOnDevicesWithTheEngine) {
  const ModelSource source = WriteArtefact("part", GoodPart());
  const auto program = LowBitProgram();
  for (const char* device : {kDevice, "FPGA-SIM", "HETERO:FPGA-SIM,CPU", "AUTO:FPGA-MODEL,CPU"}) {
    const auto found = FindEnginePart(source, *program, device);
    ASSERT_TRUE(found.ok()) << found.status().message();
    ASSERT_NE(*found, nullptr) << device;
    EXPECT_NE((*found)->Find(0, program->calls.size()), nullptr);
  }
  EXPECT_EQ(*FindEnginePart(source, *program, "CPU"), nullptr);
  EXPECT_EQ(*FindEnginePart(source, *program, "HETERO:REFERENCE,CPU"), nullptr);
  EXPECT_EQ(*FindEnginePart(source, *LowBitProgram(2), kDevice), nullptr);
}

TEST(EnginePart, AnArtefactWithoutOneHasNone) {
  ModelSource source = WriteArtefact("unlisted", GoodPart());
  std::filesystem::rename(source.path / "manifest.json", source.path / "old.json");
  EXPECT_EQ(*FindEnginePart(source, *LowBitProgram(), kDevice), nullptr);
  std::filesystem::remove_all(source.path / "models");
  const auto manifest = codegen::MakeManifest(source.path, *LowBitProgram(), {}, {});
  ASSERT_TRUE(WriteFile(source.path / "manifest.json", *manifest).ok());
  EXPECT_EQ(*FindEnginePart(source, *LowBitProgram(), kDevice), nullptr);
  source.kind = ModelSource::Kind::kRun;
  EXPECT_EQ(*FindEnginePart(source, *LowBitProgram(), kDevice), nullptr);
}

TEST(EnginePart, WhatIsNoGoodIsRefusedNotCompiledAnew) {
  const ModelSource source = WriteArtefact("damaged", GoodPart());
  // A bit anywhere: of the head, the lists, weights, thresholds, taps, the last byte.
  Bytes damaged = GoodPart();
  for (size_t at = 0, step = damaged.size() / 40; at < damaged.size(); at += step) {
    const size_t byte = at + step < damaged.size() ? at : damaged.size() - 1;
    damaged[byte] ^= static_cast<uint8_t>(1 << at % 8);
    ASSERT_TRUE(WriteFile(source.path / kEnginePart, damaged).ok());
    EXPECT_THAT(FindError(source), HasSubstr("models/fpga/engine.bin is damaged: its SHA-256 is"));
    damaged[byte] ^= static_cast<uint8_t>(1 << at % 8);
  }
  std::filesystem::remove(source.path / kEnginePart);
  EXPECT_THAT(FindError(source), HasSubstr("models/fpga/engine.bin is missing"));
  Bytes newer = GoodPart();
  newer[24] = 2;
  EXPECT_THAT(FindError(WriteArtefact("newer", newer)), HasSubstr("of version 2; this program"));
  auto pack = *PackForEngine(*LowBitProgram());
  pack.regions[0].program.inputs[0].address = 1U << 31;
  EXPECT_THAT(FindError(WriteArtefact("outside", fpga::ToBytes(pack))),
              HasSubstr("engine.bin: region 0: input 0: reaches to"));
}

TEST(EnginePart, WhereNothingGoesThereEachCallHasItsReason) {
  runtime::ChainBuilder chain(8, 8, 8, 1);
  chain.Conv({.co = 8});
  chain.Conv({.co = 8, .levels = 5});
  const Status status = PackForEngine(*chain.Finish()).status();
  EXPECT_EQ(status.code(), Code::kUnsupported);
  EXPECT_THAT(status.message(), HasSubstr("no call goes to the engine: FPGA-MODEL would take"));
  EXPECT_THAT(status.message(), HasSubstr("more to reach and to leave than that saves (conv0); "));
  EXPECT_THAT(status.message(), HasSubstr("FPGA-MODEL refuses: 5 levels out"));
}

}  // namespace
}  // namespace bluestem::core
