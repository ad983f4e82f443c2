// Models that others made, from file to executed Program: interchange, passes, lower, runtime,
// against the double evaluation of the model as it was read.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <random>

#include "bluestem/interchange/interchange.h"
#include "bluestem/ir/evaluate.h"
#include "bluestem/lower/lower.h"
#include "bluestem/passes/passes.h"
#include "bluestem/runtime/session.h"

namespace bluestem::lower {
namespace {

const Path kModels = Path(BLUESTEM_SOURCE_ROOT) / ".." / "shared" / "models";

struct Compiled {
  ir::Graph before;
  std::shared_ptr<const program::Program> program;
  std::vector<passes::Decision> decisions;
  std::unique_ptr<runtime::Session> session;

  int Count(const std::string& family) const {
    int count = 0;
    for (const program::Call& call : program->calls) {
      if (family == "qconv") count += std::holds_alternative<kernels::QConvParams>(call.params);
      if (family == "fconv") count += std::holds_alternative<kernels::FConvParams>(call.params);
      if (family == "copy") count += std::holds_alternative<kernels::CopyParams>(call.params);
    }
    return count;
  }
};

Compiled Compile(const Path& path, bool pixels) {
  Compiled compiled;
  auto before = interchange::LoadModel(path);
  EXPECT_TRUE(before.ok()) << before.status().message();
  compiled.before = *before;
  ir::Graph graph = compiled.before;
  passes::Options options;
  if (pixels) options.input_codes = passes::InputCodes{};
  const Status run = passes::Run(graph, options, compiled.decisions);
  EXPECT_TRUE(run.ok()) << run.message();
  std::vector<Decision> choices;
  auto program = Lower(graph, "0", choices);
  EXPECT_TRUE(program.ok()) << program.status().message();
  compiled.program = std::make_shared<const program::Program>(std::move(*program));
  auto session = runtime::Interpret(compiled.program);
  EXPECT_TRUE(session.ok()) << session.status().message();
  compiled.session = std::move(*session);
  return compiled;
}

Tensor RandomPixels(const Shape& shape, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> coarse(0, 255);
  std::uniform_int_distribution<int> fine(-12, 12);
  Tensor pixels(DType::kU8, shape);
  int level = 0;
  for (int64_t i = 0; i < pixels.size(); ++i) {  // patches with texture, not noise alone
    if (i % 48 == 0) level = coarse(random);
    pixels.data<uint8_t>()[i] = static_cast<uint8_t>(std::clamp(level + fine(random), 0, 255));
  }
  return pixels;
}

// The model's own input for those pixels: pixel / 255 in f32, in the layout that it declares.
Tensor RealOf(const Tensor& pixels, const Shape& declared) {
  Tensor real(DType::kF32, pixels.shape());
  for (int64_t i = 0; i < real.size(); ++i) {
    real.data<float>()[i] =
        static_cast<float>(pixels.data<uint8_t>()[i]) * static_cast<float>(1.0 / 255);
  }
  if (real.shape() == declared) return real;
  return real.shape().size() == 4 ? real.Transposed({0, 3, 1, 2}) : real.Reshaped(declared);
}

int64_t Top(const Tensor& scores) {
  int64_t best = 0;
  for (int64_t i = 1; i < scores.size(); ++i) {
    if (scores.At(i) > scores.At(best)) best = i;
  }
  return best;
}

struct Agreement {
  int images = 0;
  int same_top = 0;
  double worst = 0;
};

Agreement Compare(Compiled& compiled, int images, bool pixels) {
  Agreement agreement;
  const Shape declared = compiled.before.value(compiled.before.inputs[0]).shape;
  for (int i = 0; i < images; ++i) {
    const Tensor drawn = RandomPixels(compiled.program->inputs[0].shape, static_cast<uint32_t>(i));
    const Tensor real = RealOf(drawn, declared);
    const auto wanted = ir::EvaluateDouble(compiled.before, {real});
    EXPECT_TRUE(wanted.ok()) << wanted.status().message();
    Tensor fed = drawn;
    if (!pixels) fed = real.shape() == drawn.shape() ? real : real.Transposed({0, 2, 3, 1});
    const auto got = compiled.session->Run({fed});
    EXPECT_TRUE(got.ok()) << got.status().message();
    if (!wanted.ok() || !got.ok()) return agreement;
    EXPECT_EQ((*got)[0].shape(), (*wanted)[0].shape());
    ++agreement.images;
    agreement.same_top += Top((*got)[0]) == Top((*wanted)[0]);
    for (int64_t k = 0; k < (*wanted)[0].size(); ++k) {
      agreement.worst = std::max(agreement.worst, std::fabs((*wanted)[0].At(k) - (*got)[0].At(k)));
    }
  }
  return agreement;
}

#define SKIP_WITHOUT(path) \
  if (!std::filesystem::exists(path)) GTEST_SKIP() << (path) << " is absent"

TEST(Models, LeapMindsGraphRunsInIntegers) {
  const Path path = kModels / "blueoil/lmnet_quantize_cifar10/minimal_graph_with_shape.pb";
  SKIP_WITHOUT(path);
  Compiled compiled = Compile(path, true);
  ASSERT_NE(compiled.session, nullptr);
  EXPECT_EQ(compiled.Count("qconv"), 6) << program::ToText(*compiled.program);
  EXPECT_EQ(compiled.Count("fconv"), 1);
  EXPECT_EQ(compiled.program->inputs[0].dtype, DType::kU8);
  const Agreement agreement = Compare(compiled, 4, true);
  EXPECT_EQ(agreement.same_top, agreement.images);
  // A code at a tie of 1/255 in f32 may differ by one level; scores move far less than this.
  EXPECT_LT(agreement.worst, 0.05);
}

TEST(Models, TfcIsExactFromPixels) {
  const Path path = kModels / "qonnx/TFC_1W2A.onnx";
  SKIP_WITHOUT(path);
  Compiled compiled = Compile(path, true);
  ASSERT_NE(compiled.session, nullptr);
  EXPECT_EQ(compiled.Count("qconv"), 4) << program::ToText(*compiled.program);
  const Agreement agreement = Compare(compiled, 20, true);
  EXPECT_EQ(agreement.same_top, agreement.images);
  EXPECT_LT(agreement.worst, 1e-5);
}

TEST(Models, EspcnKeepsItsLayoutAndAgrees) {
  const Path path = kModels / "qonnx/espcn_subpixel/quant_model.onnx";
  SKIP_WITHOUT(path);
  for (const bool pixels : {true, false}) {
    Compiled compiled = Compile(path, pixels);
    ASSERT_NE(compiled.session, nullptr);
    EXPECT_EQ(compiled.Count("qconv"), pixels ? 4 : 3) << program::ToText(*compiled.program);
    EXPECT_EQ(compiled.program->outputs[0].shape, (Shape{1, 3, 256, 256}));
    EXPECT_EQ(compiled.program->inputs[0].shape, (Shape{1, 128, 128, 3}));
    const Agreement agreement = Compare(compiled, 1, pixels);
    // The last quantizer has steps of 1/255. Where the first convolution is f32, a tie may fall to
    // the other side, by one step.
    EXPECT_LE(agreement.worst, pixels ? 1e-6 : 1.01 / 255) << "pixels " << pixels;
  }
}

TEST(Models, MnistConvIsWithinF32) {
  const Path path = kModels / "qonnx/mnist_conv/model.onnx";
  SKIP_WITHOUT(path);
  Compiled compiled = Compile(path, false);
  ASSERT_NE(compiled.session, nullptr);
  const auto input = interchange::ReadTensorProto(kModels / "qonnx/mnist_conv/input_0.pb");
  const auto wanted = interchange::ReadTensorProto(kModels / "qonnx/mnist_conv/output_0.pb");
  ASSERT_TRUE(input.ok() && wanted.ok());
  const auto got = compiled.session->Run({input->Reshaped(compiled.program->inputs[0].shape)});
  ASSERT_TRUE(got.ok()) << got.status().message();
  double greatest = 0;
  for (int64_t i = 0; i < wanted->size(); ++i)
    greatest = std::max(greatest, std::fabs(wanted->At(i)));
  for (int64_t i = 0; i < wanted->size(); ++i) {
    EXPECT_NEAR((*got)[0].At(i), wanted->At(i), 1e-5 * greatest);
  }
}

}  // namespace
}  // namespace bluestem::lower
