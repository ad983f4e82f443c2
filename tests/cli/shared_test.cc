// Others' models and real pictures, from ../shared where it is present: a few hundred images here,
// all of them in tests/acceptance.sh.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::HasSubstr;

constexpr const char* kLeapMind =
    "models/blueoil/lmnet_quantize_cifar10/minimal_graph_with_shape.pb";

TEST(Shared, LeapMindsGraphConvertsAndNamesTheAirplane) {
  const Path model = Shared(kLeapMind);
  if (model.empty()) GTEST_SKIP() << "../shared/" << kLeapMind << " is absent";
  const std::string picture = Shared("models/blueoil/airplane.png").string();
  const std::string artefact = (Scratch() / "leapmind").string();
  const ToolResult converted =
      Tool({"convert", model.string(), "-o", artefact, "--images", picture, "--json"});
  ASSERT_EQ(converted.exit_code, 0) << converted.err;
  EXPECT_TRUE(converted.Json().at("targets")[0].at("verified"));
  const ToolResult run =
      Tool({"run", "-i", picture, "-m", artefact, "-o", (Scratch() / "output").string(), "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto top = run.Json().at("results")[0].at("prediction")[0];
  EXPECT_THAT(top.dump(), HasSubstr("airplane"));
  EXPECT_GT(top.at("probability").get<double>(), 0.9);
}

TEST(Shared, LeapMindsGraphIsRightOnAboutFourOfFiveImages) {
  const Path model = Shared(kLeapMind);
  const Path archive = Shared("data/cifar10-images.tar.gz");
  if (model.empty() || archive.empty()) GTEST_SKIP() << "../shared is absent";
  const std::string extract =
      fmt::format("tar -xzf '{}' -C '{}' --wildcards 'test/*/000*.jpg' 2>/dev/null",
                  archive.string(), Scratch().string());
  if (std::system(extract.c_str()) != 0) GTEST_SKIP() << "tar cannot extract " << archive;
  const ToolResult result = Tool({"evaluate", model.string(), "--data",
                                  (Scratch() / "test").string(), "--limit", "300", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto document = result.Json();
  EXPECT_GE(document.at("total").get<int>(), 90);
  EXPECT_GT(document.at("accuracy").get<double>(), 0.65);
}

TEST(Shared, TfcIsRightOn9474Digits) {
  const Path model = Shared("models/qonnx/TFC_1W2A.onnx");
  const Path digits = Shared("data/mnist-t10k");
  if (model.empty() || digits.empty()) GTEST_SKIP() << "../shared is absent";
  const ToolResult result = Tool({"evaluate", model.string(), "--data", digits.string(), "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.Json().at("correct"), 9474);
  EXPECT_EQ(result.Json().at("total"), 10000);
}

TEST(Shared, OthersModelsInspect) {
  for (const char* name :
       {"models/qonnx/espcn_subpixel/quant_model.onnx", "models/qonnx/mnist_conv/model.onnx",
        "models/blueoil/lmnet_v1_toy_graph/minimal_graph_with_shape.pb"}) {
    const Path model = Shared(name);
    if (model.empty()) GTEST_SKIP() << "../shared/" << name << " is absent";
    const ToolResult result = Tool({"inspect", model.string(), "--json"});
    EXPECT_EQ(result.exit_code, 0) << name << result.err;
    EXPECT_GT(result.Json().at("macs").get<int64_t>(), 0) << name;
  }
}

}  // namespace
}  // namespace bluestem::cli
