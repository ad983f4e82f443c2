// measure and profile: what they tell of an artefact, a library and a model, and what may go wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

Path Library() {
  for (const auto& entry : fs::directory_iterator(Artefact() / "models/lib")) {
    if (entry.path().extension() == ".so") return entry.path();
  }
  return {};
}

std::string Picture() {
  return (WriteSmallDataset(Scratch() / "data", 1) / "a/0.png").string();
}

TEST(Measure, TellsLatencyMemoryAndMachineOfAnArtefact) {
  const ToolResult result = Tool({"measure", Artefact().string(), "--count", "20"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* text : {"compiled: ",
                           "random codes (seed 1)",
                           "machine ",
                           "instruction set ",
                           "bluestem 0.",
                           "p50 ",
                           "p90 ",
                           "p99 ",
                           "min ",
                           "mean ",
                           "over 20 runs",
                           "images/s",
                           "dlopen and create",
                           "first inference",
                           "arena ",
                           "weights ",
                           "at the peak",
                           "before loading",
                           "GMAC/s",
                           "block1.conv",
                           "all calls"}) {
    EXPECT_THAT(result.out, HasSubstr(text));
  }
  EXPECT_EQ(result.err, "");
}

TEST(Measure, ItsNumbersAgreeWithEachOther) {
  const auto document = Tool({"measure", Artefact().string(), "--count", "30", "--warmup", "2",
                              "--isa", "portable", "--json"})
                            .Json();
  const auto& latency = document.at("latency_seconds");
  EXPECT_GT(latency.at("min"), 0);
  EXPECT_LE(latency.at("min"), latency.at("p50"));
  EXPECT_LE(latency.at("p50"), latency.at("p90"));
  EXPECT_LE(latency.at("p90"), latency.at("p99"));
  EXPECT_LE(latency.at("min"), latency.at("mean"));
  EXPECT_NEAR(document.at("images_per_second").get<double>() * latency.at("mean").get<double>(), 1,
              1e-9);
  EXPECT_EQ(document.at("count"), 30);
  EXPECT_EQ(document.at("warm_up"), 2);
  EXPECT_EQ(document.at("isa"), "portable");
  EXPECT_EQ(document.at("engine"), "compiled");
  EXPECT_GT(document.at("load_seconds"), 0);
  EXPECT_GT(document.at("first_inference_seconds"), 0);
  const auto& memory = document.at("memory");
  EXPECT_GT(memory.at("arena_bytes"), 0);
  EXPECT_GT(memory.at("scratch_bytes"), 0);
  EXPECT_GT(memory.at("weight_bytes"), 0);
  EXPECT_GE(memory.at("resident_peak_bytes"), memory.at("resident_before_bytes"));
  EXPECT_GT(memory.at("resident_before_bytes"), 0);
  double share = 0;
  int64_t macs = 0;
  for (const auto& op : document.at("ops")) {
    share += op.at("share").get<double>();
    macs += op.at("macs").get<int64_t>();
  }
  EXPECT_NEAR(share, 1, 1e-9);
  EXPECT_EQ(macs, Tool({"inspect", Artefact().string(), "--json"}).Json().at("macs"));
}

TEST(Measure, TakesALibraryAModelAndAPicture) {
  const std::string picture = Picture();
  const auto library =
      Tool({"measure", Library().string(), "--image", picture, "--count", "2", "--json"}).Json();
  EXPECT_EQ(library.at("engine"), "compiled");
  EXPECT_EQ(library.at("input"), "picture " + picture);
  const ToolResult model = Tool({"measure", SmallModel().string(), "--seconds", "0.01"});
  ASSERT_EQ(model.exit_code, 0) << model.err;
  EXPECT_THAT(model.out, HasSubstr("the interpreter, not compiled code"));
  EXPECT_THAT(model.out, HasSubstr("read, compile and create"));
}

TEST(Measure, NamesWhatIsMissingOrDoesNotFit) {
  const ToolResult absent = Tool({"measure", "/nowhere/artefact"});
  EXPECT_EQ(absent.exit_code, 5);
  EXPECT_THAT(absent.err, HasSubstr("/nowhere/artefact: no such file or folder; give a run"));
  const ToolResult library = Tool({"measure", "/nowhere/lib.so"});
  EXPECT_EQ(library.exit_code, 5);
  EXPECT_THAT(library.err, HasSubstr("/nowhere/lib.so: no such file; give an artefact's folder"));
  const ToolResult picture = Tool({"measure", Artefact().string(), "--image", "none.png"});
  EXPECT_EQ(picture.exit_code, 5);
  EXPECT_THAT(picture.err, HasSubstr("--image none.png: no such file; give a .jpg or .png"));
  const ToolResult isa = Tool({"measure", Artefact().string(), "--isa", "vax"});
  EXPECT_EQ(isa.exit_code, 6);
  EXPECT_THAT(isa.err, HasSubstr("instruction set 'vax'"));
  const ToolResult count = Tool({"measure", Artefact().string(), "--count", "0"});
  EXPECT_EQ(count.exit_code, 2);
  EXPECT_THAT(count.err, HasSubstr("--count"));
  const ToolResult both = Tool({"measure", Artefact().string(), "--count", "5", "--seconds", "1"});
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_THAT(both.err, HasSubstr("excludes"));
}

TEST(Measure, SaysThatAPictureNeedsAMeta) {
  const Path folder = Scratch() / "bare";
  fs::create_directories(folder);
  const ToolResult result =
      Tool({"measure", WriteSmallModel(folder).string(), "--image", Picture()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("has no meta.yaml that says how pictures go in; give --meta"));
}

TEST(Measure, RefusesADamagedLibrary) {
  const Path copy = Scratch() / "copy";
  fs::copy(Artefact(), copy, fs::copy_options::recursive);
  const Path library = copy / Library().lexically_relative(Artefact());
  ASSERT_TRUE(WriteFile(library, std::string_view("no library")).ok());
  const ToolResult result = Tool({"measure", copy.string()});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("is damaged: its SHA-256"));
}

TEST(Profile, ListsTheCallsAsTheyRunAndTheTotalsByBits) {
  const auto document = Tool({"profile", Artefact().string(), "--count", "3", "--json"}).Json();
  const auto calls = Tool({"inspect", Artefact().string(), "--json"}).Json().at("ops");
  ASSERT_EQ(document.at("ops").size(), calls.size());
  for (size_t i = 0; i < calls.size(); ++i) {
    EXPECT_EQ(document.at("ops")[i].at("op"), calls[i].at("op"));
    EXPECT_EQ(document.at("ops")[i].at("reference"), "");
  }
  std::vector<std::string> bits;
  for (const auto& row : document.at("by_bits")) bits.push_back(row.at("bits"));
  EXPECT_THAT(bits, ::testing::Contains("w1a2"));
  EXPECT_EQ(document.at("profiled_runs"), 3);
}

TEST(Profile, FlagsTheReferenceKernelWithTheReason) {
  const ToolResult result =
      Tool({"profile", Artefact().string(), "--isa", "reference", "--count", "1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("qconv_u8s8__reference (!)"));
  EXPECT_THAT(result.err, HasSubstr("block1.conv: ran on the slow reference kernel "
                                    "qconv_u8s8__reference: no other instruction set is allowed; "
                                    "portable has qconv_u8s8_dot32__portable"));
  const Path alone = Scratch() / "lib.so";
  fs::copy(Library(), alone);
  EXPECT_THAT(Tool({"profile", alone.string(), "--isa", "reference", "--count", "1"}).err,
              HasSubstr("no model beside the library says why"));
}

TEST(Profile, WritesOnePageThatNeedsNothingElse) {
  const Path page = Scratch() / "report.html";
  const ToolResult result =
      Tool({"profile", Artefact().string(), "--output", page.string(), "--count", "2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string html = ReadTextFile(page).value();
  for (const char* text : {"<!doctype html>", "<svg", "block1.conv", "GMAC/s", "By bits", "w1a2",
                           "Measured on", "instruction set", "</html>"}) {
    EXPECT_THAT(html, HasSubstr(text));
  }
  for (const char* text : {"http", "src=", "slow reference kernel"}) {
    EXPECT_THAT(html, Not(HasSubstr(text)));
  }
}

TEST(Profile, SaysThatThePageCannotBeWritten) {
  const ToolResult result =
      Tool({"profile", Artefact().string(), "--output", "/nowhere/report.html", "--count", "1"});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr("/nowhere/report.html"));
}

}  // namespace
}  // namespace bluestem::cli
