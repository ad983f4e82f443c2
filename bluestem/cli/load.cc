#include "bluestem/cli/load.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "bluestem/cli/command.h"

namespace bluestem::cli {
namespace {

using Clock = std::chrono::steady_clock;
using runtime::InferRequest;

double Seconds(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

// Inferences that begin together.
struct Unit {
  std::vector<InferRequest> requests;
  size_t pending = 0;
  Clock::time_point start;
  Clock::time_point end;
  Status status;
};

class Load {
 public:
  Load(const runtime::CompiledModel& model, const std::vector<std::vector<Tensor>>& samples,
       const LoadOptions& options)
      : model_(model), samples_(samples), options_(options) {
    const size_t units = static_cast<size_t>(std::max(options.requests, 1));
    for (size_t u = 0; u < units; ++u) {
      Unit& unit = units_.emplace_back();
      for (int64_t b = 0; b < options.batch; ++b) {
        unit.requests.push_back(model.CreateRequest());
        if (options.requests == 0) continue;
        unit.requests.back().SetCallback([this, u](const Status& status) { OnEnd(u, status); });
      }
    }
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  // Callbacks point here: nothing may be in flight any more.
  ~Load() {
    for (Unit& unit : units_) {
      for (InferRequest& request : unit.requests) {
        request.Cancel();
        static_cast<void>(request.Wait());
      }
    }
  }

  Result<LoadResult> Run() {
    BLUESTEM_RETURN_IF_ERROR(First());
    start_ = Clock::now();
    const Status status = options_.requests == 0 ? RunInTurn() : RunAtOnce();
    BLUESTEM_RETURN_IF_ERROR(status);
    result_.wall = Seconds(Clock::now() - start_);
    std::sort(result_.latencies.begin(), result_.latencies.end());
    return std::move(result_);
  }

 private:
  Status First() {
    InferRequest request = model_.CreateRequest();
    BLUESTEM_RETURN_IF_ERROR(Fill(request));
    const auto start = Clock::now();
    BLUESTEM_RETURN_IF_ERROR(request.Infer());
    result_.first = Seconds(Clock::now() - start);
    return OkStatus();
  }

  Status Fill(InferRequest& request) {
    const std::vector<Tensor>& sample = samples_[next_sample_++ % samples_.size()];
    for (size_t i = 0; i < sample.size(); ++i) {
      BLUESTEM_RETURN_IF_ERROR(request.SetInput(model_.inputs()[i].name, sample[i]));
    }
    return OkStatus();
  }

  bool More() const {
    if (options_.count > 0) return begun_ < options_.count;
    return begun_ == 0 || Seconds(Clock::now() - start_) < options_.seconds;
  }

  void Tell() {
    const auto now = Clock::now();
    if (!options_.progress || now - told_ < std::chrono::milliseconds(100)) return;
    told_ = now;
    const double wall = Seconds(now - start_);
    const double share = options_.count > 0 ? static_cast<double>(result_.latencies.size()) /
                                                  static_cast<double>(options_.count)
                                            : wall / options_.seconds;
    options_.progress(std::min(share, 1.0), static_cast<double>(result_.images) / wall);
  }

  // Waits until the next images may begin.
  void HoldBack() const {
    if (options_.max_rate <= 0) return;
    const double due =
        static_cast<double>(begun_ * options_.batch * options_.images_a_call) / options_.max_rate;
    std::this_thread::sleep_until(
        start_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(due)));
  }

  void Count(const Unit& unit) {
    result_.latencies.push_back(Seconds(unit.end - unit.start));
    result_.images += options_.batch * options_.images_a_call;
    Tell();
  }

  Status RunInTurn() {
    Unit& unit = units_[0];
    for (; More(); ++begun_) {
      if (Interrupted()) return InterruptedStatus();
      HoldBack();
      for (InferRequest& request : unit.requests) BLUESTEM_RETURN_IF_ERROR(Fill(request));
      unit.start = Clock::now();
      for (InferRequest& request : unit.requests) BLUESTEM_RETURN_IF_ERROR(request.Infer());
      unit.end = Clock::now();
      Count(unit);
    }
    return OkStatus();
  }

  Status Begin(Unit& unit) {
    HoldBack();
    for (InferRequest& request : unit.requests) BLUESTEM_RETURN_IF_ERROR(Fill(request));
    unit.pending = unit.requests.size();
    unit.status = OkStatus();
    ++begun_;
    ++in_flight_;
    unit.start = Clock::now();
    return InferRequest::StartTogether(unit.requests);
  }

  // On a thread of the model.
  void OnEnd(size_t u, const Status& status) {
    const auto now = Clock::now();
    const std::lock_guard lock(mutex_);
    Unit& unit = units_[u];
    if (!status.ok()) unit.status = status;
    if (--unit.pending > 0) return;
    unit.end = now;
    done_.push_back(u);
    ended_.notify_one();
  }

  Status RunAtOnce() {
    for (Unit& unit : units_) {
      if (More()) BLUESTEM_RETURN_IF_ERROR(Begin(unit));
    }
    while (in_flight_ > 0) {
      size_t u = 0;
      {
        std::unique_lock lock(mutex_);
        ended_.wait_for(lock, std::chrono::milliseconds(100), [&] { return !done_.empty(); });
        if (Interrupted()) return InterruptedStatus();
        if (done_.empty()) continue;
        u = done_.front();
        done_.pop_front();
      }
      // The callback has said so from inside the request, which then still has to end.
      for (InferRequest& request : units_[u].requests) static_cast<void>(request.Wait());
      --in_flight_;
      BLUESTEM_RETURN_IF_ERROR(units_[u].status);
      Count(units_[u]);
      if (More()) BLUESTEM_RETURN_IF_ERROR(Begin(units_[u]));
    }
    return OkStatus();
  }

  const runtime::CompiledModel& model_;
  const std::vector<std::vector<Tensor>>& samples_;
  const LoadOptions& options_;
  std::deque<Unit> units_;
  size_t next_sample_ = 0;
  int64_t begun_ = 0;  // units
  int64_t in_flight_ = 0;
  Clock::time_point start_, told_;
  LoadResult result_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::deque<size_t> done_;
};

}  // namespace

Result<LoadResult> RunLoad(const runtime::CompiledModel& model,
                           const std::vector<std::vector<Tensor>>& samples,
                           const LoadOptions& options) {
  BLUESTEM_CHECK(!samples.empty() && options.batch >= 1 && options.requests >= 0,
                 "a load has samples");
  return Load(model, samples, options).Run();
}

}  // namespace bluestem::cli
