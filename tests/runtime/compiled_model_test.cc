#include "bluestem/runtime/compiled_model.h"

#include <gmock/gmock.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "tests/runtime/programs.h"

namespace bluestem::runtime {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

CompiledModel MustCompile(const std::shared_ptr<program::Program>& program,
                          const CompileSettings& settings = {}) {
  auto model = CompiledModel::Compile(program, settings);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return *model;
}

Tensor Input(float first) {
  return Tensor::Of<float>({1, 4}, {first, 2, -0.5f, 3});
}

TEST(CompiledModel, AHintSaysHowManyStreamsAndThreads) {
  const CompiledModel latency = MustCompile(Chain(2), {.hint = Hint::kLatency});
  EXPECT_EQ(latency.streams(), 1);
  const CompiledModel throughput = MustCompile(Chain(2), {.hint = Hint::kThroughput});
  EXPECT_EQ(throughput.settings().threads, 1);
  EXPECT_GE(throughput.streams(), 1);
  const CompiledModel given = MustCompile(Chain(2), {.streams = 3, .threads = 2});
  EXPECT_EQ(given.streams(), 3);
  EXPECT_EQ(given.settings().threads, 2);
  EXPECT_FALSE(given.settings().isa.empty());
  EXPECT_THAT(CompiledModel::Compile(Chain(2), {.streams = 65}).status().message(),
              HasSubstr("streams: 65"));
}

TEST(InferRequest, ASynchronousInferenceGivesOutputsByName) {
  const CompiledModel model = MustCompile(Chain(2));
  InferRequest request = model.CreateRequest();
  ASSERT_TRUE(request.SetInput("x", Input(-1)).ok());
  ASSERT_TRUE(request.Infer().ok());
  EXPECT_EQ(*request.Output("y"), Tensor::Of<float>({1, 4}, {0, 2, 0, 3}));
}

TEST(InferRequest, WrongUseIsRefusedWithTheNamesThereAre) {
  InferRequest request = MustCompile(Chain(2)).CreateRequest();
  EXPECT_THAT(request.Infer().message(), HasSubstr("input 'x' was not set"));
  EXPECT_THAT(request.SetInput("z", Input(0)).message(),
              HasSubstr("there is no input 'z'; the model has 'x'"));
  EXPECT_THAT(request.SetInput("x", Tensor(DType::kU8, {1, 4})).message(),
              HasSubstr("input 'x': got u8 [1,4]; the model expects f32 [1,4]"));
  EXPECT_THAT(request.Output("z").status().message(),
              HasSubstr("no output 'z'; the model has 'y'"));
  EXPECT_THAT(request.Output("y").status().message(), HasSubstr("no inference of this request"));
  const Status library = CompiledModel::Load("lib.so", {.device = "HETERO:REFERENCE,CPU"}).status();
  EXPECT_EQ(library.code(), Code::kUnsupported);
  EXPECT_THAT(library.message(), HasSubstr("lib.so: a compiled library runs on CPU"));
}

TEST(InferRequest, ManyRequestsInFlightEachGetTheirOwnOutputs) {
  const CompiledModel model = MustCompile(Chain(3), {.streams = 2, .threads = 1});
  std::vector<InferRequest> requests;
  for (int i = 0; i < 16; ++i) requests.push_back(model.CreateRequest());
  for (int round = 0; round < 20; ++round) {
    for (size_t i = 0; i < requests.size(); ++i) {
      ASSERT_TRUE(requests[i].SetInput("x", Input(static_cast<float>(i) + 1)).ok());
      ASSERT_TRUE(requests[i].StartAsync().ok());
    }
    for (size_t i = 0; i < requests.size(); ++i) {
      ASSERT_TRUE(requests[i].Wait().ok());
      EXPECT_EQ(requests[i].Output("y")->data<float>()[0], static_cast<float>(i) + 1);
    }
  }
}

// Holds the one stream of a model in a request's callback until it is let go.
class Gate {
 public:
  explicit Gate(const CompiledModel& model) : request_(model.CreateRequest()) {
    EXPECT_TRUE(request_.SetInput("x", Input(1)).ok());
    request_.SetCallback([this](const Status&) {
      std::unique_lock lock(mutex_);
      inside_ = true;
      changed_.notify_all();
      changed_.wait(lock, [&] { return open_; });
    });
    EXPECT_TRUE(request_.StartAsync().ok());
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_; });
  }
  void Open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
    EXPECT_TRUE(request_.Wait().ok());
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool inside_ = false, open_ = false;
  InferRequest request_;
};

