// Load: inferences one after the other, or so many at a time, timed. What `bluestem benchmark`
// measures.
//
// Threads: RunLoad runs on the calling thread; asynchronous inferences on the model's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bluestem/runtime/compiled_model.h"

namespace bluestem::cli {

struct LoadOptions {
  int32_t requests = 0;  // in flight; 0: synchronous, on the calling thread
  int64_t batch = 1;     // inferences that begin together; a latency ends with the last of them
  int64_t images_a_call = 1;  // of an inference
  int64_t count = 0;          // of latencies; 0: by `seconds`
  double seconds = 5;
  double max_rate = 0;  // images a second that begin at most; 0: no limit
  // Called about ten times a second with the share that is done, 0..1, and images/s so far.
  std::function<void(double share, double rate)> progress;
};

struct LoadResult {
  double first = 0;               // latency of the very first inference, in seconds, as all
  std::vector<double> latencies;  // sorted
  double wall = 0;
  int64_t images = 0;
};

// Runs `samples` (each a value for every input) round robin. Errors: kInterrupted; the device's.
Result<LoadResult> RunLoad(const runtime::CompiledModel& model,
                           const std::vector<std::vector<Tensor>>& samples,
                           const LoadOptions& options);

}  // namespace bluestem::cli
