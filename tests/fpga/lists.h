// The simulated RTL, for lists with random convolutions (fpga/engine/golden.h).
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "bluestem/fpga/engine/golden.h"
#include "bluestem/fpga/engine/model.h"
#include "bluestem/fpga/engine/simulation.h"

namespace bluestem::fpga {

inline Path SimulationLibrary(const SimulationOptions& options = {}) {
  auto library = BuildSimulation(Path(BLUESTEM_BINARY_DIR) / "fpga-sim", options, nullptr);
  EXPECT_TRUE(library.ok()) << library.status().message();
  return library.ok() ? *library : Path();
}

class Rtl : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string missing = WhyNoSimulation();
    if (!missing.empty()) GTEST_SKIP() << missing;
    auto port = SimulationPort::Open(SimulationLibrary(Options()));
    ASSERT_TRUE(port.ok()) << port.status().message();
    port_ = port->get();
    auto driver = EngineDriver::Open(std::move(*port));
    ASSERT_TRUE(driver.ok()) << driver.status().message();
    driver_ = std::move(*driver);
  }

  virtual SimulationOptions Options() const { return {}; }

  SimulationPort* port_ = nullptr;
  std::unique_ptr<EngineDriver> driver_;
};

}  // namespace bluestem::fpga
