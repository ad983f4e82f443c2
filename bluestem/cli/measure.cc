// bluestem measure: how long a model takes and how much memory, on this machine.
#include <nlohmann/json.hpp>

#include "bluestem/cli/commands.h"
#include "bluestem/cli/op_table.h"
#include "bluestem/predict/predictor.h"

namespace bluestem::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kProfiledRuns = 15;

struct MeasureOptions {
  SubjectOptions subject;
  RunLimits limits;
};

int64_t BatchOf(const Subject& subject) {
  return predict::BatchOf(subject.session->inputs());
}

double Rate(const Subject& subject, const Latency& latency) {
  return static_cast<double>(BatchOf(subject)) / latency.mean;
}

void PrintLatency(Output& output, const Subject& subject, const Latency& latency) {
  output.Line("");
  output.Line("latency           p50 {}, p90 {}, p99 {}, min {}, mean {} over {} runs",
              SecondsText(latency.p50), SecondsText(latency.p90), SecondsText(latency.p99),
              SecondsText(latency.min), SecondsText(latency.mean), CountText(latency.count));
  output.Line("throughput        {:.1f} images/s{}", Rate(subject, latency),
              BatchOf(subject) == 1 ? "" : fmt::format(", {} images a run", BatchOf(subject)));
  output.Line("load              {} ({}), first inference {}", SecondsText(subject.load_seconds),
              subject.engine == "compiled" ? "dlopen and create" : "read, compile and create",
              SecondsText(latency.first));
}

void PrintMemory(Output& output, const Subject& subject, const ResidentMemory& memory) {
  output.Line("memory            arena {}, scratch {}, weights {}",
              BytesText(subject.session->arena_bytes()),
              BytesText(subject.session->scratch_bytes()),
              BytesText(subject.session->weight_bytes()));
  output.Line("resident          {} at the peak, {} before loading{}", BytesText(memory.peak_bytes),
              BytesText(subject.baseline_bytes),
              subject.peak_reset ? "" : " (the peak is the whole process's)");
  output.Line("");
}

Status Measure(const MeasureOptions& options, Output& output) {
  BLUESTEM_ASSIGN_OR_RETURN(Subject subject, OpenSubject(options.subject));
  BLUESTEM_ASSIGN_OR_RETURN(const Latency latency, TimeRuns(subject, options.limits));
  const ResidentMemory memory = ReadMemory();
  BLUESTEM_ASSIGN_OR_RETURN(const std::vector<OpTime> ops, ProfileOps(subject, kProfiledRuns));
  const Cpu cpu = ReadCpu();
  PrintSubject(output, subject, cpu);
  PrintLatency(output, subject, latency);
  PrintMemory(output, subject, memory);
  PrintOps(output, ops);

  Json document = SubjectJson(subject, cpu);
  document["warm_up"] = options.limits.warm_up;
  document["count"] = latency.count;
  document["latency_seconds"] = {{"p50", latency.p50},
                                 {"p90", latency.p90},
                                 {"p99", latency.p99},
                                 {"min", latency.min},
                                 {"mean", latency.mean}};
  document["images_per_second"] = Rate(subject, latency);
  document["images_a_call"] = BatchOf(subject);
  document["load_seconds"] = subject.load_seconds;
  document["first_inference_seconds"] = latency.first;
  document["memory"] = {{"arena_bytes", subject.session->arena_bytes()},
                        {"scratch_bytes", subject.session->scratch_bytes()},
                        {"weight_bytes", subject.session->weight_bytes()},
                        {"resident_before_bytes", subject.baseline_bytes},
                        {"resident_peak_bytes", memory.peak_bytes},
                        {"peak_since_load", subject.peak_reset}};
  document["profiled_runs"] = kProfiledRuns;
  document["ops"] = OpsJson(ops);
  output.Json(document);
  return OkStatus();
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<MeasureOptions>();
  AddSubjectOptions(line, options->subject);
  const auto count =
      line.Add("--count", options->limits.count, "Timed runs (default 100)").Range(1, 10000000);
  line.Add("--seconds", options->limits.seconds, "Time runs for so long instead")
      .RealRange(0.001, 86400)
      .Excludes(count);
  line.Add("--warmup", options->limits.warm_up, "Runs before those (default 10)").Range(0, 1000000);
  return [options](Output& output) { return Measure(*options, output); };
}

}  // namespace

Command MeasureCommand() {
  return {.name = "measure",
          .usage = "MODEL",
          .summary = "Measure latency and memory of a compiled model, and each call's time",
          .description =
              "Loads an artefact's library for this machine (a run folder or a model file is "
              "interpreted,\n"
              "which is not what a device runs), warms it up and times each run. Percentiles are "
              "nearest\n"
              "ranks. The peak of resident memory is this process's, and so is what it had before "
              "loading.\n"
              "The time of each call is the median over 15 profiled runs.",
          .example =
              "bluestem measure first.artefact --seconds 2\n"
              "bluestem measure first.artefact --image cat.jpg --isa sse4 --count 1000 --json",
          .codes = {Code::kInvalidData, Code::kUnsupported, Code::kIo, Code::kUnavailable},
          .setup = Setup};
}

}  // namespace bluestem::cli
