// Timed runs of a Subject, and the time of each of its calls.
//
// Threads: free functions without state.
#pragma once

#include <string>
#include <vector>

#include "bluestem/cli/subject.h"

namespace bluestem::cli {

struct Latency {
  double first = 0;  // of the very first run, in seconds, as all
  double min = 0, p50 = 0, p90 = 0, p99 = 0, mean = 0;
  int64_t count = 0;
};

// Returns the value at `share` of sorted values: the nearest rank. Requires: not empty.
double Percentile(const std::vector<double>& sorted, double share);

struct RunLimits {
  int64_t warm_up = 10;
  int64_t count = 100;
  double seconds = 0;  // where above 0: runs until so much time has passed, instead of `count`
};

// Runs, after the first and the warm-up, and times each run. Errors: kInterrupted.
Result<Latency> TimeRuns(Subject& subject, const RunLimits& limits);

// One call: the median over some profiled runs.
struct OpTime {
  std::string op;
  std::string kernel;
  int32_t x_bits = 0, w_bits = 0;
  int64_t macs = 0;
  double seconds = 0;
  double share = 0;       // of all calls' seconds, 0..1
  std::string reference;  // why the slow reference kernel ran; empty where it did not
  double GigaMacs() const { return seconds > 0 ? static_cast<double>(macs) / seconds * 1e-9 : 0; }
};

// Errors: kInterrupted, and the session's.
Result<std::vector<OpTime>> ProfileOps(Subject& subject, int64_t runs);

}  // namespace bluestem::cli