TEST(InferRequest, AQueuedRequestIsBusyCanBeWaitedForAndCancelled) {
  const CompiledModel model = MustCompile(Chain(3), {.streams = 1, .threads = 1});
  Gate gate(model);
  InferRequest request = model.CreateRequest();
  ASSERT_TRUE(request.SetInput("x", Input(1)).ok());
  ASSERT_TRUE(request.StartAsync().ok());
  EXPECT_FALSE(request.WaitFor(milliseconds(1)));
  EXPECT_THAT(request.StartAsync().message(), HasSubstr("the request is running; wait for it"));
  EXPECT_THAT(request.SetInput("x", Input(2)).message(), HasSubstr("the request is running"));
  request.Cancel();
  EXPECT_TRUE(request.WaitFor(milliseconds(10000)));
  EXPECT_EQ(request.Wait().code(), Code::kInterrupted);
  EXPECT_FALSE(request.Output("y").ok());
  gate.Open();
  ASSERT_TRUE(request.StartAsync().ok());  // usable afterwards
  EXPECT_TRUE(request.Wait().ok());
  EXPECT_EQ(request.Output("y")->data<float>()[0], 1);
}

TEST(InferRequest, ACancelledRunEndsBetweenTwoCalls) {
  // As long as a second on a slow machine; the cancelled run ends far earlier than its last call.
  const CompiledModel model = MustCompile(Chain(200000), {.streams = 1, .threads = 1});
  InferRequest request = model.CreateRequest();
  ASSERT_TRUE(request.SetInput("x", Input(1)).ok());
  request.EnableProfiling(true);
  ASSERT_TRUE(request.StartAsync().ok());
  EXPECT_FALSE(request.WaitFor(milliseconds(2)));
  request.Cancel();
  EXPECT_EQ(request.Wait().code(), Code::kInterrupted);
  EXPECT_LT(request.Profile().size(), 200000u);
}

TEST(InferRequest, ACallbackMayStartItsRequestAgain) {
  const CompiledModel model = MustCompile(Chain(2), {.streams = 1, .threads = 1});
  InferRequest request = model.CreateRequest();
  ASSERT_TRUE(request.SetInput("x", Input(1)).ok());
  std::atomic<int> runs{0};
  std::atomic<bool> done{false};
  request.SetCallback([&](const Status& status) {
    EXPECT_TRUE(status.ok());
    if (++runs < 5) {
      EXPECT_TRUE(request.StartAsync().ok());
    } else {
      done = true;
    }
  });
  ASSERT_TRUE(request.StartAsync().ok());
  while (!done) ASSERT_TRUE(request.Wait().ok());
  EXPECT_EQ(runs, 5);
}

TEST(InferRequest, TheLastRequestMayBeDroppedByItsOwnCallback) {
  std::atomic<bool> done{false};
  {
    auto request = std::make_shared<InferRequest>(
        MustCompile(Chain(2), {.streams = 1, .threads = 1}).CreateRequest());
    ASSERT_TRUE(request->SetInput("x", Input(1)).ok());
    InferRequest& reference = *request;
    reference.SetCallback([&done, held = request](const Status&) mutable {
      held->SetCallback(nullptr);  // the cycle
      held.reset();
      done = true;
    });
    ASSERT_TRUE(reference.StartAsync().ok());
    request.reset();
  }
  while (!done) std::this_thread::yield();
}

TEST(InferRequest, AProfileHasARowACall) {
  InferRequest request = MustCompile(Chain(3), {.device = "REFERENCE"}).CreateRequest();
  ASSERT_TRUE(request.SetInput("x", Input(1)).ok());
  request.EnableProfiling(true);
  ASSERT_TRUE(request.Infer().ok());
  ASSERT_EQ(request.Profile().size(), 3u);
  EXPECT_EQ(request.Profile()[0].op, "relu");
  EXPECT_EQ(request.Profile()[0].device, "REFERENCE");
}

}  // namespace
}  // namespace bluestem::runtime
