// fpga report and selftest, and a dry run for a board: what they tell of the engine, draw and
// refuse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

// Large enough to be worth the way to the engine.
std::string Model() {
  return WriteSmallModel(Scratch(), {.extent = 32, .channels = 64}).string();
}

TEST(FpgaReport, LayersAddUpAndShareThePeak) {
  const auto document = Tool({"fpga", "report", Model(), "--json"}).Json();
  const double peak = document.at("engine").at("macs_a_clock");
  EXPECT_EQ(peak, 4096);
  ASSERT_EQ(document.at("layers").size(), 2u);
  int64_t clocks = document.at("store_clocks"), weights = 0;
  for (const auto& layer : document.at("layers")) {
    EXPECT_EQ(layer.at("clocks"),
              layer.at("array_clocks").get<int64_t>() + layer.at("idle_clocks").get<int64_t>());
    EXPECT_NEAR(layer.at("utilisation").get<double>(),
                layer.at("macs").get<double>() / layer.at("clocks").get<double>() / peak, 1e-9);
    clocks += layer.at("clocks").get<int64_t>();
    weights += layer.at("bytes").at("weights").get<int64_t>();
  }
  EXPECT_EQ(document.at("clocks"), clocks);
  EXPECT_EQ(document.at("bytes").at("weights"), weights);
  EXPECT_EQ(document.at("layers")[1].at("shape"), "3x3 64 -> 64 at 32x32");
  EXPECT_EQ(document.at("layers")[1].at("bits"), "w1a2");
  EXPECT_EQ(document.at("layers")[1].at("bound_by"), "array");
  EXPECT_EQ(document.at("bottleneck"), "block2.conv");
  EXPECT_FALSE(document.at("cpu_calls").empty());
  for (const auto& call : document.at("cpu_calls")) EXPECT_NE(call.at("reason"), "");
}

TEST(FpgaReport, SpeedsAndPartsAreEstimates) {
  const auto document = Tool({"fpga", "report", Model(), "--json"}).Json();
  const auto& estimates = document.at("estimates");
  const double clocks = document.at("clocks");
  ASSERT_EQ(estimates.at("speed").size(), 3u);
  for (const auto& row : estimates.at("speed")) {
    EXPECT_NEAR(row.at("images_per_second").get<double>() * clocks,
                row.at("megahertz").get<double>() * 1e6, 1);
    ASSERT_EQ(row.at("batches").size(), document.at("batches").size());
  }
  EXPECT_THAT(estimates.at("area").at("source").get<std::string>(), Not(""));
  std::vector<std::string> parts;
  for (const auto& row : estimates.at("parts")) {
    parts.push_back(row.at("part"));
    EXPECT_NEAR(row.at("alm_share").get<double>() * row.at("alms").get<double>(),
                estimates.at("area").at("alms").get<double>(), 1e-6);
  }
  EXPECT_THAT(parts, ::testing::ElementsAre("5CSEBA6", "5CSEMA5", "5CSXFC6", "5CSEMA4", "5CSEBA2",
                                            "10AX115"));
}

TEST(FpgaReport, TheEnvironmentChoosesTheBuild) {
  const auto report = [](const char* build) {
    return Tool({"fpga", "report", Model(), "--json"},
                {.environment = {std::string("BLUESTEM_ENGINE=") + build}});
  };
  const auto small = report("small").Json(), large = report("large").Json();
  EXPECT_EQ(small.at("engine").at("build"), "small");
  EXPECT_EQ(small.at("engine").at("macs_a_clock"), 1024);
  EXPECT_EQ(large.at("engine").at("macs_a_clock"), 8192);
  EXPECT_GT(small.at("clocks").get<int64_t>(), large.at("clocks").get<int64_t>());
  const auto alms = [](const nlohmann::json& document) {
    return document.at("estimates").at("area").at("alms").get<int64_t>();
  };
  EXPECT_LT(2 * alms(small), alms(large));
  const auto plain = report("plain").Json();
  EXPECT_EQ(plain.at("engine").at("residual_maps"), false);
  EXPECT_EQ(small.at("engine").at("residual_maps"), true);
  EXPECT_LT(alms(plain), alms(small));
  const ToolResult huge = report("huge");
  EXPECT_EQ(huge.exit_code, 2);
  EXPECT_THAT(huge.err, HasSubstr("BLUESTEM_ENGINE: there is no build 'huge' of the engine; "
                                  "expected one of default, small, plain, large"));
}

