// train.device: which one is chosen, and that a step by LibTorch's operators, which is what CUDA
// runs, is that of the CPU's loops. No test needs a device: "cpu" is one of LibTorch's.
#include "bluestem/train/internal/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "bluestem/base/rng.h"
#include "bluestem/train/internal/module.h"
#include "bluestem/train/internal/tensor_act.h"
#include "tests/train/step_fixture.h"

namespace bluestem::train {
namespace {

using testing::HasSubstr;

const CudaDevices kNone{.count = 0, .reason = "this LibTorch is built without CUDA"};
const CudaDevices kTwo{.count = 2, .reason = {}};

TEST(Device, AutoIsCudaWhereThereIsOne) {
  config::TrainConfig config;
  EXPECT_EQ(*ChooseDevice(config, kTwo), "cuda");
  EXPECT_EQ(*ChooseDevice(config, kNone), "cpu");
  config.arithmetic = "integer";
  EXPECT_EQ(*ChooseDevice(config, kTwo), "cpu");
  config.device = "cpu";
  EXPECT_EQ(*ChooseDevice(config, kTwo), "cpu");
  EXPECT_EQ(DeviceText(config, kNone), "CPU (this LibTorch is built without CUDA)");
  EXPECT_EQ(DeviceText(config, kTwo), "CPU (as configured; there is CUDA)");
  config.device = "cuda";
  EXPECT_EQ(*ChooseDevice(config, kTwo), "cuda");
  EXPECT_EQ(DeviceText(config, kTwo), "CUDA, 2 devices here");
  EXPECT_EQ(CudaDeviceOf(3, kTwo), "cuda:1");
}

TEST(Device, CudaThatIsNotThereIsRefusedWithTheReason) {
  config::TrainConfig config;
  config.device = "cuda";
  const Result<std::string> refused = ChooseDevice(config, kNone);
  EXPECT_EQ(refused.status().code(), Code::kUnsupported);
  EXPECT_EQ(refused.status().message(),
            "train.device: got cuda, but this LibTorch is built without CUDA; use auto or cpu, or "
            "build Bluestem with a LibTorch for CUDA on a machine that has a device "
            "(docs/training.md)");
}

TEST(Device, EitherCudaIsThereOrAReasonIs) {
  const CudaDevices found = FindCuda();
  EXPECT_NE(found.count > 0, !found.reason.empty());
}

// Values away from and at the borders of codes.
at::Tensor Values(int64_t count) {
  Rng rng(3);
  std::vector<float> values = {0.0F, 2.0F, -0.0F, 1.0F, 2.5F, -1.0F};
  while (static_cast<int64_t>(values.size()) < count)
    values.push_back(static_cast<float>(rng.Uniform(-1, 3)));
  return at::tensor(values).reshape({1, 2, 1, count / 2});
}

// With every estimator.
std::vector<ActivationQuantizer> Rows() {
  std::vector<ActivationQuantizer> rows = ActivationQuantizers();
  for (const char* ste : {"identity", "approx_sign"}) rows.push_back(*WithActivationSte(ste));
  return rows;
}

TEST(TensorAct, IsEachRowOfTheQuantizers) {
  constexpr int64_t kCount = 500;
  const at::Tensor r = Values(kCount), gy = Values(kCount + 2).reshape({-1}).slice(0, 2).clone();
  for (const ActivationQuantizer& row : Rows()) {
    for (const int32_t bits : {1, 2, 3, 8}) {
      const ActivationCall call{.quantizer = &row, .spec = {.bits = bits, .max = 2.0F}};
      std::vector<float> y(kCount), g(kCount);
      row.forward(call.spec, kCount, r.data_ptr<float>(), y.data());
      row.backward(call.spec, kCount, r.data_ptr<float>(), gy.data_ptr<float>(), g.data());
      const at::Tensor gradient = gy.reshape(r.sizes());
      EXPECT_TRUE(TensorActivation(call, r).reshape({-1}).equal(at::tensor(y))) << row.name << bits;
      EXPECT_TRUE(TensorActivationGradient(call, r, gradient).reshape({-1}).equal(at::tensor(g)))
          << row.name << bits;
      if (row.max_gradient == nullptr) continue;
      const double expected =
          row.max_gradient(call.spec, kCount, r.data_ptr<float>(), gy.data_ptr<float>());
      EXPECT_NEAR(TensorMaxGradient(call, r, gradient), expected, 1e-5 * std::abs(expected))
          << row.name << bits;
    }
  }
}

TEST(TensorAct, PoolsSendTheirGradientWhereLibTorchDoes) {
  const at::Tensor map = Values(2 * 6 * 9).reshape({1, 2, 6, 9});
  const auto [pooled, index] = at::max_pool2d_with_indices(map, {3, 3});
  const at::Tensor gradient = pooled.mul(2.0);
  EXPECT_TRUE(TensorPoolGradient(gradient, index, 3)
                  .equal(at::max_pool2d_with_indices_backward(gradient, map, {3, 3}, {3, 3}, {0, 0},
                                                              {1, 1}, false, index)));
}

// Shifts a module's norms: where a channel is constant, the value before its activation would be 0
// but for rounding, and rounding would decide its gradient.
void Shift(const Module& module) {
  Rng rng(9);
  for (const ParameterView& p : module.parameters()) {
    for (int64_t i = 0; p.role == Role::kBeta && i < p.count; ++i)
      p.value[i] = static_cast<float>(rng.Uniform(-0.3, 0.3));
  }
}

void ExpectTheSameStep(const StepFixture& fixture, double tolerance, double rounding = 1e-7) {
  UseThreads(1);
  Module loops(fixture.network, fixture.shapes, 3), operators(fixture.network, fixture.shapes, 3);
  operators.UseDevice("cpu");
  Shift(loops);
  Shift(operators);
  const StepResult expected = fixture.Step(loops, 5), found = fixture.Step(operators, 5);
  EXPECT_NEAR(found.loss, expected.loss, tolerance * expected.loss);
  EXPECT_EQ(found.correct, expected.correct);
  const auto gradients = Gradients(loops), others = Gradients(operators);
  for (size_t i = 0; i < gradients.size(); ++i) {
    std::vector<double> difference = gradients[i];
    for (size_t k = 0; k < difference.size(); ++k) difference[k] -= others[i][k];
    EXPECT_GT(Norm(gradients[i]), 0) << loops.parameters()[i].name;
    // A learned max is one sum, whose terms all but cancel; so do those of a shift that reaches
    // the next norm through identities.
    EXPECT_LE(Norm(difference), tolerance * Norm(gradients[i]) + rounding)
        << loops.parameters()[i].name;
  }
}

TEST(DevicePass, MakesTheStepOfTheLoops) {
  for (const bool pool_first : {false, true}) {
    for (const ActivationQuantizer& row : Rows()) {
      StepFixture fixture(pool_first);
      fixture.network.activation_quantizer = &row;
      fixture.network.dropout = 0.2;
      fixture.network.blocks[6].dropout = true;
      SCOPED_TRACE(row.name);
      const bool identity = row.backward == WithActivationSte("identity")->backward;
      ExpectTheSameStep(fixture, 1e-4, identity ? 1e-6 : 1e-7);
    }
  }
}

TEST(DevicePass, HasTheStatisticsAndScoresOfTheLoops) {
  UseThreads(1);
  const StepFixture fixture;
  Module loops(fixture.network, fixture.shapes, 3), operators(fixture.network, fixture.shapes, 3);
  operators.UseDevice("cpu");
  const StepInput input{
      .count = kImages, .images = fixture.images.data(), .labels = fixture.labels.data()};
  std::vector<std::vector<float>> scores;
  for (Module* module : {&loops, &operators}) {
    module->BeginStatistics();
    module->AddStatistics(input);
    module->FinishStatistics();
    scores.push_back(module->Scores(input));
    EXPECT_EQ(module->LastOutput(3).size(), static_cast<size_t>(kImages * 16 * 5 * 5));
  }
  for (size_t i = 0; i < loops.statistics().size(); ++i) {
    for (int64_t c = 0; c < loops.statistics()[i].count; ++c)
      EXPECT_NEAR(operators.statistics()[i].value[c], loops.statistics()[i].value[c], 1e-4F)
          << loops.statistics()[i].name;
  }
  for (size_t i = 0; i < scores[0].size(); ++i) EXPECT_NEAR(scores[1][i], scores[0][i], 1e-3F);
}

TEST(DevicePass, SaysThatAParameterIsNotANumber) {
  const StepFixture fixture;
  Module module(fixture.network, fixture.shapes, 3);
  module.UseDevice("cpu");
  module.parameters()[1].value[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(fixture.Step(module, 1).loss)) << module.parameters()[1].name;
}

}  // namespace
}  // namespace bluestem::train
