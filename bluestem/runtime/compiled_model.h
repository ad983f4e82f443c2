// CompiledModel and InferRequest: a model that is ready on its devices, and inferences of it, one
// after the other or many at once.
//
//   auto request = model.CreateRequest();
//   request.SetInput("image", pixels);
//   request.StartAsync();            // returns at once; up to model.streams() run at a time
//   ... request.Wait() ... request.Output("scores")
//
// A device may be faster with several inferences at once: a stream then takes up to
// settings().batch of the requests that wait. None waits for others to come.
//
// Threads: a CompiledModel may be used from any thread, and copies of it are one model. One
// InferRequest belongs to one thread at a time, but for Cancel, which any thread may call;
// different requests are independent. A callback runs on one of the model's threads, and may start
// its own request again. Ownership: a request keeps its model alive; the last of them ends the
// threads.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bluestem/runtime/placed.h"
#include "bluestem/runtime/session.h"

namespace bluestem::runtime {

// What to make the most of where streams, threads and batch are not given: one inference at a time
// on all cores, or as many as there are cores on one each, together where a device gains by that.
enum class Hint { kLatency, kThroughput };

constexpr int32_t kMostBatch = 64;

struct CompileSettings {
  std::string device = "CPU";  // a device string (placement.h)
  Hint hint = Hint::kLatency;
  int32_t streams = 0;  // inferences at a time, 1..64; 0: by the hint
  int32_t threads = 0;  // of one inference, 1..64; 0: by the hint
  int32_t batch = 0;    // inferences that a stream runs together at most, 1..64; 0: by the hint
  std::string isa;      // "": the best of the CPU
  std::shared_ptr<const fpga::EnginePack> pack{};  // as DeviceOptions has it
  std::vector<std::string> places{};               // as Place has them
};

class InferRequest;

class CompiledModel {
 public:
  // Places `program` on the device string's devices. Errors: PlaceOn's and Prepare's.
  static Result<CompiledModel> Compile(std::shared_ptr<const program::Program> program,
                                       const CompileSettings& settings);
  // Takes a library that `bluestem convert` made. Errors: LoadLibrary's; kUnsupported for a device
  // other than CPU and AUTO, which need the model itself.
  static Result<CompiledModel> Load(const Path& library, const CompileSettings& settings);

  const std::vector<program::TensorInfo>& inputs() const;
  const std::vector<program::TensorInfo>& outputs() const;
  // The settings in effect: nothing is 0 or empty but `isa` of a model that no CPU runs; `batch` is
  // 1 where no device gains by it.
  const CompileSettings& settings() const;
  int32_t streams() const { return settings().streams; }
  // Null for a loaded library.
  const PlacedProgram* placed() const;
  int64_t arena_bytes() const;    // of one stream
  int64_t scratch_bytes() const;  // of one stream
  int64_t weight_bytes() const;
  std::string model_hash() const;

  InferRequest CreateRequest() const;

  struct Shared;

 private:
  struct Owner;
  explicit CompiledModel(std::shared_ptr<Owner> owner) : owner_(std::move(owner)) {}
  using OpenStream = std::function<Result<std::unique_ptr<Session>>(const DeviceOptions&)>;
  static Result<CompiledModel> Open(const CompileSettings& settings,
                                    std::shared_ptr<const PlacedProgram> placed,
                                    const OpenStream& open);
  friend class InferRequest;
  std::shared_ptr<Owner> owner_;
};

class InferRequest {
 public:
  using Callback = std::function<void(const Status&)>;

  // Errors: kInvalidArgument for another name (naming those there are), dtype or shape, and while
  // the request runs.
  Status SetInput(const std::string& name, Tensor tensor);
  // Returns the last inference's output. Errors: kInvalidArgument for another name, and where no
  // inference has ended well.
  Result<Tensor> Output(const std::string& name) const;

  // Runs on the calling thread once a stream is free. Errors: the device's; kInvalidArgument for an
  // input that was never set; kInterrupted when cancelled.
  Status Infer();
  // Queues the request. Errors: as Infer's before it runs; what happens while it runs is Wait's.
  Status StartAsync();
  // Queues requests of one model at once, so that a stream can take them together. Errors: as
  // StartAsync's; none is queued then.
  static Status StartTogether(std::span<InferRequest> requests);
  // Waits for the end of the last StartAsync and returns how it ended.
  Status Wait();
  // Returns whether it ended within `time`.
  bool WaitFor(std::chrono::milliseconds time);
  // Ends a queued request at once and a running one between two calls (a compiled library's runs to
  // its end, one of several on an engine to the end of their list, unless all of them are
  // cancelled); it then ends with kInterrupted, and may be started again. Those that run with it go
  // on.
  void Cancel();
  // Called after each asynchronous inference, before Wait returns; so it must not wait for its own
  // request. Set while the request is idle.
  void SetCallback(Callback callback);

  // Asks for a row a call from the next inference on; costs two clocks a call.
  void EnableProfiling(bool enable);
  const std::vector<OpProfile>& Profile() const;

  struct State;

 private:
  friend class CompiledModel;
  InferRequest(CompiledModel model, std::shared_ptr<State> state)
      : model_(std::move(model)), state_(std::move(state)) {}
  Status Begin(bool queued);
  CompiledModel model_;
  std::shared_ptr<State> state_;
};

}  // namespace bluestem::runtime
