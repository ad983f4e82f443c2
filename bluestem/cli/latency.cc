#include "bluestem/cli/latency.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "bluestem/cli/command.h"
#include "bluestem/edge/cpu_features.h"
#include "bluestem/predict/evaluate.h"
#include "bluestem/program/kernel_choice.h"

namespace bluestem::cli {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Says of each call on the reference kernel why no faster one took it.
Status ExplainReference(Subject& subject, std::vector<OpTime>& ops) {
  const std::string suffix = "__reference";
  std::shared_ptr<const program::Program> program;
  for (size_t i = 0; i < ops.size(); ++i) {
    const std::string& kernel = ops[i].kernel;
    if (kernel.size() < suffix.size() ||
        kernel.compare(kernel.size() - suffix.size(), suffix.size(), suffix) != 0) {
      continue;
    }
    if (program == nullptr) {
      BLUESTEM_ASSIGN_OR_RETURN(program, subject.program());
    }
    ops[i].reference = "no model beside the library says why";
    if (program == nullptr || program->calls.size() != ops.size()) continue;
    const kernels::IsaSet isas = edge::IsaSetFromName(subject.session->isa().c_str());
    ops[i].reference = program::WhyReference(program->calls[i].params, isas);
  }
  return OkStatus();
}

}  // namespace

double Percentile(const std::vector<double>& sorted, double share) {
  const auto count = static_cast<double>(sorted.size());
  const auto rank = static_cast<size_t>(std::ceil(share * count));
  return sorted[std::clamp<size_t>(rank, 1, sorted.size()) - 1];
}

Result<Latency> TimeRuns(Subject& subject, const RunLimits& limits) {
  const auto run = [&]() -> Result<double> {
    if (Interrupted()) return InterruptedStatus();
    const auto start = Clock::now();
    const auto outputs = subject.session->Run(subject.inputs);
    const double seconds = SecondsSince(start);
    if (!outputs.ok()) return outputs.status();
    return seconds;
  };
  Latency latency;
  BLUESTEM_ASSIGN_OR_RETURN(latency.first, run());
  for (int64_t i = 0; i < limits.warm_up; ++i) {
    BLUESTEM_ASSIGN_OR_RETURN([[maybe_unused]] const double seconds, run());
  }
  std::vector<double> all;
  const auto start = Clock::now();
  const auto more = [&] {
    if (limits.seconds <= 0) return static_cast<int64_t>(all.size()) < limits.count;
    return all.empty() || SecondsSince(start) < limits.seconds;
  };
  while (more()) {
    BLUESTEM_ASSIGN_OR_RETURN(const double seconds, run());
    all.push_back(seconds);
  }
  std::sort(all.begin(), all.end());
  latency.count = static_cast<int64_t>(all.size());
  latency.min = all.front();
  latency.p50 = Percentile(all, 0.50);
  latency.p90 = Percentile(all, 0.90);
  latency.p99 = Percentile(all, 0.99);
  latency.mean = std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
  return latency;
}

Result<std::vector<OpTime>> ProfileOps(Subject& subject, int64_t runs) {
  std::vector<OpTime> ops;
  std::vector<std::vector<double>> seconds;
  for (int64_t run = 0; run < runs; ++run) {
    if (Interrupted()) return InterruptedStatus();
    std::vector<runtime::OpProfile> profile;
    BLUESTEM_ASSIGN_OR_RETURN([[maybe_unused]] const auto outputs,
                              subject.session->Profile(subject.inputs, profile));
    seconds.resize(profile.size());
    ops.resize(profile.size());
    for (size_t i = 0; i < profile.size(); ++i) {
      const runtime::OpProfile& op = profile[i];
      ops[i] = {op.op, op.kernel, op.x_bits, op.w_bits, op.macs, 0, 0, ""};
      seconds[i].push_back(static_cast<double>(op.nanoseconds) * 1e-9);
    }
  }
  double total = 0;
  for (size_t i = 0; i < ops.size(); ++i) {
    ops[i].seconds = predict::Median(seconds[i]);
    total += ops[i].seconds;
  }
  for (OpTime& op : ops) op.share = total > 0 ? op.seconds / total : 0;
  BLUESTEM_RETURN_IF_ERROR(ExplainReference(subject, ops));
  return ops;
}

}  // namespace bluestem::cli