// Small maps and many channels: the array waits for weights, which a batch loads once.
TEST(FpgaReport, TellsWhatABatchTakesAndABenchmarkRunsIt) {
  const std::string model = WriteSmallModel(Scratch(), {.extent = 8, .channels = 256}).string();
  const auto document = Tool({"fpga", "report", model, "--json"}).Json();
  ASSERT_FALSE(document.at("batches").empty());
  double before = document.at("clocks");
  for (const auto& batch : document.at("batches")) {
    const double clocks = batch.at("clocks").get<double>() / batch.at("pictures").get<double>();
    EXPECT_LT(clocks, before);
    before = clocks;
  }
  EXPECT_THAT(Tool({"fpga", "report", model}).out, HasSubstr("batch of 2        "));
  const auto together = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"benchmark", "-m", model,   "-d", "HETERO:FPGA-MODEL,CPU",
                                      "--count",   "8",  "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return Tool(words).Json().at("settings").at("together").get<int64_t>();
  };
  EXPECT_EQ(together({}), 1);
  EXPECT_EQ(together({"--batch", "2"}), 2);
  EXPECT_EQ(together({"--hint", "throughput"}),
            document.at("batches").back().at("pictures").get<int64_t>());
}

TEST(Place, TheModelStandsInForABoardThatIsNotHere) {
  if (Tool({"devices", "--json"}).Json().at("devices")[2].at("available")) {
    GTEST_SKIP() << "the board is here";
  }
  const Path picture = Scratch() / "placement.svg";
  const std::string model = Model();
  const auto place = [&](const std::string& device, const char* build = "default") {
    return Tool({"place", model, "-d", device, "--json", "-o", picture.string()},
                {.environment = {std::string("BLUESTEM_ENGINE=") + build}});
  };
  const ToolResult planned = place("HETERO:FPGA,CPU");
  EXPECT_EQ(planned.err, "");
  const auto document = planned.Json();
  EXPECT_EQ(document.at("device"), "HETERO:FPGA,CPU");
  EXPECT_EQ(document.at("stand_in").at("device"), "FPGA-MODEL");
  const std::string note = document.at("stand_in").at("note");
  EXPECT_THAT(note, HasSubstr("FPGA-MODEL, build default, stands in for FPGA: "));
  EXPECT_THAT(*ReadTextFile(picture), HasSubstr("FPGA-MODEL, build default, stands in for FPGA: "));
  EXPECT_EQ(document.at("regions")[0].at("device"), "FPGA-MODEL");
  const auto named = place("HETERO:FPGA-MODEL,CPU").Json();
  EXPECT_EQ(named.at("regions"), document.at("regions"));
  EXPECT_FALSE(named.contains("stand_in"));
  EXPECT_THAT(*ReadTextFile(picture), Not(HasSubstr("stands in")));

  const auto small = place("HETERO:FPGA,CPU", "small").Json();
  EXPECT_THAT(small.at("stand_in").at("note").get<std::string>(), HasSubstr("build small, "));
  EXPECT_NE(small.at("regions"), document.at("regions"));
  EXPECT_THAT(place("FPGA", "huge").err, HasSubstr("BLUESTEM_ENGINE: there is no build 'huge'"));
  EXPECT_THAT(Tool({"place", model, "-d", "HETERO:FPGA,CPU"}).out,
              HasSubstr(note + "\nplacement HETERO:FPGA,CPU of "));
  // Alone it refuses what the engine does not take; AUTO asks for what is here.
  EXPECT_THAT(place("FPGA").err,
              ContainsRegex("no named device takes .*: FPGA: .*; add CPU as the last: "
                            "HETERO:FPGA,CPU \\(of FPGA-MODEL, build default, which stands in "
                            "for FPGA\\)"));
  EXPECT_EQ(place("FPGA").exit_code, place("FPGA-MODEL").exit_code);
  EXPECT_THAT(place("AUTO:FPGA,CPU").err, HasSubstr("AUTO:FPGA,CPU does without FPGA: "));
  EXPECT_FALSE(place("AUTO:FPGA,CPU").Json().contains("stand_in"));
}

