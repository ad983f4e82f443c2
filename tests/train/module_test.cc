// Module: the hand-written backward pass against finite differences, and determinism.
#include "bluestem/train/internal/module.h"

#include <gtest/gtest.h>

#include <cmath>

#include "bluestem/base/rng.h"
#include "bluestem/train/internal/norm_act.h"

namespace bluestem::train {
namespace {

struct Fixture {
  Network network;
  std::vector<BlockShape> shapes;
  std::vector<float> images;
  std::vector<int32_t> labels;
};

Block Scores() {
  return {.name = "scores",
          .channels = 4,
          .kernel = 1,
          .pad = 0,
          .gain = 0.5F,
          .bias = true,
          .batch_norm = false,
          .activation = Activation::kNone};
}

// Every feature of a block once: stride, pool before and after, shortcut, space to depth, bias,
// gamma.
std::vector<Block> EveryFeature() {
  return {{.name = "a", .channels = 8, .kernel = 4, .stride = 2},
          {.name = "b", .channels = 8, .gamma = false, .shortcut = true},
          {.name = "c", .channels = 8, .shortcut = true},
          {.name = "d", .channels = 16, .gamma = false, .pool = 2, .pool_first = true},
          {.name = "e", .channels = 8, .space_to_depth = 2},
          {.name = "f", .channels = 16, .pool = 2},
          Scores()};
}

// By one and by two blocks, two from one source, of a pool's and a space to depth's output, with a
// pool behind, over a stride to more channels.
std::vector<Block> EveryCodeShortcut() {
  return {{.name = "a", .channels = 8, .kernel = 4, .stride = 2, .pool = 2},
          {.name = "b", .channels = 8, .code_shortcut = 1},
          {.name = "c", .channels = 8, .code_shortcut = 2, .space_to_depth = 2},
          {.name = "d", .channels = 32, .gamma = false, .code_shortcut = 1},
          {.name = "e", .channels = 40, .stride = 2, .code_shortcut = 2},
          Scores()};
}

Fixture MakeFixture(const std::string& weights, const std::string& activations,
                    std::vector<Block> blocks = EveryFeature()) {
  Fixture fixture;
  Network& network = fixture.network;
  network.name = "test";
  network.h = network.w = 16, network.c = 3, network.classes = 4;
  network.weight_quantizer = FindWeightQuantizer(weights);
  network.activation_quantizer = FindActivationQuantizer(activations);
  network.blocks = std::move(blocks);
  fixture.shapes = Shapes(network).value();
  Rng rng(5);
  fixture.images.resize(6 * 16 * 16 * 3);
  for (float& x : fixture.images) x = static_cast<float>(rng.Unit());
  for (int i = 0; i < 6; ++i) fixture.labels.push_back(static_cast<int32_t>(rng.Below(4)));
  return fixture;
}

StepResult RunStep(Module& module, const Fixture& fixture) {
  return module.Step({.count = 6, .images = fixture.images.data(), .labels = fixture.labels.data()},
                     {.label_smoothing = 0.1});
}

class Gradients : public testing::TestWithParam<std::vector<Block> (*)()> {};

TEST_P(Gradients, EqualFiniteDifferences) {
  UseThreads(1);
  const Fixture fixture = MakeFixture("none", "none", GetParam()());
  Module module(fixture.network, fixture.shapes, 3);
  Rng rng(9);
  for (const ParameterView& p : module.parameters()) {  // away from the symmetric start
    for (int64_t i = 0; p.role != Role::kWeight && i < p.count; ++i)
      p.value[i] += static_cast<float>(rng.Uniform(-0.3, 0.3));
  }
  // Along the gradient's own direction the loss must change by |gradient|^2 * h; a whole-parameter
  // direction averages the ReLU's kinks.
  for (const ParameterView& p : module.parameters()) {
    RunStep(module, fixture);
    const std::vector<float> gradient(p.gradient, p.gradient + p.count),
        value(p.value, p.value + p.count);
    double square = 0;
    for (const float g : gradient) square += static_cast<double>(g) * static_cast<double>(g);
    ASSERT_GT(square, 0) << p.name;
    const double h = 2e-3 / std::sqrt(square);
    const auto loss_at = [&](double t) {
      for (size_t i = 0; i < value.size(); ++i)
        p.value[i] = static_cast<float>(static_cast<double>(value[i]) +
                                        t * static_cast<double>(gradient[i]));
      return RunStep(module, fixture).loss;
    };
    const double slope = (loss_at(h) - loss_at(-h)) / (2 * h);
    for (size_t i = 0; i < value.size(); ++i) p.value[i] = value[i];
    EXPECT_NEAR(slope / square, 1.0, 0.05) << p.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Blocks, Gradients, testing::Values(EveryFeature, EveryCodeShortcut));

TEST(NormAct, TheGradientOfALearnedMaxIsTheSumOverAllRows) {
  constexpr int64_t kRows = 1500, kChannels = 5;  // three chunks of rows
  const Map map{.rows = kRows, .channels = kChannels};
  const NormState identity{.mean = std::vector<float>(kChannels, 0.0F),
                           .variance = std::vector<float>(kChannels, 1.0F),
                           .inverse = std::vector<float>(kChannels, 1.0F),
                           .a = std::vector<float>(kChannels, 1.0F),
                           .b = std::vector<float>(kChannels, 0.0F)};
  const ActivationCall call{.quantizer = FindActivationQuantizer("pact"),
                            .spec = {.bits = 2, .max = 1.0F}};
  Rng rng(7);
  std::vector<float> z(kRows * kChannels), gy(z.size()), gz(z.size()), gbeta(kChannels);
  double expected = 0;
  for (size_t i = 0; i < z.size(); ++i) {
    z[i] = static_cast<float>(rng.Uniform(-2, 2));
    gy[i] = static_cast<float>(rng.Uniform(-1, 1));
    if (z[i] >= 1.0F) expected += static_cast<double>(gy[i]);
  }
  double gmax = 0;
  NormActBackward(map, identity, call, z.data(), nullptr, Ranks::Alone(),
                  {.gy = gy.data(), .gz = gz.data(), .gbeta = gbeta.data(), .gmax = &gmax});
  EXPECT_NEAR(gmax, expected, 1e-3);
}

TEST(Module, LearnsAMaxForEachLayerWithCodes) {
  UseThreads(1);
  const Fixture fixture = MakeFixture("binary_mean_scaling", "lsq");
  Module module(fixture.network, fixture.shapes, 3);
  RunStep(module, fixture);
  int found = 0;
  for (const ParameterView& p : module.parameters()) {
    if (p.role != Role::kMax) continue;
    EXPECT_EQ(p.value, &module.network().blocks[p.block].spec.max) << p.name;
    EXPECT_NE(*p.gradient, 0.0F) << p.name;
    *p.value = -1.0F;  // an optimizer's step too far
    ++found;
  }
  EXPECT_EQ(found, 6);
  RunStep(module, fixture);
  for (const Block& block : module.network().blocks) EXPECT_GT(block.spec.max, 0) << block.name;
}

TEST(Module, LearnsAStepForEachLayerOfConfiguredWeights) {
  UseThreads(1);
  const Fixture fixture = MakeFixture("lsq_2bit", "linear_mid_tread_half");
  Module module(fixture.network, fixture.shapes, 3);
  RunStep(module, fixture);
  int found = 0;
  for (const ParameterView& p : module.parameters()) {
    if (p.role != Role::kStep) continue;
    EXPECT_EQ(p.value, &module.network().blocks[p.block].weight_step) << p.name;
    EXPECT_GT(*p.value, 0.0F) << p.name;
    EXPECT_NE(*p.gradient, 0.0F) << p.name;
    *p.value = -1.0F;  // an optimizer's step too far
    ++found;
  }
  EXPECT_EQ(found, 7);
  module.Step({.count = 6, .images = fixture.images.data(), .labels = fixture.labels.data()},
              {.float_weights = true});
  for (const ParameterView& p : module.parameters()) {
    if (p.role != Role::kStep) continue;
    EXPECT_EQ(*p.gradient, 0.0F) << p.name;  // nothing was quantized
  }
  for (const Block& block : module.network().blocks) EXPECT_GT(block.weight_step, 0) << block.name;
}

class Bits : public testing::TestWithParam<std::vector<Block> (*)()> {};

// Another number of threads adds f32 in another order.
TEST_P(Bits, AreTheSameForTheSameSeedAndThreads) {
  const Fixture fixture = MakeFixture("binary_mean_scaling", "linear_mid_tread_half", GetParam()());
  const auto gradients = [&](int threads) {
    UseThreads(threads);
    Module module(fixture.network, fixture.shapes, 3);
    RunStep(module, fixture);
    std::vector<float> all;
    for (const ParameterView& p : module.parameters())
      all.insert(all.end(), p.gradient, p.gradient + p.count);
    return all;
  };
  for (const int threads : {1, 2, 3}) EXPECT_EQ(gradients(threads), gradients(threads)) << threads;
}

INSTANTIATE_TEST_SUITE_P(Blocks, Bits, testing::Values(EveryFeature, EveryCodeShortcut));

TEST(Module, StatisticsOfOneBatchGiveTheScoresOfThatBatch) {
  UseThreads(1);
  const Fixture fixture = MakeFixture("none", "none");
  Module module(fixture.network, fixture.shapes, 3);
  const StepInput input{.count = 6, .images = fixture.images.data(), .labels = nullptr};
  module.BeginStatistics();
  module.AddStatistics(input);
  module.AddStatistics(input);
  module.FinishStatistics();
  const std::vector<float> scores = module.Scores(input);
  const double loss = RunStep(module, fixture).loss;  // normalises with the batch itself
  double own = 0;
  for (int i = 0; i < 6; ++i) {
    double sum = 0, mean = 0;
    for (int k = 0; k < 4; ++k)
      sum += std::exp(static_cast<double>(scores[static_cast<size_t>(4 * i + k)]));
    for (int k = 0; k < 4; ++k)
      mean += static_cast<double>(scores[static_cast<size_t>(4 * i + k)]) / 4;
    own += std::log(sum) -
           0.9 * static_cast<double>(
                     scores[static_cast<size_t>(4 * i + fixture.labels[static_cast<size_t>(i)])]) -
           0.1 * mean;
  }
  EXPECT_NEAR(own / 6, loss, 1e-5);
}

}  // namespace
}  // namespace bluestem::train
