// bluestem benchmark: latency and throughput of a model on any device, one request at a time or
// many.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "bluestem/base/power.h"
#include "bluestem/cli/absent_devices.h"
#include "bluestem/cli/commands.h"
#include "bluestem/cli/latency.h"
#include "bluestem/cli/load.h"
#include "bluestem/cli/machine.h"
#include "bluestem/cli/op_table.h"
#include "bluestem/cli/subject.h"
#include "bluestem/core/core.h"
#include "bluestem/predict/evaluate.h"
#include "bluestem/predict/predictor.h"

namespace bluestem::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kProfiledRuns = 15;

struct BenchmarkOptions {
  std::string model;
  std::string meta;
  std::string device = "CPU";
  std::vector<std::string> images;
  std::string hint = "latency";
  std::string api = "async";
  std::string isa;
  std::string csv;
  int64_t requests = 0;
  int64_t streams = 0;
  int64_t threads = 0;
  int64_t batch = 1;
  int64_t count = 0;
  double seconds = 5;
  double max_rate = 0;
  bool counters = false;
};

struct Figure {
  std::string name;  // of JSON and CSV
  double value = 0;
};

// One row of the per-op counters: the median of some runs, a call of the compiled model that its
// device told no row of, or an op of the model file that no call is left of.
struct Counter {
  runtime::OpProfile profile;
  const char* status = "executed";  // or "not run" or "optimized out"
  bool executed() const { return std::string_view(status) == "executed"; }
};

Result<std::vector<std::vector<Tensor>>> ReadSamples(const BenchmarkOptions& options,
                                                     const core::OpenedModel& model,
                                                     Output& output) {
  const std::vector<program::TensorInfo>& infos = model.model.inputs();
  if (options.images.empty()) {
    output.Warn("no --image: random codes, whose time may differ from that of real pictures");
    return std::vector<std::vector<Tensor>>{RandomInputs(infos)};
  }
  if (model.meta_file.empty()) {
    return Error(Code::kInvalidArgument,
                 "--image: {} has no meta.yaml that says how pictures go in; give --meta FILE, or "
                 "leave --image out for random codes",
                 options.model);
  }
  if (infos.size() != 1) {
    return Error(Code::kInvalidArgument,
                 "--image: the model has {} inputs, a picture is one; leave --image out for random "
                 "codes",
                 infos.size());
  }
  BLUESTEM_ASSIGN_OR_RETURN(const task::Meta meta, task::ReadMeta(model.meta_file));
  BLUESTEM_RETURN_IF_ERROR(predict::CheckInput(infos[0], meta.preprocess));
  std::vector<Tensor> pictures;
  for (const std::string& path : options.images) {
    BLUESTEM_ASSIGN_OR_RETURN(const image::Image picture, ReadPicture(path));
    pictures.push_back(image::ToPixels(picture, meta.preprocess));
  }
  std::vector<std::vector<Tensor>> samples;
  for (size_t i = 0; i < options.images.size(); ++i) {  // each is the first of a call
    samples.push_back({predict::MakeInput(pictures, meta.preprocess.normalize, infos[0])});
    std::rotate(pictures.begin(), pictures.begin() + 1, pictures.end());
  }
  return samples;
}

Result<std::vector<Counter>> ReadCounters(const core::OpenedModel& model,
                                          const std::vector<Tensor>& sample) {
  runtime::InferRequest request = model.model.CreateRequest();
  for (size_t i = 0; i < sample.size(); ++i) {
    BLUESTEM_RETURN_IF_ERROR(request.SetInput(model.model.inputs()[i].name, sample[i]));
  }
  request.EnableProfiling(true);
  std::vector<std::vector<double>> wall, cpu;
  std::vector<Counter> counters;
  std::set<std::string> executed;
  for (int run = 0; run < kProfiledRuns; ++run) {
    if (Interrupted()) return InterruptedStatus();
    BLUESTEM_RETURN_IF_ERROR(request.Infer());
    const std::vector<runtime::OpProfile>& rows = request.Profile();
    wall.resize(rows.size());
    cpu.resize(rows.size());
    counters.resize(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      wall[i].push_back(static_cast<double>(rows[i].nanoseconds));
      cpu[i].push_back(static_cast<double>(rows[i].cpu_nanoseconds));
      counters[i].profile = rows[i];
      executed.insert(rows[i].op);
    }
  }
  for (size_t i = 0; i < counters.size(); ++i) {
    counters[i].profile.nanoseconds = static_cast<int64_t>(predict::Median(wall[i]));
    counters[i].profile.cpu_nanoseconds = static_cast<int64_t>(predict::Median(cpu[i]));
  }
  // A compiled library has a row for each of its calls.
  if (const runtime::PlacedProgram* placed = model.model.placed()) {
    for (size_t i = 0; i < placed->program->calls.size(); ++i) {
      const std::string& op = placed->program->calls[i].op;
      const size_t device = placed->placement.calls[i].device;
      if (!executed.insert(op).second) continue;
      counters.push_back(
          {{.op = op, .kernel = "-", .device = placed->placement.devices[device]->name()},
           "not run"});
    }
  }
  for (const std::string& op : model.graph_ops) {
    if (executed.count(op) != 0) continue;
    counters.push_back({{.op = op, .kernel = "-", .device = "-"}, "optimized out"});
  }
  return counters;
}