TEST(FpgaReport, AsTextItSaysWhatWasNotMeasured) {
  const ToolResult result = Tool({"fpga", "report", Model(), "--part", "5CSEBA6U23I7"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("by the functional model's formula, not measured on a board"));
  EXPECT_THAT(result.out, HasSubstr("images/s, "));
  EXPECT_THAT(result.out, HasSubstr("(estimate: the engine alone, no board)"));
  EXPECT_THAT(result.out, HasSubstr("bottleneck        block2.conv: "));
  EXPECT_THAT(result.out, HasSubstr("stays on the CPU"));
  EXPECT_THAT(result.out, HasSubstr("FPGA-MODEL refuses: it takes convolutions"));
  EXPECT_THAT(result.out, HasSubstr("DE10-Nano"));
  EXPECT_THAT(result.out, Not(HasSubstr("DE1-SoC")));
  EXPECT_EQ(result.err, "");
}

TEST(FpgaReport, IsDrawnAsAPageThatNeedsNothingElse) {
  const Path page = Scratch() / "fpga.html";
  const ToolResult result = Tool({"fpga", "report", Model(), "-o", page.string()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr(page.string()));
  const std::string html = *ReadTextFile(page);
  for (const char* text : {"Clocks, layer by layer", "Roofline", "Speed (estimate)",
                           "Fit (estimate)", "What stays on the CPU", "block2.conv", "<svg"}) {
    EXPECT_THAT(html, HasSubstr(text));
  }
  for (const char* text : {"http", "<script", "<link", "nan", "\"inf"})
    EXPECT_THAT(html, Not(HasSubstr(text)));
}

TEST(FpgaReport, AModelThatNothingOfGoesToTheEngineIsReportedWithTheReasons) {
  const Path page = Scratch() / "fpga.html";
  const ToolResult result = Tool({"fpga", "report", SmallModel().string(), "-o", page.string()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("on the engine     0 of "));
  EXPECT_THAT(result.out, HasSubstr("more to reach and to leave than that saves"));
  EXPECT_THAT(result.out, Not(HasSubstr("images/s")));
  EXPECT_THAT(result.err, HasSubstr("warning: " + SmallModel().string() + ": no call goes to"));
  EXPECT_THAT(*ReadTextFile(page), HasSubstr("Nothing runs on the engine"));
  const auto document = Tool({"fpga", "report", Artefact().string(), "--json"}).Json();
  EXPECT_TRUE(document.at("layers").empty());
  EXPECT_TRUE(document.at("bottleneck").is_null());
  EXPECT_TRUE(document.at("estimates").at("speed").empty());
}

TEST(FpgaReport, WrongUseIsRefused) {
  const ToolResult part = Tool({"fpga", "report", SmallModel().string(), "--part", "XC7Z020"});
  EXPECT_EQ(part.exit_code, 2);
  EXPECT_THAT(part.err, HasSubstr("--part: there is no part 'XC7Z020'; expected one of 5CSEBA6"));
  const ToolResult absent = Tool({"fpga", "report", "/nowhere/model"});
  EXPECT_EQ(absent.exit_code, 5);
  EXPECT_THAT(absent.err, HasSubstr("/nowhere/model: no such file"));
  const ToolResult output =
      Tool({"fpga", "report", SmallModel().string(), "-o", "/nowhere/fpga.html"});
  EXPECT_EQ(output.exit_code, 5);
  EXPECT_THAT(output.err, HasSubstr("/nowhere/fpga.html"));
}

TEST(FpgaReport, LeapMindsTrainedGraphHasItsLowBitBodyOnTheEngine) {
  const Path graph = Shared("models/blueoil/lmnet_quantize_cifar10/minimal_graph_with_shape.pb");
  if (graph.empty()) GTEST_SKIP() << "../shared/models is absent";
  const auto document = Tool({"fpga", "report", graph.string(), "--json"}).Json();
  EXPECT_EQ(document.at("layers").size(), 6u);
  EXPECT_EQ(document.at("cpu_calls").size(), 3u);
  EXPECT_EQ(document.at("bottleneck"), "conv3/conv2d/Conv2D");
  // 0.45 ms at 125 MHz; 1-bit layers of codes of 2 bits at 0.30 ms and 90 % of the array.
  EXPECT_LE(document.at("clocks").get<int64_t>(), 56'250);
  int64_t body = 0;
  for (const auto& layer : document.at("layers")) {
    if (layer.at("bits") != "w1a2") continue;
    body += layer.at("clocks").get<int64_t>();
    const bool small = layer.at("macs").get<int64_t>() < 1'000'000;
    EXPECT_TRUE(small || layer.at("utilisation").get<double>() > 0.9) << layer.dump();
  }
  EXPECT_LE(body, 37'500);
}

TEST(FpgaSelfTest, TheModelAndTheSimulationPassIt) {
  const ToolOptions cached = {.environment = {"BLUESTEM_CACHE=" BLUESTEM_BINARY_DIR "/fpga-sim"}};
  for (const char* device : {"FPGA-MODEL", "FPGA-SIM"}) {
    const ToolResult result = Tool({"fpga", "selftest", "-d", device, "--json"}, cached);
    if (result.err.find("Verilator") != std::string::npos) GTEST_SKIP() << result.err;
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.Json().at("passed"), true);
    ASSERT_EQ(result.Json().at("tests").size(), 6u);
    EXPECT_EQ(result.Json().at("tests")[2].at("test"), "map memory");
    EXPECT_EQ(result.Json().contains("clocks"), device == std::string("FPGA-SIM"));
    if (!result.Json().contains("clocks")) continue;  // computed, not counted
    const auto clocks = result.Json().at("clocks").get<double>();
    const auto seconds = result.Json().at("seconds").get<double>();
    EXPECT_GT(clocks, 200'000);  // what map memory and golden layers say by themselves
    EXPECT_NEAR(result.Json().at("clocks_per_second").get<double>(), clocks / seconds, 1);
    EXPECT_THAT(Tool({"fpga", "selftest", "-d", device}, cached).out,
                ContainsRegex("[0-9,]+ clocks in [0-9.]+ m?s \\([0-9.]+ million clocks a second"));
  }
  EXPECT_THAT(
      Tool({"fpga", "selftest", "-d", "FPGA-MODEL"}).out,
      AllOf(HasSubstr("ok      golden layers     24 random convolutions equal the model's, "),
            HasSubstr("ok      golden net        6 layers in one list, all maps equal the "
                      "model's, ")));
}

TEST(FpgaSelfTest, WithoutABoardSaysWhatToDo) {
  if (std::filesystem::exists("/sys/class/u-dma-buf/bluestem-memory")) GTEST_SKIP() << "a board";
  const ToolResult absent = Tool({"fpga", "selftest"});
  EXPECT_EQ(absent.exit_code, 6);
  EXPECT_THAT(absent.err, HasSubstr("/sys/class/uio: no UIO device 'bluestem-engine'"));
  EXPECT_THAT(Tool({"devices"}).out,
              HasSubstr("FPGA: the engine in a board's FPGA, through UIO; not tried on a board\n"
                        "  not here: /sys/class/uio: no UIO device 'bluestem-engine'"));
  const ToolResult other = Tool({"fpga", "selftest", "-d", "CPU"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("--device CPU: it has no engine to test; expected FPGA, "));
}

}  // namespace
}  // namespace bluestem::cli
