// Exported models with a part for the engine: places and lists come back, and only to an engine
// that they are for.
#include <gmock/gmock.h>

#include <cstdlib>

#include "bluestem/core/bluestem.h"
#include "bluestem/core/core.h"
#include "bluestem/core/exported.h"
#include "bluestem/fpga/pack.h"
#include "tests/core/small_model.h"
#include "tests/runtime/conv_programs.h"

namespace bluestem::core {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;

constexpr const char* kDevice = "HETERO:FPGA-MODEL,CPU";

// Its second half is worth the way to the engine, its first call is not for it.
std::shared_ptr<program::Program> Mixed() {
  runtime::ChainBuilder chain(32, 32, 64, 9);
  chain.Conv({.co = 64, .levels = 5});
  for (int i = 0; i < 4; ++i) chain.Conv({.co = 64});
  return chain.Finish();
}

runtime::CompiledModel MustCompile(const runtime::CompileSettings& settings) {
  auto model = runtime::CompiledModel::Compile(Mixed(), settings);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return *model;
}

Tensor Input() {
  return runtime::RandomCodes(Mixed()->inputs[0], 2, 3);
}

Tensor Infer(const runtime::CompiledModel& model, int64_t* clocks = nullptr) {
  runtime::InferRequest request = model.CreateRequest();
  EXPECT_TRUE(request.SetInput(model.inputs()[0].name, Input()).ok());
  request.EnableProfiling(true);
  const Status ended = request.Infer();
  EXPECT_TRUE(ended.ok()) << ended.message();
  for (const runtime::OpProfile& row : request.Profile()) {
    if (clocks != nullptr) *clocks += row.cycles;
  }
  return *request.Output(model.outputs()[0].name);
}

// The file of the model on kDevice.
Path Export(const std::string& name) {
  const Path file = Scratch(name) / "model.bluestem";
  const Status written = Core().Export(MustCompile({.device = kDevice}), file);
  EXPECT_TRUE(written.ok()) << written.message();
  return file;
}

Exported Read(const Path& file) {
  auto exported = FromBytes(*ReadFile(file), file.string());
  EXPECT_TRUE(exported.ok()) << exported.status().message();
  return std::move(*exported);
}

TEST(ExportEngine, PlacesListsBitsAndClocksComeBack) {
  const runtime::CompiledModel model = MustCompile({.device = kDevice});
  int64_t expected_clocks = 0, clocks = 0;
  const Tensor expected = Infer(model, &expected_clocks);
  const Path file = Export("engine");
  const auto places = runtime::PlacesOf(model.placed()->placement);
  EXPECT_THAT(places, Contains("FPGA-MODEL"));
  EXPECT_THAT(places, Contains("CPU"));
  for (const char* device : {"", kDevice}) {
    const auto imported = Core().Import(file, {.device = device});
    ASSERT_TRUE(imported.ok()) << imported.status().message();
    EXPECT_EQ(imported->settings().device, kDevice);
    EXPECT_EQ(runtime::PlacesOf(imported->placed()->placement), places);
    EXPECT_EQ(imported->placed()->placement.calls[0].reason, "as placed before");
    clocks = 0;
    EXPECT_EQ(Infer(*imported, &clocks), expected);
    EXPECT_EQ(clocks, expected_clocks);
    EXPECT_GT(clocks, 0);
  }
  const auto opened = Core().Open(file, {.device = kDevice});
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  EXPECT_EQ(opened->engine, "imported, engine as packed");
}

TEST(ExportEngine, WhatTheFileSaysIsWhatRuns) {
  const Path file = Export("changed");
  const Tensor expected = Infer(MustCompile({.device = "REFERENCE"}));
  Exported exported = Read(file);
  auto pack = fpga::ParsePack(exported.engine, "");
  ASSERT_TRUE(pack.ok()) << pack.status().message();
  // Other weights in the engine's part, which is taken; not where the engine is not asked for.
  std::vector<uint8_t>& buffer = pack->regions[0].program.buffer;
  const auto list = fpga::ListOf(pack->regions[0].program, pack->regions[0].program.list);
  for (const fpga::Command& command : *list) {
    if (command.opcode != fpga::Opcode::kLoadWeights) continue;
    std::fill_n(buffer.begin() + command.address, 128 * command.length, 0x55);
  }
  exported.engine = fpga::ToBytes(*pack);
  ASSERT_TRUE(WriteFile(file, ToBytes(exported)).ok());
  EXPECT_NE(Infer(*Core().Import(file, {.device = ""})), expected);
  EXPECT_EQ(Infer(*Core().Import(file, {.device = "CPU"})), expected);
  // Other places, which are taken as well.
  for (std::string& place : exported.places) place = "CPU";
  ASSERT_TRUE(WriteFile(file, ToBytes(exported)).ok());
  const auto imported = Core().Import(file, {.device = ""});
  ASSERT_TRUE(imported.ok()) << imported.status().message();
  EXPECT_THAT(runtime::PlacesOf(imported->placed()->placement), Each("CPU"));
  EXPECT_EQ(Infer(*imported), expected);
}

TEST(ExportEngine, OneForAnotherBuildOrModelIsRefused) {
  const Path file = Export("other");
  const auto refusal = [&] {
    const auto imported = Core().Import(file, {.device = ""});
    EXPECT_EQ(imported.status().code(), Code::kInvalidData);
    return std::string(imported.status().message());
  };
  ::setenv("BLUESTEM_ENGINE", "large", 1);
  const std::string message = refusal();
  ::unsetenv("BLUESTEM_ENGINE");
  EXPECT_THAT(message, HasSubstr("model.bluestem: packed for an engine of 4 pixels x 32 outputs"));
  EXPECT_THAT(message, HasSubstr("this one has 8 pixels x 32 outputs"));
  EXPECT_THAT(message, HasSubstr("export it again with this engine and BLUESTEM_ENGINE=large"));
  const Exported good = Read(file);
  Exported exported = good;
  exported.engine[16] = 9;  // the version of the pack's format
  ASSERT_TRUE(WriteFile(file, ToBytes(exported)).ok());
  EXPECT_THAT(refusal(), HasSubstr("version 9 of its format; this program reads version"));
  exported = good;
  exported.program.constants[0] ^= 1;
  ASSERT_TRUE(WriteFile(file, ToBytes(exported)).ok());
  EXPECT_THAT(refusal(), HasSubstr("its engine's part is of another model; export it again"));
  exported = good;
  exported.places.pop_back();
  ASSERT_TRUE(WriteFile(file, ToBytes(exported)).ok());
  EXPECT_THAT(refusal(), HasSubstr("its parts do not fit"));
}

TEST(ExportEngine, CSeesTheSame) {
  const Path file = Export("c");
  const bluestem_settings settings = {.device = kDevice};
  bluestem_network* network = bluestem_open(file.c_str(), &settings);
  ASSERT_NE(network, nullptr) << bluestem_last_error();
  const Path again = file.parent_path() / "again.bluestem";
  EXPECT_EQ(bluestem_export(network, again.c_str()), 0) << bluestem_last_error();
  bluestem_close(network);
  EXPECT_EQ(*ReadFile(again), *ReadFile(file));
}

}  // namespace
}  // namespace bluestem::core
