#include "bluestem/fpga/engine/simulation.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <thread>

namespace bluestem::fpga {
namespace {

using ::testing::HasSubstr;

const Path kFolder = Path(BLUESTEM_BINARY_DIR) / "fpga-sim";

TEST(Simulation, WithoutVerilatorItSaysWhatToInstall) {
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/nowhere", 1);
  const std::string why = WhyNoSimulation();
  const auto built = BuildSimulation(kFolder, {}, nullptr);
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_THAT(why, HasSubstr("apt-get install verilator"));
  EXPECT_EQ(built.status().code(), Code::kUnavailable);
}

TEST(Simulation, ThreadsThatAskAtOnceGetOneLibraryAndNothingIsLeftBeside) {
  if (!WhyNoSimulation().empty()) GTEST_SKIP() << WhyNoSimulation();
  const Path folder = Path(BLUESTEM_BINARY_DIR) / "fpga-sim-fresh";
  std::filesystem::remove_all(folder);
  std::vector<Path> libraries(3);
  std::vector<std::thread> threads;
  for (Path& library : libraries) {
    threads.emplace_back([&] {
      auto built = BuildSimulation(folder, {}, nullptr);
      if (built.ok()) library = *built;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(libraries[0].empty());
  EXPECT_EQ(libraries[0], libraries[1]);
  EXPECT_EQ(libraries[0], libraries[2]);
  const std::filesystem::directory_iterator entries(folder);
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
  EXPECT_TRUE(SimulationPort::Open(libraries[0]).ok());
  std::filesystem::remove_all(folder);
}

TEST(Simulation, WrongUseIsRefused) {
  if (!WhyNoSimulation().empty()) GTEST_SKIP() << WhyNoSimulation();
  EXPECT_THAT(BuildSimulation(kFolder, {.mutation = "nosuch"}, nullptr).status().message(),
              HasSubstr("mutants.txt: no mutant nosuch"));
  EXPECT_THAT(BuildSimulation("/proc/nowhere", {}, nullptr).status().message(),
              HasSubstr("/proc/nowhere"));
  EXPECT_THAT(SimulationPort::Open("/nowhere/engine.so").status().message(),
              HasSubstr("/nowhere/engine.so"));
  const auto other = SimulationPort::Open("libm.so.6");
  EXPECT_EQ(other.status().code(), Code::kUnavailable);
  EXPECT_THAT(other.status().message(), HasSubstr("libm.so.6 is no simulation of this version"));
}

}  // namespace
}  // namespace bluestem::fpga
