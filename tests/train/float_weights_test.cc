// A run that begins with float weights and then quantizes them (train.float_weights).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/train/small_run.h"
#include "tests/train/step_fixture.h"

namespace bluestem::train {
namespace {

TEST(FloatWeights, AStepHasThemUntilTheyAreQuantized) {
  UseThreads(1);
  const StepFixture fixture;
  StepFixture real = fixture;
  for (Block& block : real.network.blocks) {
    if (block.weights == Weights::kConfigured) block.weights = Weights::kFloat;
  }
  const auto step = [](const StepFixture& of, bool float_weights) {
    Module module(of.network, of.shapes, 3);
    const StepResult result =
        module.Step({.count = kImages, .images = of.images.data(), .labels = of.labels.data()},
                    {.label_smoothing = 0.1, .float_weights = float_weights, .seed = 1});
    return std::make_pair(result.loss, Gradients(module));
  };
  EXPECT_EQ(step(fixture, true), step(real, false));
  EXPECT_NE(step(fixture, false).first, step(real, false).first);
}

// A learned step begins where the weights are when they are first quantized, not where they were
// drawn.
TEST(FloatWeights, ALearnedStepFollowsThem) {
  UseThreads(1);
  StepFixture fixture;
  fixture.network.weight_quantizer = FindWeightQuantizer("lsq_3bit");
  Module module(fixture.network, fixture.shapes, 3);
  const auto find = [&](const std::string& name) {
    for (const ParameterView& view : module.parameters())
      if (view.name == name) return view;
    throw std::out_of_range(name);
  };
  const std::string block = fixture.network.blocks[1].name;
  const ParameterView weight = find(block + "/weight"), step = find(block + "/step");
  const float before = *step.value;
  for (int64_t k = 0; k < weight.count; ++k) weight.value[k] *= 5;
  const auto learn = [&](bool float_weights) {
    module.Step(
        {.count = kImages, .images = fixture.images.data(), .labels = fixture.labels.data()},
        {.float_weights = float_weights, .seed = 1});
  };
  learn(false);
  EXPECT_EQ(*step.value, before);
  learn(true);
  EXPECT_NEAR(*step.value, 5 * before, 1e-5 * before);
}

class FloatWeightsRun : public SmallRun {
 protected:
  // 32 training pictures of the 40, in batches of 8: 4 steps an epoch.
  void SetUp() override {
    SmallRun::SetUp();
    experiment_.train.epochs = 6;
    experiment_.train.float_weights = 0.5;
    experiment_.train.optimizer = "nesterov";
  }
  std::vector<EpochMetrics> Metrics(const std::string& run) {
    return ReadMetrics({folder_ / run}).value();
  }
};

// Steps before the switch are those of a run that never quantizes, and the ones after are not; the
// loss goes on from where it was.
TEST_F(FloatWeightsRun, SwitchesAtItsShareOfTheSteps) {
  ASSERT_TRUE(Train("switched", false).ok());
  experiment_.train.float_weights = 1;
  ASSERT_TRUE(Train("float", false).ok());
  experiment_.train.float_weights = 0;
  ASSERT_TRUE(Train("quantized", false).ok());
  const auto switched = Metrics("switched"), real = Metrics("float"),
             quantized = Metrics("quantized");
  ASSERT_EQ(switched.size(), 6U);
  for (size_t epoch = 0; epoch < 3; ++epoch) {
    EXPECT_EQ(switched[epoch].loss, real[epoch].loss) << epoch;
    EXPECT_NE(switched[epoch].loss, quantized[epoch].loss) << epoch;
  }
  EXPECT_NE(switched[3].loss, real[3].loss);
  EXPECT_LT(switched[3].loss, quantized[0].loss);  // what was learned is kept
  EXPECT_LT(switched[5].loss, switched[0].loss);
}

TEST_F(FloatWeightsRun, ResumesBitForBitBeforeAtAndAfterTheSwitch) {
  experiment_.train.arithmetic = "integer";
  ASSERT_TRUE(Train("whole", false).ok());
  for (const int64_t stop_at : {10, 11, 12, 13}) {  // of 24 steps, 12 with float weights
    const std::string run = fmt::format("stopped-{}", stop_at);
    EXPECT_EQ(TrainUntil(run, stop_at).code(), Code::kInterrupted);
    ASSERT_TRUE(Train(run, true).ok());
    EXPECT_EQ(Weights(run), Weights("whole")) << stop_at;
  }
}

}  // namespace
}  // namespace bluestem::train
