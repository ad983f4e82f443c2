// Inferences that the engine's devices run together: each with its own bits and its own end.
#include <gmock/gmock.h>

#include <future>

#include "bluestem/runtime/compiled_model.h"
#include "tests/runtime/conv_programs.h"
#include "tests/runtime/fpga_fixture.h"

namespace bluestem::runtime {
namespace {

using ::testing::HasSubstr;
using Inputs = std::vector<std::vector<Tensor>>;

std::unique_ptr<Session> MustOpen(const std::shared_ptr<program::Program>& program,
                                  const std::string& device, int32_t batch) {
  auto placement = PlaceOn(*program, device, {});
  EXPECT_TRUE(placement.ok()) << placement.status().message();
  auto placed = MakePlaced(program, *placement);
  EXPECT_TRUE(placed.ok()) << placed.status().message();
  auto session = OpenSession(*placed, {.batch = batch});
  EXPECT_TRUE(session.ok()) << session.status().message();
  return std::move(*session);
}

Inputs RandomInputs(const program::Program& program, int32_t bits, size_t count) {
  Inputs inputs;
  for (size_t i = 0; i < count; ++i) {
    inputs.push_back({RandomCodes(program.inputs[0], bits, 100 + i)});
  }
  return inputs;
}

std::vector<SessionRun> RunsOf(const Inputs& inputs) {
  std::vector<SessionRun> runs(inputs.size());
  for (size_t i = 0; i < runs.size(); ++i) runs[i].inputs = &inputs[i];
  return runs;
}

// Weights are most of its clocks.
std::shared_ptr<program::Program> Heavy() {
  ChainBuilder chain(8, 8, 3, 31);
  chain.Conv({.co = 64, .x_bits = 8});
  chain.Pool();
  chain.Conv({.co = 256});
  chain.Conv({.co = 10, .epilogue = kernels::QConvEpilogue::kAffine});
  return chain.Finish();
}

class FpgaBatch : public EngineTest {
 protected:
  // Runs 1, 2, ... up to the session's batch, and one more than a list has.
  static void ExpectSameBits(const std::shared_ptr<program::Program>& program, int32_t bits) {
    const auto session = MustOpen(program, GetParam(), 4);
    const auto reference = MustOpen(program, "REFERENCE", 1);
    for (size_t count = 1; count <= static_cast<size_t>(session->batch()); ++count) {
      const Inputs inputs = RandomInputs(*program, bits, count);
      std::vector<SessionRun> runs = RunsOf(inputs);
      session->RunTogether(runs);
      for (size_t i = 0; i < count; ++i) {
        ASSERT_TRUE(runs[i].status.ok()) << runs[i].status.message();
        EXPECT_EQ(runs[i].outputs, reference->Run(inputs[i]).value())
            << "picture " << i << " of " << count;
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Engine, FpgaBatch, ::testing::Values("FPGA-MODEL", "FPGA-SIM"),
                         [](const auto& info) {
                           return info.param == std::string("FPGA-SIM") ? "Simulation" : "Model";
                         });

TEST_P(FpgaBatch, RandomRegionsGiveEachPictureTheBitsOfTheProcessor) {
  std::mt19937_64 random(5);
  const auto pick = [&](std::initializer_list<int32_t> values) {
    return *(values.begin() + static_cast<int64_t>(random() % values.size()));
  };
  for (uint64_t round = 0; round < 12; ++round) {
    SCOPED_TRACE(round);
    const int32_t bits = pick({2, 8}), c = bits == 8 ? 3 : pick({3, 40, 64});
    ChainBuilder chain(pick({4, 8}), pick({4, 6, 10}), c, round);
    chain.Conv({.co = c, .x_bits = bits});
    chain.Conv({.co = c});
    chain.Conv({.co = c, .residual = 2});
    const int32_t move = pick({0, 1, 2});
    if (move == 1) chain.Pool();
    chain.Conv({.co = pick({33, 128, 256}), .stride = move == 2 ? 2 : 1});
    chain.Conv({.co = pick({10, 100}), .epilogue = kernels::QConvEpilogue::kRaw});
    ExpectSameBits(chain.Finish(), bits);
  }
}

TEST_P(FpgaBatch, ClocksAreSharedAndFewerThanAlone) {
  const auto session = MustOpen(Heavy(), GetParam(), 4);
  ASSERT_EQ(session->batch(), 4);
  const Inputs inputs = RandomInputs(*Heavy(), 8, 4);
  std::vector<OpProfile> alone, shared;
  ASSERT_TRUE(session->Profile(inputs[0], alone).ok());
  std::vector<SessionRun> runs = RunsOf(inputs);
  runs[2].rows = &shared;
  session->RunTogether(runs);
  ASSERT_EQ(shared.size(), alone.size());
  const auto loads = [](const std::vector<OpProfile>& rows) { return rows[1].cycles; };
  EXPECT_EQ(shared[1].op, "transfer in");
  EXPECT_LT(loads(shared), loads(alone) / 2);  // weights once for four
  EXPECT_EQ(alone[2].kernel, "engine");
  EXPECT_EQ(shared[2].kernel, "engine, a share of 4");
}

TEST_P(FpgaBatch, OneThatIsCancelledOrWrongEndsAloneAndTheDeviceGoesOn) {
  const auto program = Heavy();
  const auto session = MustOpen(program, GetParam(), 4);
  const auto reference = MustOpen(program, "REFERENCE", 1);
  Inputs inputs = RandomInputs(*program, 8, 4);
  inputs[3] = {};
  const std::atomic<bool> cancel = true;
  std::vector<SessionRun> runs = RunsOf(inputs);
  runs[1].cancel = &cancel;
  session->RunTogether(runs);
  EXPECT_EQ(runs[1].status.code(), Code::kInterrupted);
  EXPECT_EQ(runs[3].status.code(), Code::kInvalidArgument);
  for (const size_t i : {0U, 2U}) EXPECT_EQ(runs[i].outputs, reference->Run(inputs[i]).value());
  inputs[3] = inputs[0];
  runs = RunsOf(inputs);
  session->RunTogether(runs);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(runs[i].outputs, reference->Run(inputs[i]).value());
}

TEST_P(FpgaBatch, AListEndsEarlyOnceAllOfItsPicturesAreCancelledAndTheNextOneIsRight) {
  ChainBuilder chain(8, 8, 512, 3);
  for (int i = 0; i < 20; ++i) chain.Conv({.co = 512});
  const auto program = chain.Finish();
  const auto session = MustOpen(program, GetParam(), 2);
  ASSERT_EQ(session->batch(), 2);
  const Inputs inputs = RandomInputs(*program, 2, 2);
  std::vector<std::atomic<bool>> cancels(2);
  std::vector<SessionRun> runs = RunsOf(inputs);
  for (size_t i = 0; i < 2; ++i) runs[i].cancel = &cancels[i];
  auto end = std::async(std::launch::async, [&] { session->RunTogether(runs); });
  end.wait_for(std::chrono::milliseconds(50));  // so that they run, mostly
  for (std::atomic<bool>& cancel : cancels) cancel = true;
  end.get();
  for (const SessionRun& run : runs) {
    EXPECT_EQ(run.status.code(), Code::kInterrupted) << run.status.message();
  }
  // What was left half done disturbs nobody.
  const Inputs one = RandomInputs(*program, 2, 1);
  EXPECT_EQ(session->Run(one[0]).value(), MustOpen(program, "CPU", 1)->Run(one[0]).value());
}

TEST_P(FpgaBatch, RequestsThatWaitAreTakenTogetherWhereTheHintIsThroughput) {
  const auto program = Heavy();
  const auto compile = [&](const CompileSettings& settings) {
    auto model = CompiledModel::Compile(program, settings);
    EXPECT_TRUE(model.ok()) << model.status().message();
    return *model;
  };
  EXPECT_EQ(compile({.device = GetParam()}).settings().batch, 1);
  EXPECT_EQ(compile({.device = GetParam(), .batch = 2}).settings().batch, 2);
  EXPECT_EQ(compile({.device = "CPU", .hint = Hint::kThroughput}).settings().batch, 1);
  const CompiledModel model =
      compile({.device = GetParam(), .hint = Hint::kThroughput, .streams = 1});
  ASSERT_EQ(model.settings().batch, 8);
  const auto reference = MustOpen(program, "REFERENCE", 1);
  const Inputs inputs = RandomInputs(*program, 8, 9);
  std::vector<InferRequest> requests;
  for (const std::vector<Tensor>& input : inputs) {
    requests.push_back(model.CreateRequest());
    ASSERT_TRUE(requests.back().SetInput(program->inputs[0].name, input[0]).ok());
    requests.back().EnableProfiling(true);
  }
  ASSERT_TRUE(InferRequest::StartTogether(requests).ok());
  EXPECT_THAT(InferRequest::StartTogether(requests).message(), HasSubstr("running"));
  for (size_t i = 0; i < requests.size(); ++i) {
    ASSERT_TRUE(requests[i].Wait().ok());
    EXPECT_EQ(*requests[i].Output(program->outputs[0].name), reference->Run(inputs[i]).value()[0]);
    EXPECT_EQ(requests[i].Profile()[2].kernel, i < 8 ? "engine, a share of 8" : "engine");
  }
  // Cancelled all at once, at whatever point: each ends so, or had ended; then they start again.
  ASSERT_TRUE(InferRequest::StartTogether(requests).ok());
  for (InferRequest& request : requests) request.Cancel();
  for (InferRequest& request : requests) {
    const Status status = request.Wait();
    EXPECT_TRUE(status.ok() || status.code() == Code::kInterrupted) << status.message();
  }
  // Whichever of them is cancelled, the others go on.
  ASSERT_TRUE(InferRequest::StartTogether(requests).ok());
  requests[4].Cancel();
  for (size_t i = 0; i < requests.size(); ++i) {
    const Status status = requests[i].Wait();
    EXPECT_TRUE(status.ok() || i == 4) << status.message();
    if (!status.ok()) continue;
    EXPECT_EQ(*requests[i].Output(program->outputs[0].name), reference->Run(inputs[i]).value()[0]);
  }
}

TEST(CompiledModelBatch, IsCheckedAndARequestThatCannotBeginStartsNone) {
  const auto program = Heavy();
  EXPECT_THAT(CompiledModel::Compile(program, {.batch = 65}).status().message(),
              HasSubstr("batch: 65 inferences together; expected 1..64"));
  const auto model = CompiledModel::Compile(program, {});
  ASSERT_TRUE(model.ok());
  std::vector<InferRequest> requests = {model->CreateRequest(), model->CreateRequest()};
  const Tensor input = RandomCodes(program->inputs[0], 8, 1);
  ASSERT_TRUE(requests[0].SetInput(program->inputs[0].name, input).ok());
  EXPECT_THAT(InferRequest::StartTogether(requests).message(), HasSubstr("was not set"));
  EXPECT_TRUE(requests[0].Infer().ok());  // it is idle
}

}  // namespace
}  // namespace bluestem::runtime
