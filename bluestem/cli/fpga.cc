// bluestem fpga report: what a model takes on the engine for FPGAs, and on which part that fits.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bluestem/base/file.h"
#include "bluestem/cli/commands.h"
#include "bluestem/cli/fpga_report.h"
#include "bluestem/cli/op_table.h"
#include "bluestem/core/core.h"

namespace bluestem::cli {
namespace {

constexpr const char* kDevice = "HETERO:FPGA-MODEL,CPU";

struct FpgaReportOptions {
  std::string model;
  std::string output;
  std::string part;
};

using Rows = std::vector<std::vector<std::string>>;

std::vector<std::string> LayerRow(const EngineReport& report, const EngineLayer& layer) {
  const fpga::LayerCost& cost = layer.cost;
  return {ShortName(layer.op),
          layer.shape,
          layer.bits,
          MillionsText(cost.macs),
          CountText(cost.clocks()),
          CountText(cost.idle_clocks),
          fmt::format("{:.1f}", Utilisation(report, cost.macs, cost.clocks()) * 100),
          CountText(cost.traffic.weights),
          CountText(cost.traffic.thresholds),
          CountText(cost.traffic.taps),
          CountText(cost.traffic.maps),
          BoundBy(layer)};
}

void PrintLayers(Output& output, const EngineReport& report) {
  if (report.layers.empty()) return;
  Rows rows;
  int64_t idle = 0;
  for (const EngineLayer& layer : report.layers) {
    rows.push_back(LayerRow(report, layer));
    idle += layer.cost.idle_clocks;
  }
  const std::string stores = CountText(report.store_clocks);
  rows.push_back({"results to memory", "", "", "", stores, stores, "", "", "", "", "", "port"});
  rows.push_back({"all", "", "", MillionsText(report.macs), CountText(report.clocks),
                  CountText(idle + report.store_clocks),
                  fmt::format("{:.1f}", Utilisation(report, report.macs, report.clocks) * 100),
                  CountText(report.traffic.weights), CountText(report.traffic.thresholds),
                  CountText(report.traffic.taps), CountText(report.traffic.maps), ""});
  output.Table({"op", "shape", "bits", "MMAC", "clocks", "idle", "use %", "weights B",
                "thresholds B", "taps B", "maps B", "bound by"},
               rows);
  output.Line("");
}

void PrintTotals(Output& output, const EngineReport& report) {
  const EngineLayer* most = report.Bottleneck();
  if (most == nullptr) return;
  output.Line("engine            {} clocks a picture; array busy {}, memory port busy {}",
              CountText(report.clocks), CountText(report.array_clocks),
              CountText(report.port_clocks));
  output.Line(
      "bottleneck        {}: {} clocks, {} of the engine's; bound by the {}", most->op,
      CountText(most->cost.clocks()),
      PercentText(static_cast<double>(most->cost.clocks()) / static_cast<double>(report.clocks)),
      BoundBy(*most));
  for (const double megahertz : kReportMegahertz) {
    const double rate = report.ImagesPerSecond(megahertz);
    output.Line("at {:.0f} MHz        {} images/s, {} (estimate: the engine alone, no board)",
                megahertz, CountText(static_cast<int64_t>(rate)), SecondsText(1 / rate));
  }
  for (const fpga::BatchCost& batch : report.batches) {
    std::string rates;
    for (const double megahertz : kReportMegahertz) {
      const double rate = EngineReport::Rate(batch, megahertz);
      rates += (rates.empty() ? "" : " / ") + CountText(static_cast<int64_t>(rate));
    }
    output.Line("batch of {}        {} clocks a picture, {} images/s at those clocks",
                batch.pictures, CountText(batch.clocks / batch.pictures), rates);
  }
  output.Line("");
}

void PrintHostCalls(Output& output, const EngineReport& report) {
  if (report.host_calls.empty()) return;
  Rows rows;
  for (const HostCall& call : report.host_calls) {
    rows.push_back({ShortName(call.op), call.family, call.reason});
  }
  output.Table({"stays on the CPU", "kernel", "why"}, rows);
  output.Line("");
}

std::string ShareText(int64_t used, int64_t there) {
  return fmt::format("{} of {} ({})", CountText(used), CountText(there),
                     PercentText(static_cast<double>(used) / static_cast<double>(there)));
}

void PrintFit(Output& output, const EngineReport& report) {
  const fpga::EngineArea& area = report.build.area;
  output.Line("build             {}: {} MAC a clock, {}", report.build.name,
              CountText(fpga::PeakMacs(report.build.config)),
              fpga::ResidualText(report.build.config));
  output.Line("area              {} ALM, {} M10K, {} DSP ({})", CountText(area.alms),
              CountText(area.m10k), CountText(area.dsp), area.source);
  Rows rows;
  for (const fpga::Part& part : report.parts) {
    rows.push_back({part.name, part.board, ShareText(area.alms, part.alms),
                    ShareText(area.m10k, part.memories) + " " + part.memory,
                    ShareText(area.dsp, part.dsp), part.Fits(area) ? "fits" : "does not fit"});
  }
  output.Table({"part", "board", "ALM", "memories", "DSP", "estimate"}, rows);
}

void PrintReport(Output& output, const EngineReport& report, const std::string& model) {
  output.Line("model             {}", model);
  output.Line("on the engine     {} of {} calls, {} of {} MMAC, in {} region{}",
              report.calls - report.host_calls.size(), report.calls, MillionsText(report.macs),
              MillionsText(report.model_macs), report.regions, report.regions == 1 ? "" : "s");
  output.Line("clocks            by the functional model's formula, not measured on a board\n");
  PrintLayers(output, report);
  PrintTotals(output, report);
  PrintHostCalls(output, report);
  PrintFit(output, report);
}

Status FpgaReport(const FpgaReportOptions& options, Output& output) {
  std::vector<fpga::Part> parts = fpga::Parts();
  if (!options.part.empty()) {
    auto part = fpga::FindPart(options.part);
    if (!part.ok()) {
      return Error(part.status().code(), "--part: {}", part.status().message());
    }
    parts = {*part};
  }
  BLUESTEM_ASSIGN_OR_RETURN(core::ModelSource source, core::FindModel(options.model));
  source.batch = 1;  // what a picture costs
  BLUESTEM_ASSIGN_OR_RETURN(const auto program, core::CompileSource(source));
  BLUESTEM_ASSIGN_OR_RETURN(const runtime::Placement placement,
                            runtime::PlaceOn(*program, kDevice, {}));
  BLUESTEM_ASSIGN_OR_RETURN(EngineReport report, ReportOn(*program, placement));
  report.parts = std::move(parts);
  PrintReport(output, report, options.model);
  if (report.layers.empty()) {
    output.Warn(
        "{}: no call goes to the engine; it takes convolutions of codes of 1 and 2 bits with 1-bit "
        "weights, where they are large enough to be worth the way there",
        options.model);
  }
  if (!options.output.empty()) {
    BLUESTEM_RETURN_IF_ERROR(WriteFile(options.output, EngineReportPage(report)));
    output.Line("\n{}", options.output);
  }
  nlohmann::ordered_json document = EngineReportJson(report);
  document["report"] = options.output;
  output.Json(document);
  return OkStatus();
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<FpgaReportOptions>();
  line.Add("MODEL", options->model, "A run folder, an artefact, an .onnx or a .pb file").Required();
  line.Add("-o,--output", options->output, "Write it as a page too, with drawings: fpga.html");
  std::vector<std::string> parts;
  for (const fpga::Part& part : fpga::Parts()) parts.emplace_back(part.name);
  line.Add("--part", options->part,
           fmt::format("Fit on this FPGA alone: {} (default: each)", fmt::join(parts, ", ")));
  return [options](Output& output) { return FpgaReport(*options, output); };
}

}  // namespace

Command FpgaReportCommand() {
  return {.name = "fpga report",
          .usage = "MODEL",
          .summary = "Show what a model takes on the engine for FPGAs, and where that fits",
          .description =
              "Places the calls as HETERO:FPGA-MODEL,CPU does and prints, layer by layer, the "
              "engine's clocks\n"
              "(idle: the array waits for the memory port), the share of its peak, and the bytes "
              "over the\n"
              "memory port; then what stays on the CPU and why, images/s, and the area on parts. "
              "Clocks are\n"
              "computed by the functional model; speeds and areas are estimates. --output writes "
              "one\n"
              "self-contained HTML page.",
          .example =
              "bluestem fpga report first.run -o fpga.html\n"
              "bluestem fpga report first.artefact --part 5CSEBA6 --json",
          .codes = {Code::kInvalidData, Code::kUnsupported, Code::kIo},
          .setup = Setup};
}

}  // namespace bluestem::cli
