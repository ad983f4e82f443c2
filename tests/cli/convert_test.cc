// convert, inspect, evaluate and run on a small model: from a file to predictions, and what may go
// wrong on the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <thread>

#include "bluestem/edge/cpu_features.h"
#include "bluestem/image/image.h"
#include "bluestem/interchange/interchange.h"
#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

TEST(Convert, PrintsItsStepsAndATableAndLeavesOnlyTheArtefact) {
  WriteSmallMeta(Scratch());
  const Path model = WriteSmallModel(Scratch());
  const ToolResult result =
      Tool({"convert", model.string(), "-o", (Scratch() / "out").string(), "--explain"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* text : {"read ", "pass ", "lower ", "emit ", "verify ", "Why each op",
                           "Kernels:", "target", ".so bytes", "arena bytes", "latency"}) {
    EXPECT_THAT(result.out, HasSubstr(text));
  }
  EXPECT_THAT(Listing(Scratch()), ElementsAre("meta.yaml", "out", "out.tar.gz", "small.onnx"));
  EXPECT_TRUE(fs::exists(Scratch() / "out/models/meta.yaml"));
  EXPECT_TRUE(fs::exists(Scratch() / "out/models/model.onnx"));
}

TEST(Convert, SaysWhatItAssumesWithoutAMeta) {
  const Path model = WriteSmallModel(Scratch());
  const ToolResult result = Tool({"convert", model.string(), "-o", (Scratch() / "out").string()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("no meta.yaml beside the model: pictures of 8 x 8 x 3"));
  EXPECT_THAT(result.err, HasSubstr("classes \"0\" to \"2\""));
  EXPECT_THAT(result.out, HasSubstr("random images"));
}

TEST(Convert, SaysWhatTheReaderChanged) {
  const auto graph = ir::FromText(
      "graph \"g\" input %x : f32[4,3,8,8] %y = GlobalAvgPool(%x) {layout=\"NCHW\"} output %y");
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  ASSERT_TRUE(WriteFile(Scratch() / "four.onnx", *interchange::ToOnnx(*graph)).ok());
  const std::string model = (Scratch() / "four.onnx").string();
  const std::string out = (Scratch() / "out").string();
  const char* note = "input \"x\": the batch is 4; it becomes 1 (--batch N: N images a call)";
  EXPECT_THAT(Tool({"convert", model, "-o", out}).out, HasSubstr(std::string("note: ") + note));
  EXPECT_EQ(Tool({"convert", model, "-o", out, "--json"}).Json().at("notes").at(0), note);
}

TEST(Convert, DumpsTheGraphAfterAPass) {
  const Path model = WriteSmallModel(Scratch());
  const std::string out = (Scratch() / "out").string();
  const auto passes = Tool({"convert", model.string(), "-o", out, "--json"}).Json().at("passes");
  ASSERT_FALSE(passes.empty());
  const std::string last = passes.back().at("name");
  ASSERT_EQ(Tool({"convert", model.string(), "-o", out, "--dump", "after:" + last}).exit_code, 0);
  EXPECT_THAT(Listing(out + ".dump"),
              ElementsAre(fmt::format("{:02}-{}.txt", passes.size(), last)));
  ASSERT_EQ(Tool({"convert", model.string(), "-o", out, "--dump", "all"}).exit_code, 0);
  EXPECT_EQ(Listing(out + ".dump").size(), passes.size());
  const ToolResult wrong = Tool({"convert", model.string(), "-o", out, "--dump", "after:nothing"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr(last));
}

TEST(Convert, KeepsTheInputInF32WhenAsked) {
  const Path model = WriteSmallModel(Scratch());
  const ToolResult result = Tool({"convert", model.string(), "-o", (Scratch() / "out").string(),
                                  "--raw-input", "--verify", "2", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.Json().at("verification").at("samples").get<std::string>(),
              HasSubstr("2 random images"));
}

TEST(Convert, NamesTheCompilerAndItsPackageWhereItIsMissing) {
  const Path model = SmallModel();
  const ToolResult result =
      Tool({"convert", model.string(), "-o", (Scratch() / "out").string(), "--target", "aarch64"},
           {.environment = {"PATH=/nowhere"}, .while_running = {}});
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_THAT(result.err, HasSubstr("aarch64-linux-gnu"));
  EXPECT_THAT(result.err, HasSubstr("apt-get install"));
  EXPECT_TRUE(Listing(Scratch()).empty());
}

TEST(Convert, NamesTheTargetsThatThereAre) {
  const ToolResult result =
      Tool({"convert", SmallModel().string(), "-o", "x", "--target", "sparc"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--target: got sparc; expected x86-64, aarch64, armhf, fpga"));
}

TEST(Convert, RefusesToReplaceWhatIsNoArtefact) {
  ASSERT_TRUE(WriteFile(Scratch() / "mine/thesis.txt", std::string_view("x")).code() == Code::kIo);
  fs::create_directories(Scratch() / "mine");
  ASSERT_TRUE(WriteFile(Scratch() / "mine/thesis.txt", std::string_view("x")).ok());
  const ToolResult result =
      Tool({"convert", SmallModel().string(), "-o", (Scratch() / "mine").string()});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr("is no artefact"));
  EXPECT_TRUE(fs::exists(Scratch() / "mine/thesis.txt"));
}

TEST(Convert, SaysThatAnOutputCannotBeWritten) {
  const ToolResult result = Tool({"convert", SmallModel().string(), "-o", "/proc/nothing/out"});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr("/proc/nothing"));
}

TEST(Convert, LeavesNothingOnAFullDisk) {
  const Path disk = Scratch() / "disk";
  fs::create_directories(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=48k") != 0) {
    GTEST_SKIP() << "a small tmpfs cannot be mounted here";
  }
  const ToolResult result = Tool({"convert", SmallModel().string(), "-o", (disk / "out").string()});
  EXPECT_THAT(Listing(disk), ElementsAre());
  EXPECT_EQ(::umount(disk.c_str()), 0);
  EXPECT_EQ(result.exit_code, 5) << result.err;
}

TEST(Convert, LeavesNothingWhenInterrupted) {
  // The signal comes while the compiler runs: the staging folder is there by then.
  ToolOptions options;
  options.while_running = [](int pid) {
    for (int wait = 0; wait < 20000; ++wait) {
      if (!Listing(Scratch()).empty() && Listing(Scratch())[0][0] == '.') break;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ::kill(-pid, SIGINT);
  };
  const ToolResult result = Tool(
      {"convert", SmallModel().string(), "-o", (Scratch() / "out").string(), "--json"}, options);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_EQ(result.Json().at("error").at("code"), "interrupted");
  for (const std::string& name : Listing(Scratch())) {
    EXPECT_TRUE(name.rfind("stderr", 0) == 0) << name;
  }
}

TEST(Convert, RefusesWhatIsNoModel) {
  ASSERT_TRUE(WriteFile(Scratch() / "bad.onnx", std::string_view("this is no model")).ok());
  const ToolResult result =
      Tool({"convert", (Scratch() / "bad.onnx").string(), "-o", (Scratch() / "out").string()});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("bad.onnx"));
  const ToolResult folder = Tool({"convert", Scratch().string(), "-o", "x"});
  EXPECT_EQ(folder.exit_code, 3);
  EXPECT_THAT(folder.err, HasSubstr("neither a run folder"));
}

// A protobuf field of bytes: tag, length (below 128), content.
std::string Field(int number, const std::string& content) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(content.size())} +
         content;
}

// An ONNX value named `name`: f32 [1,4].
std::string ValueInfo(const std::string& name) {
  const std::string shape = Field(1, "\x08\x01") + Field(1, "\x08\x04");
  return Field(1, name) + Field(2, Field(1, "\x08\x01" + Field(2, shape)));
}

TEST(Convert, NamesTheOpThatIsUnsupportedAndItsNode) {
  const std::string node =
      Field(1, "x") + Field(2, "y") + Field(3, "strange_node") + Field(4, "NonMaxSuppression");
  const std::string graph =
      Field(1, node) + Field(2, "g") + Field(11, ValueInfo("x")) + Field(12, ValueInfo("y"));
  const std::string model = "\x08\x08" + Field(7, graph) + Field(8, "\x10\x0d");
  ASSERT_TRUE(WriteFile(Scratch() / "model.onnx", model).ok());
  const ToolResult result =
      Tool({"convert", (Scratch() / "model.onnx").string(), "-o", (Scratch() / "out").string()});
  EXPECT_EQ(result.exit_code, 4) << result.err;
  EXPECT_THAT(result.err, HasSubstr("NonMaxSuppression"));
  EXPECT_THAT(result.err, HasSubstr("strange_node"));
  EXPECT_FALSE(fs::exists(Scratch() / "out"));
}

TEST(Convert, NamesTheFolderOfARunWithoutAModel) {
  ASSERT_TRUE(WriteFile(Scratch() / "config.yaml", std::string_view("name: x\n")).ok());
  const ToolResult result = Tool({"convert", Scratch().string(), "-o", "x"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("a run folder without model.onnx"));
}

TEST(Convert, RefusesAMetaOfAnotherSize) {
  const Path model = WriteSmallModel(Scratch());
  std::string meta = ReadTextFile(WriteSmallMeta(Scratch())).value();
  for (size_t at; (at = meta.find('8')) != std::string::npos;) meta.replace(at, 1, "32");
  ASSERT_TRUE(WriteFile(Scratch() / "meta.yaml", meta).ok());
  const ToolResult result = Tool({"convert", model.string(), "-o", (Scratch() / "out").string()});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr("32 x 32 x 3"));
  EXPECT_THAT(result.err, HasSubstr("[1,3,8,8]"));
}

TEST(Inspect, NamesTheKernelOfEachConvolutionByInstructionSet) {
  const auto document = Tool({"inspect", SmallModel().string(), "--json"}).Json();
  ASSERT_EQ(document.at("kernels").size(), 3u);
  for (const auto& row : document.at("kernels")) {
    for (const char* level : {"amx", "avx512_vbmi", "avx512_vnni", "avx512", "avx2", "sse4",
                              "neon_dot", "neon", "portable"}) {
      EXPECT_THAT(row.at("kernels").at(level).get<std::string>(), HasSubstr("conv_"));
    }
    EXPECT_TRUE(row.at("reference").empty());
  }
  const ToolResult artefact = Tool({"inspect", Artefact().string()});
  EXPECT_THAT(artefact.out, HasSubstr("qconv_u4s1_lut"));
  EXPECT_THAT(artefact.err, Not(HasSubstr("reference kernel")));
}

TEST(Inspect, CountsMultiplyAddsByBits) {
  const auto document = Tool({"inspect", SmallModel().string(), "--json"}).Json();
  // Two 3x3 convolutions on 8x8 (3 to 8 and 8 to 8 channels) and a dense layer of 8 x 3.
  EXPECT_EQ(document.at("macs").get<int64_t>(), 64 * 9 * 3 * 8 + 64 * 9 * 8 * 8 + 24);
  EXPECT_EQ(document.at("macs_by_bits").at("w1a2").get<int64_t>(), 64 * 9 * 8 * 8);
  EXPECT_EQ(document.at("weights").get<int64_t>(), 9 * 3 * 8 + 9 * 8 * 8 + 24);
  EXPECT_GT(document.at("arena_bytes").get<int64_t>(), 0);
  EXPECT_THAT(Tool({"inspect", Artefact().string()}).out, HasSubstr("library "));
}

TEST(Evaluate, GivesTheSameScoresFromModelAndArtefact) {
  const std::string data = WriteSmallDataset(Scratch() / "data", 4).string();
  const ToolResult result = Tool({"evaluate", Artefact().string(), "--data", data, "--compare",
                                  SmallModel().string(), "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto document = result.Json();
  EXPECT_EQ(document.at("total"), 12);
  EXPECT_EQ(document.at("engine"), "compiled");
  EXPECT_EQ(document.at("compare").at("engine"), "interpreter");
  EXPECT_TRUE(document.at("differences").empty());
  EXPECT_EQ(document.at("confusion").size(), 3u);
  EXPECT_EQ(document.at("macs"),
            Tool({"inspect", Artefact().string(), "--json"}).Json().at("macs_by_bits"));
  const ToolResult text = Tool({"evaluate", Artefact().string(), "--data", data});
  EXPECT_THAT(text.out, HasSubstr("latency "));
  EXPECT_THAT(text.out, HasSubstr("w1a2"));
  EXPECT_THAT(text.out, HasSubstr(" a picture\n"));
  // A graph is not made of calls that could be counted.
  EXPECT_FALSE(Tool({"evaluate", SmallModel().string(), "--engine", "reference", "--data", data,
                     "--limit", "1", "--json"})
                   .Json()
                   .contains("macs"));
}

TEST(Evaluate, ListsTheImagesThatDifferAndEndsWithSeven) {
  const std::string data = WriteSmallDataset(Scratch() / "data", 2).string();
  const ToolResult result = Tool({"evaluate", SmallModel().string(), "--engine", "double", "--data",
                                  data, "--compare", SmallModel().string()});
  EXPECT_EQ(result.exit_code, 7) << result.out;
  EXPECT_THAT(result.out, HasSubstr("images differ in a class or in a bit of a score"));
  EXPECT_THAT(result.err, HasSubstr("differ on"));
}

TEST(Evaluate, WritesScoresAsRawFloats) {
  const std::string data = WriteSmallDataset(Scratch() / "data", 4).string();
  const Path scores = Scratch() / "scores.f32";
  ASSERT_EQ(
      Tool({"evaluate", Artefact().string(), "--data", data, "--limit", "5", "--isa", "portable",
            "--scores", scores.string(), "--inputs", (Scratch() / "inputs.u8").string()})
          .exit_code,
      0);
  EXPECT_EQ(fs::file_size(Scratch() / "inputs.u8"), 5u * 8 * 8 * 3);
  EXPECT_EQ(fs::file_size(scores), 5 * 3 * sizeof(float));
}

TEST(Evaluate, RefusesACorruptArtefact) {
  const std::string data = WriteSmallDataset(Scratch() / "data", 1).string();
  const Path copy = Scratch() / "copy";
  fs::copy(Artefact(), copy, fs::copy_options::recursive);
  ASSERT_TRUE(WriteFile(copy / "models/meta.yaml", std::string_view("CLASSES: [x]\n")).ok());
  const ToolResult result = Tool({"evaluate", copy.string(), "--data", data});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("meta.yaml"));
}

TEST(Evaluate, RefusesANewerArtefact) {
  const std::string data = WriteSmallDataset(Scratch() / "data", 1).string();
  const Path copy = Scratch() / "copy";
  fs::copy(Artefact(), copy, fs::copy_options::recursive);
  auto manifest = nlohmann::ordered_json::parse(ReadTextFile(copy / "manifest.json").value());
  manifest["format_version"] = 99;
  ASSERT_TRUE(WriteFile(copy / "manifest.json", manifest.dump()).ok());
  const ToolResult result = Tool({"evaluate", copy.string(), "--data", data});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("99"));
}

TEST(Evaluate, SaysWhatToDoAboutAPictureThatCannotBeRead) {
  const Path data = WriteSmallDataset(Scratch() / "data", 2);
  ASSERT_TRUE(
      WriteFile(data / "a" / "broken.jpg", std::string_view("\xff\xd8\xff\xe0 no more")).ok());
  for (const Path& subject : {Artefact(), SmallModel()}) {
    const ToolResult result = Tool({"evaluate", subject.string(), "--data", data.string()});
    EXPECT_EQ(result.exit_code, 3);
    EXPECT_THAT(result.err, HasSubstr("broken.jpg: JPEG: "));
    EXPECT_THAT(result.err,
                HasSubstr("; repair or remove what cannot be read (`bluestem data check`"));
  }
}

TEST(Evaluate, NamesTheFolderThatIsMissing) {
  const ToolResult result = Tool({"evaluate", Artefact().string(), "--data", "/nowhere/images"});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr("/nowhere/images"));
}

TEST(Run, WritesOutputJsonAndAnnotatedPictures) {
  const Path data = WriteSmallDataset(Scratch() / "data", 1);
  const Path out = Scratch() / "output";
  const ToolResult result =
      Tool({"run", "-i", (data / "a/0.png").string(), (data / "b/0.png").string(), "-m",
            Artefact().string(), "-o", out.string(), "--trial", "3"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto document = nlohmann::json::parse(ReadTextFile(out / "output.json").value());
  for (const char* key : {"version", "task", "classes", "date", "results", "benchmark"}) {
    EXPECT_TRUE(document.contains(key)) << key;
  }
  ASSERT_EQ(document.at("results").size(), 2u);
  EXPECT_TRUE(document.at("results")[0].at("prediction")[0].at("probability").is_number());
  EXPECT_THAT(Listing(out / "images"), ElementsAre("0.png", "0_2.png"));
  const auto annotated = image::DecodeFile(out / "images/0.png");
  ASSERT_TRUE(annotated.ok());
  EXPECT_GE(annotated->width, 320);
  EXPECT_GT(annotated->height, annotated->width);
}

TEST(Run, TakesTheLibraryAndItsMetaByName) {
  const Path data = WriteSmallDataset(Scratch() / "data", 1);
  const Path lib = Artefact() / "models/lib";
  std::string library;
  for (const std::string& name : Listing(lib)) {
    if (Path(name).extension() == ".so") library = (lib / name).string();
  }
  EXPECT_EQ(
      Tool({"run", "-i", (data / "a/0.png").string(), "-m", library, "-c",
            (Artefact() / "models/meta.yaml").string(), "-o", (Scratch() / "output").string()})
          .exit_code,
      0);
}

TEST(Run, NamesThePictureThatIsMissingOrBroken) {
  const ToolResult missing = Tool({"run", "-i", "none.jpg", "-m", Artefact().string()});
  EXPECT_EQ(missing.exit_code, 5);
  EXPECT_THAT(missing.err, HasSubstr("none.jpg"));
  ASSERT_TRUE(WriteFile(Scratch() / "bad.png", std::string_view("\x89PNG\r\n\x1a\n")).ok());
  const ToolResult broken = Tool({"run", "-i", (Scratch() / "bad.png").string(), "-m",
                                  Artefact().string(), "-o", (Scratch() / "output").string()});
  EXPECT_EQ(broken.exit_code, 3);
  EXPECT_THAT(broken.err, HasSubstr("bad.png"));
  EXPECT_FALSE(std::filesystem::exists(Scratch() / "output"));
}

TEST(Run, SaysWhichInstructionSetsThisCpuHas) {
  const bool arm = (edge::CpuIsas() & kernels::IsaBit(kernels::Isa::kNeon)) != 0;
  const std::string foreign = arm ? "sse4" : "neon";
  const ToolResult result =
      Tool({"measure", Artefact().string(), "--isa", foreign, "--count", "1"});
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_THAT(result.err, HasSubstr("; this CPU has "));
  EXPECT_THAT(result.err, HasSubstr("portable, reference: give one of them to --isa"));
}

}  // namespace
}  // namespace bluestem::cli
