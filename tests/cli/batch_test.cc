// convert --batch: models that take several images a call, and the commands that run them.
#include <gmock/gmock.h>

#include "bluestem/base/process.h"
#include "bluestem/interchange/interchange.h"
#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::HasSubstr;

std::string Convert(const std::string& batch, std::vector<std::string> more = {}) {
  const Path folder = Scratch() / ("of" + batch);
  std::filesystem::create_directories(folder);
  WriteSmallMeta(folder);
  const std::string out = (folder / "out").string();
  std::vector<std::string> words = {
      "convert", WriteSmallModel(folder).string(), "-o", out, "--batch", batch};
  words.insert(words.end(), more.begin(), more.end());
  const ToolResult result = Tool(words);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return out;
}

std::string WriteGraph(const std::string& text) {
  const auto graph = ir::FromText(text);
  EXPECT_TRUE(graph.ok()) << graph.status().message();
  const Path path = Scratch() / "graph.onnx";
  EXPECT_TRUE(WriteFile(path, *interchange::ToOnnx(*graph)).ok());
  return path.string();
}

TEST(ConvertBatch, EachImageScoresAsItDoesAlone) {
  const std::string data = WriteSmallDataset(Scratch() / "data", 4).string();  // 12: 5, 5 and 2
  const ToolResult result =
      Tool({"evaluate", Convert("5"), "--data", data, "--compare", Artefact().string(), "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(result.Json().at("differences").empty());
  EXPECT_EQ(result.Json().at("together"), 5);
  const auto alone = Tool({"evaluate", Artefact().string(), "--data", data, "--json"}).Json();
  EXPECT_EQ(result.Json().at("macs"), alone.at("macs"));  // of a picture
}

TEST(ConvertBatch, InterpretersAndTheModelThatTheArtefactCarriesTakeTheBatch) {
  const std::string out = Convert("3");
  const std::string data = WriteSmallDataset(Scratch() / "data", 2).string();
  for (const char* engine : {"interpreter", "reference", "double"}) {
    const ToolResult result = Tool({"evaluate", out, "--data", data, "--engine", engine, "--json"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.Json().at("together"), 3) << engine;
  }
  EXPECT_THAT(Tool({"inspect", out}).out, HasSubstr("[3,"));
}

TEST(ConvertBatch, RunScoresAPictureAndMeasurementsCountImages) {
  const std::string out = Convert("4");
  const auto measured = Tool({"measure", out, "--count", "20", "--json"}).Json();
  EXPECT_EQ(measured.at("images_a_call"), 4);
  EXPECT_NEAR(measured.at("images_per_second").get<double>() *
                  measured.at("latency_seconds").at("mean").get<double>(),
              4, 1e-9);
  const std::string picture = (WriteSmallDataset(Scratch() / "data", 1) / "a/0.png").string();
  const ToolResult benchmark = Tool({"benchmark", "-m", out, "--count", "10", "-i", picture});
  ASSERT_EQ(benchmark.exit_code, 0) << benchmark.err;
  EXPECT_THAT(benchmark.out, HasSubstr("(40 images in "));
  const std::string output = (Scratch() / "output").string();
  ASSERT_EQ(Tool({"run", "-i", picture, "-m", out, "-o", output}).exit_code, 0);
  const std::string alone = (Scratch() / "alone").string();
  ASSERT_EQ(Tool({"run", "-i", picture, "-m", Artefact().string(), "-o", alone}).exit_code, 0);
  const auto results = [](const std::string& folder) {
    return nlohmann::json::parse(*ReadTextFile(folder + "/output.json")).at("results");
  };
  EXPECT_EQ(results(output), results(alone));
}

TEST(ConvertBatch, AnArtefactOfABatchBecomesOneOfAnother) {
  const std::string four = Convert("4");
  const auto input_of = [](const std::string& model) { return Tool({"inspect", model}).out; };
  const std::string same = (Scratch() / "same").string();
  ASSERT_EQ(Tool({"convert", four, "-o", same}).exit_code, 0);
  EXPECT_THAT(input_of(same), HasSubstr("[4,"));
  const std::string two = (Scratch() / "two").string();
  ASSERT_EQ(Tool({"convert", four, "-o", two, "--batch", "2"}).exit_code, 0);
  EXPECT_THAT(input_of(two), HasSubstr("[2,"));
}

TEST(ConvertBatch, TheArtefactsOwnProgramSaysThatAPictureIsNotABatch) {
  const Path out = Convert("2");
  const std::string header = "P6\n8 8\n255\n";
  Bytes picture(header.begin(), header.end());
  picture.resize(picture.size() + 192);
  const Path path = Scratch() / "picture.ppm";
  ASSERT_TRUE(WriteFile(path, picture).ok());
  const auto result = RunProcess({(out / "bin/bluestem-run").string(), path.string()});
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result->exit_code, 3);
  EXPECT_THAT(result->output, HasSubstr("one picture; the model takes 2 images a call: give all"));
}

TEST(ConvertBatch, AValueOutsideIsRefused) {
  for (const char* batch : {"0", "65"}) {
    const ToolResult result = Tool(
        {"convert", SmallModel().string(), "-o", (Scratch() / "out").string(), "--batch", batch});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr(std::string("--batch: Value ") + batch));
    EXPECT_THAT(result.err, HasSubstr("1 to 64"));
  }
}

TEST(ConvertBatch, AModelThatMixesImagesOrFixesItsBatchIsRefused) {
  const std::string out = (Scratch() / "out").string();
  const std::string mixed = WriteGraph(
      "graph \"g\" input %x : f32[1,4] %m = ReduceMean(%x) {axes=[0], keepdims=1} "
      "%y = Add(%x, %m) output %y");
  ToolResult result = Tool({"convert", mixed, "-o", out, "--batch", "2"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, HasSubstr("--batch 2: the output \"y\" of image 0 is not what it is of "
                                    "that image alone; the file fixes its batch inside"));
  const std::string fixed = WriteGraph(
      "graph \"g\" input %x : f32[1,4] %s = Slice(%x) {starts=[0], ends=[1], axes=[0]} "
      "%y = Relu(%s) output %y");
  result = Tool({"convert", fixed, "-o", out, "--batch", "2"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err,
              HasSubstr("--batch 2: the output \"y\" is [1,4], and [1,4] of one image"));
  const std::string shaped = WriteGraph(
      "graph \"g\" input %x : f32[1,4] %r = Reshape(%x) {shape=[4,1]} %y = Relu(%r) output %y");
  result = Tool({"convert", shaped, "-o", out, "--batch", "2"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, HasSubstr("--batch 2: "));
  EXPECT_FALSE(std::filesystem::exists(out));
}

}  // namespace
}  // namespace bluestem::cli
