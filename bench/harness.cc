#include "bench/harness.h"

#include <time.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <thread>

#include "bluestem/edge/cpu_features.h"

namespace bluestem::bench {
namespace {

double Seconds(Clock clock) {
  timespec now{};
  clock_gettime(clock == Clock::kThread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// The first value of `key` in /proc/cpuinfo; "unknown" where it has none.
std::string CpuInfo(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.compare(0, key.size(), key) == 0 && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

}  // namespace

Buffer::Buffer(size_t bytes) : storage_(bytes + 64) {
  const size_t address = reinterpret_cast<size_t>(storage_.data());
  data_ = storage_.data() + (64 - address % 64) % 64;
}

double SecondsPerRun(const std::function<void()>& run, Clock clock, double seconds) {
  run();
  int64_t runs = 0;
  const double begin = Seconds(clock);
  double elapsed = 0;
  while (elapsed < seconds) {
    run();
    ++runs;
    elapsed = Seconds(clock) - begin;
  }
  return elapsed / static_cast<double>(runs);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double BestTenth(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const size_t count = std::max<size_t>(1, seconds.size() / 10);
  const auto end = seconds.begin() + static_cast<std::ptrdiff_t>(count);
  return std::accumulate(seconds.begin(), end, 0.0) / static_cast<double>(count);
}

Machine DescribeMachine(const std::string& isa) {
  Machine machine;
  machine.cpu = CpuInfo("model name");
  machine.mhz = CpuInfo("cpu MHz");
  machine.isa = isa.empty() ? kernels::IsaName(edge::BestIsa(edge::CpuIsas())) : isa;
  machine.cores = static_cast<int>(std::thread::hardware_concurrency());
  machine.compiler = "g++ " __VERSION__;
  machine.flags = BLUESTEM_BENCH_FLAGS;
  machine.commit = BLUESTEM_COMMIT;
  return machine;
}

std::string MachineText(const Machine& m) {
  return m.cpu + ", " + std::to_string(m.cores) + " cores, " + m.isa + ", " + m.mhz + " MHz; " +
         m.compiler + " " + m.flags + "; commit " + m.commit;
}

}  // namespace bluestem::bench
