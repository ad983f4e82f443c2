// A module's step in integers against its step in f32, and what it must not remember or overlook.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "bluestem/edge/cpu_features.h"
#include "bluestem/train/internal/integer_block.h"
#include "bluestem/train/internal/module.h"
#include "tests/train/step_fixture.h"

namespace bluestem::train {
namespace {

TEST(IntegerStep, TakesTheBlocksThatItCan) {
  const StepFixture fixture;
  Module module(fixture.network, fixture.shapes, 3);
  EXPECT_EQ(module.IntegerBlocks(), 0U);
  module.UseIntegers(edge::CpuIsas());
  EXPECT_EQ(module.IntegerBlocks(), 6U);
  const auto reason = [&](size_t i) { return RefusesIntegers(fixture.network, fixture.shapes, i); };
  EXPECT_STREQ(reason(0), "its weights are not of one bit");
  EXPECT_STREQ(reason(7), "its channels are not multiples of 16");
  EXPECT_STREQ(reason(8), "its weights are not of one bit");
}

// The mean gradients over some roundings, each of which is unbiased, are those in f32 but for a
// cosine of `least`.
void ExpectTheFloatStep(const StepFixture& fixture, double least) {
  UseThreads(2);
  Module real(fixture.network, fixture.shapes, 3), integer(fixture.network, fixture.shapes, 3);
  integer.UseIntegers(edge::CpuIsas());
  const double loss = fixture.Step(real, 1).loss;
  const std::vector<std::vector<double>> expected = Gradients(real);
  std::vector<std::vector<double>> mean = expected;
  constexpr uint64_t kSeeds = 16;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    EXPECT_NEAR(fixture.Step(integer, seed).loss, loss, 1e-3 * loss);
    const std::vector<std::vector<double>> one = Gradients(integer);
    for (size_t i = 0; i < mean.size(); ++i) {
      for (size_t k = 0; k < mean[i].size(); ++k)
        mean[i][k] = (seed == 0 ? 0 : mean[i][k]) + one[i][k] / kSeeds;
    }
  }
  for (size_t i = 0; i < mean.size(); ++i) {
    EXPECT_GT(Cosine(expected[i], mean[i]), least) << real.parameters()[i].name;
    EXPECT_NEAR(Norm(mean[i]) / Norm(expected[i]), 1.0, 0.1) << real.parameters()[i].name;
  }
}

TEST(IntegerStep, IsTheFloatStepButForRounding) {
  ExpectTheFloatStep(StepFixture(/*pool_first=*/false), 0.995);
  // A pool of sums meets equal ones, and takes the first; in f32 their errors decide.
  ExpectTheFloatStep(StepFixture(/*pool_first=*/true), 0.97);
}

TEST(IntegerStep, OverAStrideIsTheFloatStepButForRounding) {
  StepFixture fixture(/*pool_first=*/false);
  fixture.network.blocks[1].stride = 2;
  fixture.network.blocks[6].pool = 0;  // nothing is left to pool
  fixture.shapes = Shapes(fixture.network).value();
  ASSERT_EQ(RefusesIntegers(fixture.network, fixture.shapes, 1), nullptr);
  ExpectTheFloatStep(fixture, 0.995);
}

TEST(IntegerStep, GivesTheSameBitsForTheSameSeed) {
  UseThreads(2);
  const StepFixture fixture;
  Module a(fixture.network, fixture.shapes, 3), b(fixture.network, fixture.shapes, 3);
  a.UseIntegers(edge::CpuIsas());
  b.UseIntegers(edge::CpuIsas());
  fixture.Step(a, 7);
  fixture.Step(b, 7);
  EXPECT_EQ(Gradients(a), Gradients(b));
  fixture.Step(b, 8);
  EXPECT_NE(Gradients(a), Gradients(b));
}

// Passes of other kinds and sizes between two steps leave nothing behind.
TEST(IntegerStep, RemembersNothingOfOtherPasses) {
  UseThreads(2);
  const StepFixture fixture;
  Module used(fixture.network, fixture.shapes, 3), fresh(fixture.network, fixture.shapes, 3);
  used.UseIntegers(edge::CpuIsas());
  fresh.UseIntegers(edge::CpuIsas());
  StepInput input{
      .count = kImages, .images = fixture.images.data(), .labels = fixture.labels.data()};
  used.Step(input, {.float_weights = true});
  input.count = 7;
  used.Step(input, {.seed = 3});
  used.BeginStatistics();
  used.AddStatistics(input);
  input.count = 3;
  used.Scores(input);
  fixture.Step(used, 5);
  fixture.Step(fresh, 5);
  EXPECT_EQ(Gradients(used), Gradients(fresh));
}

// What is lost in codes, of a finite number of values, must not go unnoticed.
TEST(IntegerStep, SaysThatAParameterIsNotANumber) {
  const StepFixture fixture;
  for (const char* name : {"stem/beta", "codes/beta", "codes/weight", "shortcut/gamma"}) {
    Module module(fixture.network, fixture.shapes, 3);
    module.UseIntegers(edge::CpuIsas());
    for (const ParameterView& p : module.parameters()) {
      if (p.name == name) p.value[5] = std::numeric_limits<float>::quiet_NaN();
    }
    EXPECT_TRUE(std::isnan(fixture.Step(module, 1).loss)) << name;
  }
}

}  // namespace
}  // namespace bluestem::train
