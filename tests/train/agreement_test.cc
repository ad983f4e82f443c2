// One network, four ways to its answer: the trainer's exact evaluation, the graph after ONNX and
// the passes, and the interpreter. They share no code for what follows an accumulator; their bits
// are equal.
#include <gtest/gtest.h>

#include <cmath>

#include "bluestem/base/rng.h"
#include "bluestem/image/image.h"
#include "bluestem/interchange/interchange.h"
#include "bluestem/ir/evaluate.h"
#include "bluestem/lower/lower.h"
#include "bluestem/passes/passes.h"
#include "bluestem/runtime/session.h"
#include "bluestem/train/internal/exact.h"
#include "bluestem/train/internal/graph.h"

namespace bluestem::train {
namespace {

constexpr int64_t kImages = 6;

config::Experiment Small(const std::string& network) {
  config::Experiment experiment;
  experiment.network.name = network;
  experiment.network.width = 16;
  experiment.data.height = experiment.data.width = network == "lmnet_v0" ? 32 : 16;
  return experiment;
}

// Weights as initialised; everything else random, with negative, zero and tiny gammas.
std::unique_ptr<Module> RandomModule(const config::Experiment& experiment) {
  Result<Network> network = MakeNetwork(experiment, 7);
  EXPECT_TRUE(network.ok()) << network.status().message();
  const std::vector<BlockShape> shapes = Shapes(*network).value();
  auto module = std::make_unique<Module>(*network, shapes, 11);
  Rng rng(23);
  for (const ParameterView& p : module->parameters()) {
    for (int64_t i = 0; i < p.count; ++i) {
      if (p.role == Role::kGamma) {
        const float choices[] = {0.0F, -1.3F, 1e-20F, 0.7F, 2.5F, -1e-4F};
        p.value[i] = choices[rng.Below(6)];
      } else if (p.role != Role::kWeight && p.role != Role::kStep) {
        p.value[i] = static_cast<float>(rng.Uniform(-1, 2));
      }
    }
  }
  // Statistics of random pictures, so that every layer's codes vary; then disturbed.
  const Network& net = module->network();
  std::vector<float> images(static_cast<size_t>(16 * net.h * net.w * net.c));
  for (float& x : images) x = static_cast<float>(rng.Unit());
  module->BeginStatistics();
  module->AddStatistics({.count = 16, .images = images.data(), .labels = nullptr});
  module->FinishStatistics();
  for (const ParameterView& p : module->statistics()) {
    for (int64_t i = 0; i < p.count; ++i) p.value[i] *= static_cast<float>(rng.Uniform(0.8, 1.2));
  }
  return module;
}

std::vector<uint8_t> RandomPixels(const Network& network) {
  Rng rng(31);
  std::vector<uint8_t> pixels(static_cast<size_t>(kImages * network.h * network.w * network.c));
  for (uint8_t& p : pixels) p = static_cast<uint8_t>(rng.Below(256));
  return pixels;
}

// The picture as a graph wants it: u8 pixels, or real values.
Tensor InputOf(const Network& network, const uint8_t* pixels, DType dtype) {
  Tensor image(DType::kU8, {network.h, network.w, network.c});
  std::copy(pixels, pixels + image.size(), image.raw());
  return dtype == DType::kU8 ? image : image::NormalizePixels(image, network.normalize);
}

// Puts [h, w, c] into the shape that a graph's input has, NHWC or NCHW.
Tensor AsInput(const Tensor& image, const Shape& wanted) {
  const bool nchw =
      wanted.size() == 4 && wanted[1] == image.shape()[2] && wanted[3] == image.shape()[1];
  return (nchw ? image.Transposed({2, 0, 1}) : image).Reshaped(wanted);
}

std::vector<float> Floats(const Tensor& tensor) {
  return {tensor.data<float>(), tensor.data<float>() + tensor.size()};
}

class Agreement : public testing::TestWithParam<config::Experiment> {};

TEST_P(Agreement, ExactEqualsGraphEqualsInterpreterBitForBit) {
  const std::unique_ptr<Module> module = RandomModule(GetParam());
  const Network& network = module->network();
  const std::vector<uint8_t> pixels = RandomPixels(network);
  const std::vector<float> exact = ExactNetwork(*module).Probabilities(kImages, pixels.data());

  const Result<ir::Graph> exported = ToGraph(*module);
  ASSERT_TRUE(exported.ok()) << exported.status().message();
  const Result<Bytes> onnx = interchange::ToOnnx(*exported);
  ASSERT_TRUE(onnx.ok()) << onnx.status().message();
  Result<ir::Graph> graph = interchange::ParseOnnx(*onnx, "test.onnx");
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  std::vector<passes::Decision> decisions;
  const Status passed = passes::Run(*graph, {}, decisions);
  ASSERT_TRUE(passed.ok()) << passed.message();
  std::vector<lower::Decision> lowered;
  Result<program::Program> program = lower::Lower(*graph, "test", lowered);
  ASSERT_TRUE(program.ok()) << program.status().message();
  const auto session = runtime::Interpret(std::make_shared<program::Program>(std::move(*program)));
  ASSERT_TRUE(session.ok()) << session.status().message();

  const int64_t size = network.h * network.w * network.c, classes = network.classes;
  for (int64_t i = 0; i < kImages; ++i) {
    const std::vector<float> expected(exact.begin() + i * classes,
                                      exact.begin() + (i + 1) * classes);
    const uint8_t* picture = pixels.data() + i * size;
    const ir::Value& input = graph->value(graph->inputs[0]);
    const auto evaluated =
        ir::Evaluate(*graph, {AsInput(InputOf(network, picture, input.dtype), input.shape)});
    ASSERT_TRUE(evaluated.ok()) << evaluated.status().message();
    EXPECT_EQ(Floats((*evaluated)[0]), expected) << "graph, image " << i;
    const program::TensorInfo& wanted = (*session)->inputs()[0];
    const auto ran =
        (*session)->Run({AsInput(InputOf(network, picture, wanted.dtype), wanted.shape)});
    ASSERT_TRUE(ran.ok()) << ran.status().message();
    EXPECT_EQ(Floats((*ran)[0]), expected) << "interpreter, image " << i;
  }
}

config::Experiment With(config::Experiment experiment, const std::string& weights,
                        const std::string& activations,
                        const std::string& normalize = "divide_by_255", int64_t bits = 2) {
  experiment.network.weight_quantizer = weights;
  experiment.network.activation_quantizer = activations;
  experiment.network.activation_bits = bits;
  experiment.data.normalize = normalize;
  return experiment;
}

config::Experiment Mixed(const std::string& weights = "binary_mean_scaling") {
  config::Experiment experiment = Small("bluestem_s");
  experiment.network.weight_quantizer = weights;
  experiment.network.activation_quantizer = "lsq";
  experiment.network.layer_bits = {"stem=w3a4",  "enter=a1",   "widen=w2a3",
                                   "deep1=w6a8", "deep2=w1a5", "head=w4"};
  return experiment;
}

config::Experiment AnyLabels(config::Experiment experiment) {
  experiment.task = "multi_label_classification";
  return experiment;
}

config::Experiment Codes(config::Experiment experiment) {
  experiment.network.shortcut = "codes";
  return experiment;
}

config::Experiment Mirrored(config::Experiment experiment) {
  experiment.network.mirror = true;
  return experiment;
}

constexpr char kLayer[] = "binary_mean_scaling", kChannel[] = "binary_channel_wise_mean_scaling",
               kNone[] = "none", kHalf[] = "linear_mid_tread_half",
               kStandard[] = "per_image_standardization";

INSTANTIATE_TEST_SUITE_P(
    Networks, Agreement,
    testing::Values(Small("lmnet_v0"), Small("lmnet_v1"), Small("bluestem_s"),
                    With(Small("bluestem_s"), kChannel, kHalf),
                    With(Small("lmnet_v1"), kChannel, kHalf),
                    With(Small("bluestem_s"), kNone, kNone), With(Small("lmnet_v1"), kNone, kNone),
                    With(Small("lmnet_v1"), kLayer, kHalf, kStandard),
                    With(Small("bluestem_s"), kLayer, kHalf, kStandard),
                    With(Small("bluestem_s"), kLayer, kHalf, kNone),
                    With(Small("bluestem_s"), kLayer, kHalf, "divide_by_255", 1),
                    With(Small("bluestem_s"), kLayer, kHalf, "divide_by_255", 4),
                    With(Small("bluestem_s"), "ternary_mean_scaling", "pact"),
                    With(Small("bluestem_m"), "linear_symmetric_4bit", "lsq"), Mixed(),
                    Mixed("lsq_2bit"), With(Small("lmnet_v1"), "lsq_3bit", "lsq"),
                    With(Small("resnet20"), "lsq_4bit", kHalf), Small("bluestem_l"),
                    Small("bluestem_xl"), Codes(Small("bluestem_s")), Codes(Small("bluestem_l")),
                    Codes(Small("bluestem_xl")), Codes(With(Small("bluestem_m"), kChannel, "pact")),
                    Small("resnet20"),
                    With(Small("resnet20"), "ternary_mean_scaling", "lsq", "divide_by_255", 3),
                    With(Small("resnet20"), "linear_symmetric_4bit", kHalf),
                    With(Small("resnet20"), kNone, kHalf), Small("resnet18"),
                    With(Small("resnet20"), kNone, kNone), AnyLabels(Small("bluestem_s")),
                    AnyLabels(Small("lmnet_v1")), With(Small("lmnet_v1"), kNone, kHalf),
                    With(Small("lmnet_v1"), kLayer, kNone), Mirrored(Small("bluestem_xl")),
                    Mirrored(Codes(Small("bluestem_s"))), Mirrored(AnyLabels(Small("lmnet_v1"))),
                    Mirrored(With(Small("bluestem_s"), kLayer, kHalf, kStandard)),
                    Mirrored(With(Small("resnet20"), kNone, kNone))),
    [](const testing::TestParamInfo<config::Experiment>& info) {
      const config::NetworkConfig& network = info.param.network;
      return fmt::format(
          "{}_{}_{}_{}_{}_{}{}{}{}", network.name, network.shortcut, network.weight_quantizer,
          network.activation_quantizer, network.activation_bits, info.param.data.normalize,
          network.layer_bits.empty() ? "" : "_mixed",
          info.param.task == "classification" ? "" : "_sigmoid", network.mirror ? "_mirror" : "");
    });

class Integers : public testing::TestWithParam<config::Experiment> {};

TEST_P(Integers, AreAllThatShortcutsOfCodesLeave) {
  Result<ir::Graph> graph = ToGraph(*RandomModule(GetParam()));
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  std::vector<passes::Decision> decisions;
  const Status passed = passes::Run(*graph, {}, decisions);
  ASSERT_TRUE(passed.ok()) << passed.message();
  int residuals = 0;
  for (const ir::Node& node : graph->nodes) {
    EXPECT_NE(node.op, "Add") << node.name;
    residuals += node.op == "QConv" && node.inputs.size() == 6 ? 1 : 0;
  }
  const std::string& name = GetParam().network.name;
  EXPECT_EQ(residuals, name == "resnet20" ? 9 : name == "resnet18" ? 8 : 3);
}

INSTANTIATE_TEST_SUITE_P(
    Networks, Integers,
    testing::Values(Codes(Small("bluestem_s")), Small("resnet20"), Small("resnet18"),
                    With(Small("resnet20"), kChannel, "lsq"),
                    With(Small("resnet20"), kLayer, kHalf, "divide_by_255", 4)));

class Exact : public testing::TestWithParam<bool> {};

TEST_P(Exact, AgreesWithTheFastPathButForRounding) {
  config::Experiment experiment = With(Small("bluestem_s"), kNone, kNone);
  experiment.network.mirror = GetParam();
  const std::unique_ptr<Module> module = RandomModule(experiment);
  const Network& network = module->network();
  const std::vector<uint8_t> pixels = RandomPixels(network);
  std::vector<float> images;
  for (const uint8_t p : pixels) images.push_back(static_cast<float>(p) / 255.0F);
  const std::vector<float> scores =
      module->Scores({.count = kImages, .images = images.data(), .labels = nullptr});
  const std::vector<float> exact = ExactNetwork(*module).Probabilities(kImages, pixels.data());
  for (size_t i = 0; i < kImages; ++i) {
    double sum = 0;
    for (size_t k = 0; k < 7; ++k) sum += std::exp(static_cast<double>(scores[i * 7 + k]));
    for (size_t k = 0; k < 7; ++k)
      EXPECT_NEAR(static_cast<double>(exact[i * 7 + k]),
                  std::exp(static_cast<double>(scores[i * 7 + k])) / sum, 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(Mirror, Exact, testing::Bool());

// The same pictures, rows from right to left.
std::vector<uint8_t> FromRightToLeft(const Network& network, const std::vector<uint8_t>& pixels) {
  std::vector<uint8_t> turned(pixels.size());
  const auto width = static_cast<size_t>(network.w), channels = static_cast<size_t>(network.c);
  for (size_t i = 0; i < pixels.size(); ++i) {
    const size_t pixel = i / channels, row = pixel / width, x = pixel % width;
    turned[(row * width + width - 1 - x) * channels + i % channels] = pixels[i];
  }
  return turned;
}

TEST(Mirror, GivesAPictureAndItsMirrorImageTheSameBits) {
  for (const bool mirror : {false, true}) {
    config::Experiment experiment = Small("bluestem_xl");
    experiment.network.mirror = mirror;
    const std::unique_ptr<Module> module = RandomModule(experiment);
    const std::vector<uint8_t> pixels = RandomPixels(module->network());
    const std::vector<uint8_t> turned = FromRightToLeft(module->network(), pixels);
    const ExactNetwork exact(*module);
    const bool same =
        exact.Probabilities(kImages, pixels.data()) == exact.Probabilities(kImages, turned.data());
    EXPECT_EQ(same, mirror);
  }
}

}  // namespace
}  // namespace bluestem::train