void PrintCounters(Output& output, const std::vector<Counter>& counters) {
  std::vector<std::vector<std::string>> rows;
  for (const Counter& counter : counters) {
    const runtime::OpProfile& op = counter.profile;
    const auto micros = [&](int64_t nanoseconds) {
      return nanoseconds > 0 ? fmt::format("{:.1f}", static_cast<double>(nanoseconds) * 1e-3) : "-";
    };
    rows.push_back({op.op, op.kernel, op.device, BitsText(op.x_bits, op.w_bits, op.macs),
                    counter.status, micros(op.nanoseconds), micros(op.cpu_nanoseconds),
                    op.cycles > 0 ? fmt::format("{}", op.cycles) : "-"});
  }
  output.Line("");
  output.Table({"op", "kernel", "device", "bits", "status", "wall us", "cpu us", "cycles"}, rows);
}

Json CountersJson(const std::vector<Counter>& counters) {
  Json rows = Json::array();
  for (const Counter& counter : counters) {
    const runtime::OpProfile& op = counter.profile;
    Json row = {{"op", op.op}, {"status", counter.status}};
    if (op.device != "-") row["device"] = op.device;
    if (counter.executed()) {
      row["kernel"] = op.kernel;
      row["bits"] = BitsText(op.x_bits, op.w_bits, op.macs);
      row["macs"] = op.macs;
      row["wall_seconds"] = static_cast<double>(op.nanoseconds) * 1e-9;
      row["cpu_seconds"] = static_cast<double>(op.cpu_nanoseconds) * 1e-9;
      if (op.cycles > 0) row["cycles"] = op.cycles;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Figure> Figures(const LoadResult& load, double watts, int64_t peak_bytes,
                            double load_seconds) {
  const double mean = std::accumulate(load.latencies.begin(), load.latencies.end(), 0.0) /
                      static_cast<double>(load.latencies.size());
  const double rate = static_cast<double>(load.images) / load.wall;
  std::vector<Figure> figures = {{"load_seconds", load_seconds},
                                 {"first_inference_seconds", load.first},
                                 {"latency_median_seconds", Percentile(load.latencies, 0.5)},
                                 {"latency_average_seconds", mean},
                                 {"latency_min_seconds", load.latencies.front()},
                                 {"latency_max_seconds", load.latencies.back()},
                                 {"latency_p99_seconds", Percentile(load.latencies, 0.99)},
                                 {"images_per_second", rate},
                                 {"images", static_cast<double>(load.images)},
                                 {"wall_seconds", load.wall},
                                 {"peak_resident_bytes", static_cast<double>(peak_bytes)}};
  if (watts > 0) {
    figures.push_back({"watts", watts});
    figures.push_back({"images_per_second_per_watt", rate / watts});
  }
  return figures;
}

// What the run was made with, as it came out after defaults and hints.
Json SettingsJson(const BenchmarkOptions& options, const core::OpenedModel& model,
                  const LoadOptions& load, const Cpu& cpu) {
  const runtime::CompileSettings& settings = model.model.settings();
  Json json = {
      {"model", options.model},
      {"engine", model.engine},
      {"model_hash", model.model.model_hash()},
      {"device", settings.device},
      {"hint", options.hint},
      {"api", options.api},
      {"requests", std::max(load.requests, 1)},
      {"streams", settings.streams},
      {"threads", settings.threads},
      {"isa", settings.isa},
      {"batch", options.batch},
      {"images_a_call", load.images_a_call},
      {"together", settings.batch},
      {"input", options.images.empty() ? std::string("random codes (seed 1)")
                                       : fmt::format("{} pictures", options.images.size())},
      {"cpu", cpu.name},
      {"clock", cpu.clock},
      {"cores", cpu.cores},
      {"tool", std::string("bluestem ") + BLUESTEM_VERSION}};
  if (options.max_rate > 0) json["max_rate"] = options.max_rate;
  return json;
}

Status WriteCsv(const std::string& path, const Json& settings, const std::vector<Figure>& figures) {
  std::string text = "name,value\n";
  const auto quoted = [](const std::string& cell) {
    std::string result = "\"";
    for (const char c : cell) result += c == '"' ? std::string("\"\"") : std::string(1, c);
    return result + "\"";
  };
  for (const auto& [name, value] : settings.items()) {
    text += fmt::format("{},{}\n", name,
                        value.is_string() ? quoted(value.get<std::string>()) : value.dump());
  }
  for (const Figure& figure : figures)
    text += fmt::format("{},{:.9g}\n", figure.name, figure.value);
  return WriteFile(path, text);
}

void Print(Output& output, const Json& settings, const LoadResult& load,
           const std::vector<Figure>& figures, const PowerMeter& power) {
  for (const auto& [name, value] : settings.items()) {
    output.Line("{:<17} {}", name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  const auto figure = [&](const char* name) {
    return std::find_if(figures.begin(), figures.end(),
                        [&](const Figure& f) { return f.name == name; })
        ->value;
  };
  output.Line("");
  output.Line("load              {}, first inference {}", SecondsText(figure("load_seconds")),
              SecondsText(load.first));
  output.Line(
      "latency           median {}, average {}, min {}, max {}, p99 {}",
      SecondsText(figure("latency_median_seconds")), SecondsText(figure("latency_average_seconds")),
      SecondsText(figure("latency_min_seconds")), SecondsText(figure("latency_max_seconds")),
      SecondsText(figure("latency_p99_seconds")));
  output.Line("throughput        {:.1f} images/s ({} images in {})", figure("images_per_second"),
              CountText(load.images), SecondsText(load.wall));
  output.Line("resident          {} at the peak",
              BytesText(static_cast<int64_t>(figure("peak_resident_bytes"))));
  if (power.available()) {
    output.Line("power             {:.2f} W, {:.1f} images/s/W ({})", figure("watts"),
                figure("images_per_second_per_watt"), power.source());
  } else {
    output.Line("power             not measured: {}", power.source());
  }
}

Status CheckOptions(const BenchmarkOptions& options) {
  if (options.api == "sync" && options.requests > 0) {
    return Error(Code::kInvalidArgument,
                 "--requests {}: --api sync has one request at a time; leave one of them out",
                 options.requests);
  }
  return OkStatus();
}

// So many that each stream finds a batch of its own when it has run one.
int32_t DefaultRequests(const BenchmarkOptions& options, const runtime::CompiledModel& model) {
  const int64_t units = std::max<int64_t>(model.settings().batch / options.batch, 1);
  return static_cast<int32_t>(2 * model.streams() * units) - 1;
}

Status Benchmark(const BenchmarkOptions& options, Output& output) {
  BLUESTEM_RETURN_IF_ERROR(CheckOptions(options));
  WarnOfAbsentDevices(output, options.device);
  ResetPeak();
  const runtime::CompileSettings settings = {
      .device = options.device,
      .hint = options.hint == "latency" ? runtime::Hint::kLatency : runtime::Hint::kThroughput,
      .streams = static_cast<int32_t>(options.streams),
      .threads = static_cast<int32_t>(options.threads),
      .batch = options.batch > 1
                   ? static_cast<int32_t>(std::min<int64_t>(options.batch, runtime::kMostBatch))
                   : 0,
      .isa = options.isa};
  BLUESTEM_ASSIGN_OR_RETURN(const core::OpenedModel model,
                            core::Core().Open(options.model, settings, options.meta));
  BLUESTEM_ASSIGN_OR_RETURN(const auto samples, ReadSamples(options, model, output));
  PowerMeter power;
  LoadOptions load;
  load.batch = options.batch;
  load.images_a_call = predict::BatchOf(model.model.inputs());
  load.count = options.count;
  load.seconds = options.seconds;
  load.max_rate = options.max_rate;
  load.requests = options.api == "sync"  ? 0
                  : options.requests > 0 ? static_cast<int32_t>(options.requests)
                                         : DefaultRequests(options, model.model);
  load.progress = [&](double share, double rate) {
    power.Sample();
    output.Progress(fmt::format("benchmark: {:.0f} %, {:.1f} images/s", 100 * share, rate));
  };
  power.Start();
  BLUESTEM_ASSIGN_OR_RETURN(const LoadResult result, RunLoad(model.model, samples, load));
  const double watts = power.MeanWatts(result.wall);
  output.EndProgress();
  const std::vector<Figure> figures =
      Figures(result, watts, ReadMemory().peak_bytes, model.load_seconds);
  const Json effective = SettingsJson(options, model, load, ReadCpu());
  Print(output, effective, result, figures, power);
  Json document = {{"settings", effective}};
  for (const Figure& figure : figures) document[figure.name] = figure.value;
  document["power_source"] = power.source();
  if (options.counters) {
    BLUESTEM_ASSIGN_OR_RETURN(const auto counters, ReadCounters(model, samples[0]));
    PrintCounters(output, counters);
    document["ops"] = CountersJson(counters);
  }
  if (!options.csv.empty()) {
    BLUESTEM_RETURN_IF_ERROR(WriteCsv(options.csv, effective, figures));
    output.Line("{}", options.csv);
  }
  output.Json(document);
  return OkStatus();
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<BenchmarkOptions>();
  line.Add("-m,--model", options->model,
           "An artefact or its libbluestem_*.so, a run folder, an .onnx or a .pb file")
      .Required();
  AddDeviceOption(line, options->device);
  line.Add("-i,--image", options->images, "Pictures, round robin (default: random codes)");
  line.Add("--meta", options->meta, "meta.yaml for --image (default: the model's)");
  line.Add(
          "--hint", options->hint,
          "What streams, threads and batches of a device make the most of where they are not given")
      .OneOf({"latency", "throughput"})
      .ShowDefault();
  line.Add("--api", options->api, "sync: one request at a time on the calling thread")
      .OneOf({"sync", "async"})
      .ShowDefault();
  line.Add(
          "--requests", options->requests,
          "Requests in flight with --api async (default: 2 x streams x what a device runs together "
          "- 1)")
      .Range(1, 4096);
  line.Add("--streams", options->streams, "Inferences at a time (default: by the hint)")
      .Range(1, 64);
  line.Add("--threads", options->threads, "Of one inference (default: by the hint)").Range(1, 64);
  AddIsaOption(line, options->isa);
  line.Add("--batch", options->batch,
           "Images that begin together, and run together on a device that gains by that; a latency "
           "ends with the last")
      .Range(1, 4096)
      .ShowDefault();
  const auto count = line.Add("--count", options->count, "So many latencies").Range(1, 100000000);
  line.Add("--seconds", options->seconds, "Or for so long")
      .RealRange(0.01, 86400)
      .ShowDefault()
      .Excludes(count);
  line.Add("--max-rate", options->max_rate,
           "Images a second that begin at most: a steady load to measure power at")
      .RealRange(0.001, 1e9);
  line.Flag("--pc", options->counters, "Per-op counters: kernel, device, bits, wall and CPU time");
  line.Add("--csv", options->csv, "Write settings and figures there too");
  return [options](Output& output) { return Benchmark(*options, output); };
}

}  // namespace

Command BenchmarkCommand() {
  return {.name = "benchmark",
          .usage = "-m MODEL",
          .summary = "Load a model on a device: latency, throughput, power, per-op counters",
          .description =
              "Runs inferences on a device, so many in flight, and tells latencies, images/s, the "
              "peak of\nresident memory and, where the machine shows it, images/s/W; first of all "
              "the settings in effect.\nOn CPU an artefact's compiled library runs; on other "
              "devices the model itself is compiled in\nmemory. An op of the model without a call "
              "of its own (a folded batch norm) is \"optimized out\", a call\nthat its device "
              "tells no row of \"not run\".",
          .example =
              "bluestem benchmark -m first.artefact -d CPU --hint throughput --image a.jpg b.jpg\n"
              "bluestem benchmark -m first.artefact -d HETERO:REFERENCE,CPU --api sync --pc",
          .codes = {Code::kInvalidData, Code::kUnsupported, Code::kIo, Code::kUnavailable},
          .setup = Setup};
}

}  // namespace bluestem::cli
