// Programs on the engine's devices, FPGA-MODEL and FPGA-SIM, against others.
#pragma once

#include <gmock/gmock.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "bluestem/fpga/pack.h"
#include "bluestem/runtime/placed.h"
#include "tests/runtime/conv_programs.h"

namespace bluestem::runtime {

inline std::vector<Tensor> MustRun(const std::shared_ptr<program::Program>& program,
                                   const std::string& device, const Tensor& input,
                                   std::vector<OpProfile>* rows = nullptr,
                                   const std::shared_ptr<const fpga::EnginePack>& pack = nullptr) {
  auto placement = PlaceOn(*program, device, {});
  EXPECT_TRUE(placement.ok()) << placement.status().message();
  auto placed = MakePlaced(program, *placement);
  EXPECT_TRUE(placed.ok()) << placed.status().message();
  auto session = OpenSession(*placed, {.pack = pack});
  EXPECT_TRUE(session.ok()) << session.status().message();
  if (!session.ok()) return {};
  std::vector<OpProfile> ignored;
  auto outputs = (*session)->Profile({input}, rows == nullptr ? ignored : *rows);
  EXPECT_TRUE(outputs.ok()) << outputs.status().message();
  return *outputs;
}

// Of a device that may be absent.
class EngineTest : public ::testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() { ::setenv("BLUESTEM_CACHE", BLUESTEM_BINARY_DIR "/fpga-sim", 1); }
  void SetUp() override {
    for (const DeviceKind& kind : DeviceKinds()) {
      if (kind.name != std::string(GetParam())) continue;
      const auto device = kind.open();
      if (!device.ok()) GTEST_SKIP() << device.status().message();
    }
  }
};

class Fpga : public EngineTest {
 protected:
  static void ExpectSameBits(const std::shared_ptr<program::Program>& program, int32_t bits,
                             uint64_t seed) {
    const Tensor input = RandomCodes(program->inputs[0], bits, seed);
    EXPECT_EQ(MustRun(program, GetParam(), input), MustRun(program, "REFERENCE", input));
  }
};
inline std::string EngineName(const ::testing::TestParamInfo<const char*>& info) {
  return info.param == std::string("FPGA-SIM") ? "Simulation" : "Model";
}

}  // namespace bluestem::runtime
