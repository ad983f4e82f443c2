// convert --target fpga: what is packed, who takes it, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::HasSubstr;

constexpr const char* kDevice = "HETERO:FPGA-MODEL,CPU";
constexpr const char* kPart = "models/fpga/engine.bin";

// Large enough to be worth the way to the engine.
std::string Model() {
  return WriteSmallModel(Scratch(), {.extent = 32, .channels = 64}).string();
}

ToolResult Benchmark(const std::string& model) {
  return Tool({"benchmark", "-m", model, "-d", kDevice, "--count", "1", "--pc", "--json"});
}

std::vector<int64_t> Cycles(const nlohmann::json& document) {
  std::vector<int64_t> cycles;
  for (const auto& op : document.at("ops")) {
    if (op.contains("cycles") && op.at("cycles").is_number()) cycles.push_back(op.at("cycles"));
  }
  return cycles;
}

TEST(ConvertFpga, PacksWhatTheEnginesDevicesThenTake) {
  const std::string model = Model(), out = (Scratch() / "out").string();
  const ToolResult converted = Tool({"convert", model, "-o", out, "--target", "fpga", "--json"});
  ASSERT_EQ(converted.exit_code, 0) << converted.err;
  const auto document = converted.Json();
  EXPECT_EQ(document.at("fpga").at("regions"), 1);
  EXPECT_GE(document.at("fpga").at("calls"), 2);
  EXPECT_EQ(document.at("targets").size(), 1U);  // this machine's
  EXPECT_THAT(*ReadTextFile(Path(out) / "manifest.json"), HasSubstr(kPart));
  const std::string listing = *ReadTextFile(Path(out) / "models/fpga/engine.txt");
  EXPECT_THAT(listing, HasSubstr("engine of version "));
  EXPECT_THAT(listing, HasSubstr("# block1.conv"));
  const auto packed = Benchmark(out).Json(), compiled = Benchmark(model).Json();
  EXPECT_EQ(packed.at("settings").at("engine"), "compiled in memory, engine as packed");
  EXPECT_EQ(compiled.at("settings").at("engine"), "compiled in memory");
  EXPECT_EQ(Cycles(packed), Cycles(compiled));
  EXPECT_FALSE(Cycles(packed).empty());
}

TEST(ConvertFpga, EvaluateRunsImagesTogetherWhereTheEngineGainsAndScoresThemTheSame) {
  const Path data = WriteSmallDataset(Scratch() / "data", 4);
  const std::string model = WriteSmallModel(Scratch(), {.extent = 16, .channels = 256}).string();
  const ToolResult result = Tool({"evaluate", model, "--data", data.string(), "-d", kDevice,
                                  "--threads", "1", "--compare", model, "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto document = result.Json();
  EXPECT_GT(document.at("together"), 1);
  EXPECT_EQ(document.at("compare").at("together"), 1);  // the processor gains nothing
  EXPECT_TRUE(document.at("differences").empty());
}

TEST(ConvertFpga, SaysWhatItPackedAndThatItGivesTheSameBits) {
  const ToolResult result =
      Tool({"convert", Model(), "-o", (Scratch() / "out").string(), "--target", "fpga"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("calls in 1 region, "));
  EXPECT_THAT(result.out, HasSubstr("fpga: equal bits on FPGA-MODEL"));
}

TEST(ConvertFpga, ADamagedPartIsRefused) {
  const Path out = Scratch() / "out";
  ASSERT_EQ(Tool({"convert", Model(), "-o", out.string(), "--target", "fpga"}).exit_code, 0);
  Bytes bytes = *ReadFile(out / kPart);
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(WriteFile(out / kPart, bytes).ok());
  const ToolResult result = Benchmark(out.string());
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("models/fpga/engine.bin is damaged"));
  EXPECT_EQ(Tool({"benchmark", "-m", out.string(), "--count", "1"}).exit_code, 0);  // on the CPU
}

TEST(ConvertFpga, AModelWithNothingForTheEngineIsRefusedWithReasons) {
  const std::string model = SmallModel().string(), out = (Scratch() / "out").string();
  const ToolResult result = Tool({"convert", model, "-o", out, "--target", "fpga"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, HasSubstr("--target fpga: " + model + ": no call goes to the engine: "));
  EXPECT_THAT(result.err, HasSubstr("FPGA-MODEL refuses: it takes convolutions"));
  EXPECT_THAT(result.err, HasSubstr("bluestem fpga report " + model));
  EXPECT_FALSE(std::filesystem::exists(out));
}

}  // namespace
}  // namespace bluestem::cli
