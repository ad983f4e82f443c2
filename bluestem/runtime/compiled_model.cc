#include "bluestem/runtime/compiled_model.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "bluestem/edge/thread_pool.h"
#include "bluestem/runtime/tensors.h"

namespace bluestem::runtime {

struct InferRequest::State {
  enum class Phase { kIdle, kQueued, kRunning };
  mutable std::mutex mutex;
  std::condition_variable ended;
  Phase phase = Phase::kIdle;
  Status status;
  bool has_outputs = false;
  int callbacks = 0;  // that have not returned
  std::atomic<bool> cancel{false};
  // Not guarded: the owner's while idle, else the thread's that runs the request.
  std::vector<Tensor> inputs;
  std::vector<char> has_input;
  std::vector<Tensor> outputs;
  std::vector<OpProfile> rows;
  bool profiling = false;
  Callback callback;
};

// What streams and requests share. The worker threads hold it, so that the last owner may be
// dropped on one of them, by a callback.
struct CompiledModel::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::unique_ptr<Session>> idle;  // streams that no inference runs on
  std::deque<std::shared_ptr<InferRequest::State>> queue;
  bool stopping = false;

  std::unique_ptr<Session> TakeStream() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return !idle.empty(); });
    return PopStream();
  }
  std::unique_ptr<Session> PopStream() {
    std::unique_ptr<Session> session = std::move(idle.back());
    idle.pop_back();
    return session;
  }
  void GiveBack(std::unique_ptr<Session> session) {
    {
      const std::lock_guard lock(mutex);
      idle.push_back(std::move(session));
    }
    changed.notify_all();
  }
};

struct CompiledModel::Owner {
  CompileSettings settings;
  std::shared_ptr<const PlacedProgram> placed;
  std::vector<program::TensorInfo> inputs, outputs;
  int64_t arena_bytes = 0, scratch_bytes = 0, weight_bytes = 0;
  std::string model_hash;
  std::shared_ptr<Shared> shared = std::make_shared<Shared>();
  std::mutex starting;
  std::vector<std::thread> workers;

  ~Owner() {
    {
      const std::lock_guard lock(shared->mutex);
      shared->stopping = true;
    }
    shared->changed.notify_all();
    for (std::thread& worker : workers) {
      if (worker.get_id() == std::this_thread::get_id()) {
        worker.detach();  // a callback dropped the last request: this thread ends by itself
      } else {
        worker.join();
      }
    }
  }

  Status StartWorkers();
};

namespace {

using Shared = CompiledModel::Shared;
using State = InferRequest::State;

Status Cancelled() {
  return Error(Code::kInterrupted, "the inference was cancelled");
}

// Runs the inferences of `states` on `session`, and returns how they ended. Requires: the phase of
// each is kRunning; at most session.batch().
std::vector<Status> Execute(Session& session, const std::vector<std::shared_ptr<State>>& states) {
  std::vector<SessionRun> runs;
  for (const auto& state : states) {
    runs.push_back(
        {&state->inputs, &state->cancel, state->profiling ? &state->rows : nullptr, {}, {}});
  }
  session.RunTogether(runs);
  std::vector<Status> statuses;
  for (size_t i = 0; i < states.size(); ++i) {
    statuses.push_back(states[i]->cancel.load() ? Cancelled() : std::move(runs[i].status));
    if (statuses.back().ok()) states[i]->outputs = std::move(runs[i].outputs);
  }
  return statuses;
}

// Ends an inference. A callback may start the request again, which is idle by then; Wait waits for
// the callback too.
void End(State& state, const Status& status, const InferRequest::Callback& callback) {
  {
    const std::lock_guard lock(state.mutex);
    state.phase = State::Phase::kIdle;
    state.status = status;
    state.has_outputs = status.ok();
    ++state.callbacks;
  }
  if (callback) callback(status);
  {
    const std::lock_guard lock(state.mutex);
    --state.callbacks;
  }
  state.ended.notify_all();
}

bool Ended(const State& state) {
  return state.phase == State::Phase::kIdle && state.callbacks == 0;
}

void Work(const std::shared_ptr<Shared>& shared) {
  for (;;) {
    std::vector<std::shared_ptr<State>> taken, states;
    std::unique_ptr<Session> session;
    {
      std::unique_lock lock(shared->mutex);
      shared->changed.wait(lock, [&] {
        return shared->stopping || (!shared->queue.empty() && !shared->idle.empty());
      });
      if (shared->stopping) return;
      session = shared->PopStream();
      const auto most = static_cast<size_t>(session->batch());
      while (!shared->queue.empty() && taken.size() < most) {
        taken.push_back(std::move(shared->queue.front()));
        shared->queue.pop_front();
      }
    }
    for (const auto& state : taken) {
      const std::lock_guard lock(state->mutex);
      state->phase = State::Phase::kRunning;
      if (!state->cancel.load()) states.push_back(state);
    }
    const std::vector<Status> statuses = Execute(*session, states);
    shared->GiveBack(std::move(session));
    size_t next = 0;
    for (const auto& state : taken) {
      const bool ran = next < states.size() && states[next] == state;
      End(*state, ran ? statuses[next++] : Cancelled(), InferRequest::Callback(state->callback));
    }
  }
}

std::string Names(const std::vector<program::TensorInfo>& infos) {
  std::string names;
  for (const program::TensorInfo& info : infos) {
    names += fmt::format("{}'{}'", names.empty() ? "" : ", ", info.name);
  }
  return names;
}

std::optional<size_t> IndexOf(const std::vector<program::TensorInfo>& infos,
                              const std::string& name) {
  for (size_t i = 0; i < infos.size(); ++i) {
    if (infos[i].name == name) return i;
  }
  return std::nullopt;
}

}  // namespace

