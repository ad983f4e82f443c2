#include "tests/cli/tool.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "bluestem/image/image.h"
#include "bluestem/interchange/interchange.h"
#include "bluestem/ir/graph.h"
#include "bluestem/task/meta.h"

namespace bluestem::cli {
namespace {

namespace fs = std::filesystem;

Tensor RandomTensor(Shape shape, std::mt19937& random) {
  Tensor tensor(DType::kF32, std::move(shape));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.data<float>()[i] = static_cast<float>(random() % 2001) / 1000.0f - 1.0f;
  }
  return tensor;
}

Tensor Filled(int64_t size, float value) {
  return Tensor::Of<float>({size}, std::vector<float>(static_cast<size_t>(size), value));
}

// conv (binary weights) -> batch norm -> 2-bit quantizer, NCHW as ONNX has it.
ir::ValueId Block(ir::Graph& graph, ir::ValueId x, const std::string& name, int64_t channels_in,
                  int64_t channels_out, std::mt19937& random) {
  const auto constant = [&](const char* what, Tensor tensor) {
    return graph.AddConstant(name + "." + what, std::move(tensor));
  };
  const auto weights = constant("w", RandomTensor({channels_out, channels_in, 3, 3}, random));
  const auto binary = graph.Append("BinaryQuant", name + ".wq",
                                   {weights, constant("ws", Tensor::Of<float>({}, {0.5f}))});
  ir::Attributes conv;
  conv.Set("strides", std::vector<int64_t>{1, 1}).Set("pads", std::vector<int64_t>{1, 1, 1, 1});
  conv.Set("dilations", std::vector<int64_t>{1, 1}).Set("groups", int64_t{1});
  conv.Set("layout", std::string("NCHW"));
  auto y = graph.Append("Conv", name + ".conv", {x, binary.value()}, conv);
  ir::Attributes norm;
  norm.Set("epsilon", 1e-3).Set("layout", std::string("NCHW"));
  y = graph.Append("BatchNorm", name + ".bn",
                   {y.value(), constant("gamma", RandomTensor({channels_out}, random)),
                    constant("beta", RandomTensor({channels_out}, random)),
                    constant("mean", RandomTensor({channels_out}, random)),
                    constant("var", Filled(channels_out, 2.0f))},
                   norm);
  ir::Attributes quant;
  quant.Set("bits", int64_t{2}).Set("signed", int64_t{0}).Set("narrow", int64_t{0});
  quant.Set("rounding", std::string("HALF_UP"));
  return graph
      .Append("Quant", name + ".q",
              {y.value(), constant("s", Tensor::Of<float>({}, {2.0f / 3})),
               constant("z", Tensor::Of<float>({}, {0.0f}))},
              quant)
      .value();
}

void ReadAll(int fd, std::string& text) {
  char buffer[4096];
  for (ssize_t got; (got = ::read(fd, buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<size_t>(got));
  }
  ::close(fd);
}

}  // namespace

ToolResult Tool(const std::vector<std::string>& words, const ToolOptions& options) {
  const Path err_file = Scratch() / fmt::format("stderr.{}", ::getpid());
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    if (std::freopen(err_file.c_str(), "w", stderr) == nullptr) ::_exit(126);
    ::setpgid(0, 0);
    for (const std::string& variable : options.environment) {
      ::putenv(const_cast<char*>(variable.c_str()));
    }
    const std::string program = BLUESTEM_BINARY_DIR "/bin/bluestem";
    std::vector<char*> pointers = {const_cast<char*>(program.c_str())};
    for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    ::execv(program.c_str(), pointers.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  if (options.while_running) options.while_running(child);
  ToolResult result;
  ReadAll(ends[0], result.out);
  int state = 0;
  ::waitpid(child, &state, 0);
  result.exit_code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
  result.err = ReadTextFile(err_file).value();
  fs::remove(err_file);
  return result;
}

bool TrainerIsBuilt() {
  return std::filesystem::exists(Path(BLUESTEM_BINARY_DIR) / "bin/bluestem-train");
}

Path Scratch() {
  static Path folder;
  static std::string owner;
  const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::string name = fmt::format("{}.{}", info->test_suite_name(), info->name());
  if (name != owner) {
    owner = name;
    folder = fs::temp_directory_path() / fmt::format("bluestem-test-{}", ::getpid()) / name;
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  return folder;
}

Path WriteSmallModel(const Path& folder, const SmallShape& shape) {
  std::mt19937 random(7);
  ir::Graph graph;
  graph.name = "small";
  ir::ValueId x = graph.AddInput("image", DType::kF32, {1, 3, shape.extent, shape.extent});
  x = Block(graph, x, "block1", 3, shape.channels, random);
  x = Block(graph, x, "block2", shape.channels, shape.channels, random);
  x = graph
          .Append("GlobalAvgPool", "pool", {x}, ir::Attributes().Set("layout", std::string("NCHW")))
          .value();
  x = graph
          .Append("Reshape", "flat", {x},
                  ir::Attributes().Set("shape", std::vector<int64_t>{1, shape.channels}))
          .value();
  const auto weights = graph.AddConstant("dense.w", RandomTensor({3, shape.channels}, random));
  x = graph.Append("Dense", "dense", {x, weights}).value();
  x = graph.Append("Softmax", "softmax", {x}, ir::Attributes().Set("axis", int64_t{-1})).value();
  graph.outputs = {x};
  const auto onnx = interchange::ToOnnx(graph);
  EXPECT_TRUE(onnx.ok()) << onnx.status().message();
  EXPECT_TRUE(WriteFile(folder / "small.onnx", *onnx).ok());
  return folder / "small.onnx";
}

Path WriteSmallMeta(const Path& folder) {
  task::Meta meta;
  meta.classes = {"a", "b", "c"};
  meta.preprocess = {.height = 8, .width = 8, .channels = 3};
  EXPECT_TRUE(WriteFile(folder / "meta.yaml", task::MetaToYaml(meta)).ok());
  return folder / "meta.yaml";
}

Path WriteSmallDataset(const Path& folder, int per_class) {
  std::mt19937 random(3);
  for (const char* name : {"a", "b", "c"}) {
    fs::create_directories(folder / name);
    for (int i = 0; i < per_class; ++i) {
      image::Image image{8, 8, 3, std::vector<uint8_t>(8 * 8 * 3)};
      for (uint8_t& pixel : image.pixels) pixel = static_cast<uint8_t>(random());
      EXPECT_TRUE(
          WriteFile(folder / name / fmt::format("{}.png", i), image::EncodePng(image).value())
              .ok());
    }
  }
  return folder;
}

const Path& Artefact() {
  static const Path artefact = [] {
    const Path folder =
        fs::temp_directory_path() / fmt::format("bluestem-test-{}", ::getpid()) / "small";
    fs::create_directories(folder);
    WriteSmallMeta(folder);
    const ToolResult result = Tool({"convert", WriteSmallModel(folder).string(), "-o",
                                    (folder / "artefact").string(), "--quiet"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return folder / "artefact";
  }();
  return artefact;
}

Path SmallModel() {
  return Artefact().parent_path() / "small.onnx";
}

Path Shared(const std::string& relative) {
  const Path path = Path(BLUESTEM_SOURCE_ROOT) / ".." / "shared" / relative;
  return fs::exists(path) ? fs::weakly_canonical(path) : Path();
}

std::vector<std::string> Listing(const Path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace bluestem::cli
