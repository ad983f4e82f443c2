// Files that we write, read by another reader: the Python package qonnx, where BLUESTEM_PYTHON (or
// python3) has it.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "bluestem/interchange/interchange.h"
#include "bluestem/ir/evaluate.h"

namespace bluestem::interchange {
namespace {

constexpr int kNotInstalled = 77;

// A network as train exports it: NCHW, binary weights by channel, 2-bit activations.
constexpr const char* kNetwork = R"(graph "g" input %x : f32[1,3,8,8]
  %w = const f32[8,3,3,3] {0.5,-1,0.25,2,-0.75}
  %c = Conv(%x, %w) {pads=[1,1,1,1], layout="NCHW"}
  %b = BatchNorm(%c, f32[8]{1,-2,0.5}, f32[8]{0.5,1}, f32[8]{0.1,0.2}, f32[8]{1,2,0.5})
       {epsilon=0.001, layout="NCHW"}
  %a = Quant(%b, f32[]{0.5}, f32[]{0}) {bits=2, signed=0, rounding="HALF_UP"}
  %s = SpaceToDepth(%a) {block=2, layout="NCHW"}
  %v = const f32[16,32,3,3] {1,-1,1,1,-1}
  %q = BinaryQuant(%v, f32[16,1,1,1]{0.25,0.5})
  %d = Conv(%s, %q) {pads=[1,1,1,1], layout="NCHW"}
  %r = Relu(%d) %p = GlobalAvgPool(%r) {layout="NCHW"} %f = Reshape(%p) {shape=[1,16]}
  %y = Dense(%f, f32[5,16]{1,-1,0.5,2}, f32[5]{1}) output %y)";

TEST(Qonnx, ReadsWhatWeWriteAndComputesTheSame) {
  const Path folder = std::filesystem::temp_directory_path() / fmt::format("qonnx_{}", getpid());
  ASSERT_TRUE(MakeFolder(folder).ok());
  const auto graph = ir::FromText(kNetwork);
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  Tensor input(DType::kF32, {1, 3, 8, 8});
  for (int64_t i = 0; i < input.size(); ++i) {
    input.data<float>()[i] = static_cast<float>(i * 7919 % 256) / 255;
  }
  ASSERT_TRUE(WriteFile(folder / "model.onnx", *ToOnnx(*graph)).ok());
  ASSERT_TRUE(WriteFile(folder / "input", Bytes(input.raw(), input.raw() + input.bytes())).ok());
  const char* python = std::getenv("BLUESTEM_PYTHON");
  const std::string command = fmt::format(
      "{} {}/tests/interchange/qonnx_run.py {}/model.onnx {}/input {}/output >/dev/null 2>&1",
      python == nullptr ? "python3" : python, BLUESTEM_SOURCE_ROOT, folder.string(),
      folder.string(), folder.string());
  const int status = std::system(command.c_str());
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  const auto output = ReadFile(folder / "output");
  std::filesystem::remove_all(folder);
  if (code == kNotInstalled || code == 127) GTEST_SKIP() << "no Python with the package qonnx";
  ASSERT_EQ(code, 0) << command;
  ASSERT_TRUE(output.ok()) << output.status().message();
  const auto wanted = ir::EvaluateDouble(*graph, {input});
  ASSERT_EQ(output->size(), 5 * sizeof(float));
  for (int64_t i = 0; i < 5; ++i) {
    float got = 0;
    std::memcpy(&got, output->data() + static_cast<size_t>(i) * sizeof(float), sizeof(float));
    EXPECT_NEAR(got, (*wanted)[0].At(i), 1e-4 * std::max(1.0, std::fabs((*wanted)[0].At(i))));
  }
}

}  // namespace
}  // namespace bluestem::interchange