Status CompiledModel::Owner::StartWorkers() {
  const std::lock_guard lock(starting);
  while (workers.size() < static_cast<size_t>(settings.streams)) {
    try {
      workers.emplace_back(Work, shared);
    } catch (const std::system_error&) {
      if (!workers.empty()) return OkStatus();  // fewer at a time
      return Error(Code::kUnavailable, "the system starts no thread for requests");
    }
  }
  return OkStatus();
}

Result<CompiledModel> CompiledModel::Open(const CompileSettings& settings,
                                          std::shared_ptr<const PlacedProgram> placed,
                                          const OpenStream& open) {
  auto owner = std::make_shared<Owner>();
  owner->settings = settings;
  CompileSettings& effective = owner->settings;
  const bool latency = settings.hint == Hint::kLatency;
  const int32_t cores = edge::ResolveThreads(0);
  if (effective.streams == 0) effective.streams = latency ? 1 : cores;
  if (effective.threads == 0) effective.threads = latency ? cores : 1;
  if (effective.batch == 0) effective.batch = latency ? 1 : kMostBatch;
  BLUESTEM_RETURN_IF_ERROR(CheckThreads(effective.streams).status().At("streams"));
  if (effective.batch < 1 || effective.batch > kMostBatch) {
    return Error(Code::kInvalidArgument,
                 "batch: {} inferences together; expected 1..{}, or 0 for what the hint says",
                 effective.batch, kMostBatch);
  }
  for (int32_t s = 0; s < effective.streams; ++s) {
    BLUESTEM_ASSIGN_OR_RETURN(auto session, open({.isa = effective.isa,
                                                  .threads = effective.threads,
                                                  .pack = effective.pack,
                                                  .batch = effective.batch}));
    owner->shared->idle.push_back(std::move(session));
  }
  const Session& session = *owner->shared->idle[0];
  effective.isa = session.isa();
  effective.threads = session.threads();
  effective.batch = session.batch();
  owner->inputs = session.inputs();
  owner->outputs = session.outputs();
  owner->arena_bytes = session.arena_bytes();
  owner->scratch_bytes = session.scratch_bytes();
  owner->weight_bytes = session.weight_bytes();
  owner->model_hash = session.model_hash();
  owner->placed = std::move(placed);
  return CompiledModel(std::move(owner));
}

Result<CompiledModel> CompiledModel::Compile(std::shared_ptr<const program::Program> program,
                                             const CompileSettings& settings) {
  BLUESTEM_RETURN_IF_ERROR(program::Verify(*program));
  BLUESTEM_ASSIGN_OR_RETURN(
      Placement placement, PlaceOn(*program, settings.device,
                                   {settings.isa, std::max(settings.threads, 1)}, settings.places));
  BLUESTEM_ASSIGN_OR_RETURN(auto placed, MakePlaced(std::move(program), std::move(placement)));
  return Open(settings, placed,
              [&](const DeviceOptions& options) { return OpenSession(placed, options); });
}

Result<CompiledModel> CompiledModel::Load(const Path& library, const CompileSettings& settings) {
  BLUESTEM_ASSIGN_OR_RETURN(const DeviceString device, ParseDeviceString(settings.device));
  if (device.mode == PlacementMode::kHetero || device.names[0] != "CPU") {
    return Error(Code::kUnsupported,
                 "{}: a compiled library runs on CPU, not on {}; give the artefact's "
                 "models/model.onnx or the run folder",
                 library.string(), settings.device);
  }
  CompileSettings cpu = settings;
  cpu.device = "CPU";
  return Open(cpu, nullptr, [&](const DeviceOptions& options) {
    return LoadLibrary(library, options.isa, options.threads);
  });
}

const std::vector<program::TensorInfo>& CompiledModel::inputs() const {
  return owner_->inputs;
}
const std::vector<program::TensorInfo>& CompiledModel::outputs() const {
  return owner_->outputs;
}
const CompileSettings& CompiledModel::settings() const {
  return owner_->settings;
}
const PlacedProgram* CompiledModel::placed() const {
  return owner_->placed.get();
}
int64_t CompiledModel::arena_bytes() const {
  return owner_->arena_bytes;
}
int64_t CompiledModel::scratch_bytes() const {
  return owner_->scratch_bytes;
}
int64_t CompiledModel::weight_bytes() const {
  return owner_->weight_bytes;
}
std::string CompiledModel::model_hash() const {
  return owner_->model_hash;
}

