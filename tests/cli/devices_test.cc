// devices, place and benchmark: what they tell, and what may go wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Devices, AreListedWithTheirProperties) {
  const auto document = Tool({"devices", "--json"}).Json();
  ASSERT_GE(document.at("devices").size(), 2u);
  const auto& cpu = document.at("devices")[0];
  EXPECT_EQ(cpu.at("name"), "CPU");
  EXPECT_EQ(cpu.at("available"), true);
  EXPECT_THAT(cpu.at("properties").at("instruction sets").get<std::string>(),
              HasSubstr("portable, reference"));
  EXPECT_THAT(Tool({"devices"}).out, HasSubstr("REFERENCE: the kernels that define the numbers"));
}

TEST(Place, SaysForEachCallWhereItRunsAndWhyAndDrawsIt) {
  const Path picture = Scratch() / "placement.svg";
  const ToolResult result =
      Tool({"place", SmallModel().string(), "-d", "HETERO:REFERENCE,CPU", "-o", picture.string()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("placement HETERO:REFERENCE,CPU"));
  EXPECT_THAT(result.out, HasSubstr("region CPU: "));
  EXPECT_THAT(result.out, HasSubstr("REFERENCE would take"));
  EXPECT_THAT(*ReadTextFile(picture), HasSubstr("<svg xmlns"));
  const auto document = Tool({"place", Artefact().string(), "-d", "REFERENCE", "--json"}).Json();
  ASSERT_EQ(document.at("regions").size(), 1u);
  EXPECT_EQ(document.at("regions")[0].at("device"), "REFERENCE");
  EXPECT_FALSE(document.at("regions")[0].at("calls").empty());
}

TEST(Place, AnUnknownDeviceIsNamedWithThoseThereAre) {
  const ToolResult result = Tool({"place", SmallModel().string(), "-d", "HETERO:GPU,CPU"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("device 'HETERO:GPU,CPU': there is no 'GPU'; expected CPU, "));
}

TEST(Devices, RunAndEvaluateGiveTheSameBitsOnEach) {
  const Path data = WriteSmallDataset(Scratch() / "data", 4);
  const std::string artefact = Artefact().string();
  for (const char* device : {"REFERENCE", "HETERO:REFERENCE,CPU"}) {
    const ToolResult result =
        Tool({"evaluate", artefact, "--data", data.string(), "-d", device, "--compare", artefact});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr(device));
    EXPECT_THAT(result.out, HasSubstr("0 of 12 images differ in a class or in a bit of a score"));
    EXPECT_EQ(Tool({"run", "-m", artefact, "-d", device, "-o", (Scratch() / "out").string(), "-i",
                    (data / "a/0.png").string()})
                  .exit_code,
              0);
  }
  EXPECT_THAT(Tool({"evaluate", artefact, "--data", data.string(), "-d", "REFERENCE", "--engine",
                    "compiled"})
                  .err,
              HasSubstr("--engine compiled: engines run on the CPU, and the device is REFERENCE"));
}

TEST(Benchmark, TellsSettingsAndFiguresThatAgree) {
  const auto document = Tool({"benchmark", "-m", Artefact().string(), "--count", "40", "--streams",
                              "2", "--threads", "1", "--batch", "3", "--json", "--pc"})
                            .Json();
  const auto& settings = document.at("settings");
  EXPECT_EQ(settings.at("engine"), "compiled library");
  EXPECT_EQ(settings.at("streams"), 2);
  EXPECT_EQ(settings.at("threads"), 1);
  EXPECT_EQ(settings.at("requests"), 3);
  EXPECT_EQ(document.at("images"), 120);
  EXPECT_GT(document.at("latency_min_seconds"), 0);
  EXPECT_LE(document.at("latency_min_seconds"), document.at("latency_median_seconds"));
  EXPECT_LE(document.at("latency_median_seconds"), document.at("latency_p99_seconds"));
  EXPECT_LE(document.at("latency_p99_seconds"), document.at("latency_max_seconds"));
  const double wall = document.at("wall_seconds");
  EXPECT_NEAR(document.at("images_per_second").get<double>() * wall, 120, 1e-6);
  bool executed = false, optimized_out = false;
  for (const auto& op : document.at("ops")) {
    executed = executed || (op.at("status") == "executed" && op.at("wall_seconds") >= 0);
    optimized_out = optimized_out || op.at("status") == "optimized out";
  }
  EXPECT_TRUE(executed);
  EXPECT_TRUE(optimized_out);
}

TEST(Benchmark, RunsOnDevicesOtherThanTheCpuAndOnPictures) {
  const Path data = WriteSmallDataset(Scratch() / "data", 1);
  const Path csv = Scratch() / "figures.csv";
  const ToolResult result =
      Tool({"benchmark", "-m", Artefact().string(), "-d", "HETERO:REFERENCE,CPU", "--api", "sync",
            "--count", "5", "-i", (data / "a/0.png").string(), (data / "b/0.png").string(), "--csv",
            csv.string(), "--pc"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("compiled in memory"));
  EXPECT_THAT(result.out, HasSubstr("2 pictures"));
  EXPECT_THAT(result.out, HasSubstr("throughput "));
  EXPECT_THAT(result.out, HasSubstr("power "));
  EXPECT_THAT(result.out, HasSubstr("optimized out"));
  EXPECT_EQ(result.err, "");
  const std::string rows = *ReadTextFile(csv);
  EXPECT_THAT(rows, HasSubstr("name,value\nmodel,\""));
  EXPECT_THAT(rows, HasSubstr("\nlatency_p99_seconds,"));
  EXPECT_THAT(rows, HasSubstr("\nrequests,1\n"));
}

TEST(Benchmark, HoldsARate) {
  const auto document =
      Tool({"benchmark", "-m", Artefact().string(), "--count", "10", "--max-rate", "50", "--json"})
          .Json();
  EXPECT_LE(document.at("images_per_second"), 56);  // 10 images begin over 9 / 50 s
  EXPECT_EQ(document.at("settings").at("max_rate"), 50);
}

TEST(Benchmark, RandomCodesCarryAWarning) {
  EXPECT_THAT(Tool({"benchmark", "-m", Artefact().string(), "--count", "1"}).err,
              HasSubstr("warning: no --image: random codes"));
}

TEST(Benchmark, WrongUseIsRefused) {
  const std::string artefact = Artefact().string();
  EXPECT_THAT(Tool({"benchmark", "-m", artefact, "--api", "sync", "--requests", "2"}).err,
              HasSubstr("--requests 2: --api sync has one request at a time"));
  EXPECT_THAT(Tool({"benchmark", "-m", artefact, "-d", "TPU"}).err,
              HasSubstr("device 'TPU': there is no 'TPU'; expected CPU, REFERENCE, FPGA, "
                        "FPGA-MODEL, FPGA-SIM, AUTO"));
  const ToolResult absent = Tool({"benchmark", "-m", "/nowhere/model"});
  EXPECT_EQ(absent.exit_code, 5);
  EXPECT_THAT(absent.err, HasSubstr("/nowhere/model: no such file"));
  const auto library = Artefact() / "models/lib";
  std::string file;
  for (const std::string& name : Listing(library)) {
    if (Path(name).extension() == ".so") file = (library / name).string();
  }
  EXPECT_THAT(Tool({"benchmark", "-m", file, "-d", "REFERENCE"}).err,
              HasSubstr("a compiled library runs on CPU, not on REFERENCE"));
  EXPECT_THAT(Tool({"benchmark", "-m", artefact, "-i", "x.png"}).err,
              HasSubstr("--image x.png: no such file; give a .jpg or .png picture"));
}

TEST(Benchmark, AnInterruptEndsItAtOnce) {
  ToolOptions options;
  options.while_running = [](int pid) {
    ::usleep(500000);
    ::kill(pid, SIGINT);
  };
  EXPECT_EQ(Tool({"benchmark", "-m", Artefact().string(), "--seconds", "60"}, options).exit_code,
            130);
}

}  // namespace
}  // namespace bluestem::cli