InferRequest CompiledModel::CreateRequest() const {
  auto state = std::make_shared<State>();
  state->inputs.resize(owner_->inputs.size());
  state->has_input.resize(owner_->inputs.size(), 0);
  return {*this, std::move(state)};
}

Status InferRequest::SetInput(const std::string& name, Tensor tensor) {
  const auto& infos = model_.inputs();
  const std::optional<size_t> index = IndexOf(infos, name);
  if (!index) {
    return Error(Code::kInvalidArgument, "there is no input '{}'; the model has {}", name,
                 Names(infos));
  }
  BLUESTEM_RETURN_IF_ERROR(CheckInputs({infos[*index]}, {tensor}));
  const std::lock_guard lock(state_->mutex);
  if (state_->phase != State::Phase::kIdle) {
    return Error(Code::kInvalidArgument, "input '{}': the request is running; wait for it", name);
  }
  state_->inputs[*index] = std::move(tensor);
  state_->has_input[*index] = 1;
  return OkStatus();
}

Result<Tensor> InferRequest::Output(const std::string& name) const {
  const std::optional<size_t> index = IndexOf(model_.outputs(), name);
  if (!index) {
    return Error(Code::kInvalidArgument, "there is no output '{}'; the model has {}", name,
                 Names(model_.outputs()));
  }
  const std::lock_guard lock(state_->mutex);
  if (state_->phase != State::Phase::kIdle || !state_->has_outputs) {
    return Error(Code::kInvalidArgument, "output '{}': no inference of this request has ended well",
                 name);
  }
  return state_->outputs[*index];
}

// Takes the request from idle to queued or running.
Status InferRequest::Begin(bool queued) {
  const std::lock_guard lock(state_->mutex);
  if (state_->phase != State::Phase::kIdle) {
    return Error(Code::kInvalidArgument, "the request is running; wait for it, or make another");
  }
  for (size_t i = 0; i < state_->inputs.size(); ++i) {
    if (state_->has_input[i] == 0) {
      return Error(Code::kInvalidArgument, "input '{}' was not set", model_.inputs()[i].name);
    }
  }
  state_->phase = queued ? State::Phase::kQueued : State::Phase::kRunning;
  state_->cancel.store(false);
  state_->has_outputs = false;
  return OkStatus();
}

Status InferRequest::Infer() {
  BLUESTEM_RETURN_IF_ERROR(Begin(false));
  Shared& shared = *model_.owner_->shared;
  std::unique_ptr<Session> session = shared.TakeStream();
  const Status status = Execute(*session, {state_})[0];
  shared.GiveBack(std::move(session));
  End(*state_, status, nullptr);
  return status;
}

Status InferRequest::StartAsync() {
  return StartTogether({this, 1});
}

Status InferRequest::StartTogether(std::span<InferRequest> requests) {
  if (requests.empty()) return OkStatus();
  const auto& owner = requests[0].model_.owner_;
  BLUESTEM_RETURN_IF_ERROR(owner->StartWorkers());
  for (size_t i = 0; i < requests.size(); ++i) {
    BLUESTEM_CHECK(requests[i].model_.owner_ == owner, "requests of one model");
    const Status status = requests[i].Begin(true);
    if (status.ok()) continue;
    for (size_t begun = 0; begun < i; ++begun) {
      State& state = *requests[begun].state_;
      const std::lock_guard lock(state.mutex);
      state.phase = State::Phase::kIdle;
    }
    return status;
  }
  {
    const std::lock_guard lock(owner->shared->mutex);
    for (const InferRequest& request : requests) owner->shared->queue.push_back(request.state_);
  }
  owner->shared->changed.notify_all();
  return OkStatus();
}

Status InferRequest::Wait() {
  std::unique_lock lock(state_->mutex);
  state_->ended.wait(lock, [&] { return Ended(*state_); });
  return state_->status;
}

bool InferRequest::WaitFor(std::chrono::milliseconds time) {
  std::unique_lock lock(state_->mutex);
  return state_->ended.wait_for(lock, time, [&] { return Ended(*state_); });
}

void InferRequest::Cancel() {
  Shared& shared = *model_.owner_->shared;
  bool was_queued = false;
  {
    const std::lock_guard lock(shared.mutex);
    const auto place = std::find(shared.queue.begin(), shared.queue.end(), state_);
    was_queued = place != shared.queue.end();
    if (was_queued) shared.queue.erase(place);
  }
  state_->cancel.store(true);
  if (!was_queued) return;
  End(*state_, Cancelled(), Callback(state_->callback));
}

void InferRequest::SetCallback(Callback callback) {
  state_->callback = std::move(callback);
}

void InferRequest::EnableProfiling(bool enable) {
  state_->profiling = enable;
}

const std::vector<OpProfile>& InferRequest::Profile() const {
  return state_->rows;
}

}  // namespace bluestem::runtime
