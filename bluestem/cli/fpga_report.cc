#include "bluestem/cli/fpga_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bluestem/cli/op_table.h"
#include "bluestem/fpga/call_kind.h"
#include "bluestem/program/footprint.h"

namespace bluestem::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kEngine = "FPGA-MODEL";

std::string ShapeOf(const program::Program& program, const fpga::LayerCost& cost) {
  const kernels::QConvParams& p = *fpga::AsConv(program.calls[cost.call]);
  std::string text = fmt::format("{}x{}", p.kernel_h, p.kernel_w);
  if (p.stride_h > 1) text += fmt::format("/{}", p.stride_h);
  text += fmt::format(" {} -> {} at {}x{}", p.ci, p.co, p.ho, p.wo);
  if (!cost.move) return text;
  const auto& move = program.calls[*cost.move].params;
  return text + (std::holds_alternative<program::MaxPoolCall>(move) ? " + 2x2 maximum"
                                                                    : " + space-to-depth");
}

HostCall HostCallOf(const program::Call& call, const std::string& reason) {
  return {call.op, program::FamilyName(call.params), reason};
}

void AddRegion(const program::Program& program, const fpga::RegionCost& region,
               EngineReport& report) {
  ++report.regions;
  report.clocks += region.clocks;
  report.store_clocks += region.store_clocks;
  for (const size_t call : region.host_calls) {
    report.host_calls.push_back(HostCallOf(
        program.calls[call], "the engine moves what it writes; this map comes from outside"));
  }
  for (const fpga::LayerCost& cost : region.layers) {
    const program::Call& call = program.calls[cost.call];
    report.macs += cost.macs;
    report.array_clocks += cost.array_clocks;
    report.port_clocks += cost.port_clocks;
    report.traffic.weights += cost.traffic.weights;
    report.traffic.thresholds += cost.traffic.thresholds;
    report.traffic.taps += cost.traffic.taps;
    report.traffic.maps += cost.traffic.maps;
    report.layers.push_back(
        {call.op, ShapeOf(program, cost), BitsText(call.x_bits, call.w_bits, call.macs), cost});
  }
}

void AddBatches(const std::vector<fpga::RegionCost>& regions, EngineReport& report) {
  int32_t most = 1;
  for (const fpga::RegionCost& region : regions) {
    if (!region.batches.empty()) most = std::max(most, region.batches.back().pictures);
  }
  for (int32_t pictures = 2; pictures <= most; pictures *= 2) {
    fpga::BatchCost batch = {pictures, 0};
    for (const fpga::RegionCost& region : regions) batch.clocks += region.ClocksOf(pictures);
    report.batches.push_back(batch);
  }
}

Json TrafficJson(const fpga::Traffic& traffic) {
  return {{"weights", traffic.weights},
          {"thresholds", traffic.thresholds},
          {"taps", traffic.taps},
          {"maps", traffic.maps}};
}

Json LayersJson(const EngineReport& report) {
  Json layers = Json::array();
  for (const EngineLayer& layer : report.layers) {
    const fpga::LayerCost& cost = layer.cost;
    layers.push_back({{"op", layer.op},
                      {"shape", layer.shape},
                      {"bits", layer.bits},
                      {"macs", cost.macs},
                      {"clocks", cost.clocks()},
                      {"array_clocks", cost.array_clocks},
                      {"idle_clocks", cost.idle_clocks},
                      {"port_clocks", cost.port_clocks},
                      {"utilisation", Utilisation(report, cost.macs, cost.clocks())},
                      {"bytes", TrafficJson(cost.traffic)},
                      {"bound_by", BoundBy(layer)}});
  }
  return layers;
}

Json SpeedsJson(const EngineReport& report) {
  Json speeds = Json::array();
  for (const double megahertz : kReportMegahertz) {
    if (report.clocks == 0) break;
    const double rate = report.ImagesPerSecond(megahertz);
    Json batches = Json::array();
    for (const fpga::BatchCost& batch : report.batches) {
      batches.push_back({{"pictures", batch.pictures},
                         {"images_per_second", EngineReport::Rate(batch, megahertz)}});
    }
    speeds.push_back({{"megahertz", megahertz},
                      {"images_per_second", rate},
                      {"seconds", 1 / rate},
                      {"batches", std::move(batches)}});
  }
  return speeds;
}

Json BatchesJson(const EngineReport& report) {
  Json batches = Json::array();
  for (const fpga::BatchCost& batch : report.batches) {
    batches.push_back({{"pictures", batch.pictures}, {"clocks", batch.clocks}});
  }
  return batches;
}

Json PartsJson(const EngineReport& report) {
  const fpga::EngineArea& area = report.build.area;
  const auto share = [](int64_t used, int64_t there) {
    return static_cast<double>(used) / static_cast<double>(there);
  };
  Json parts = Json::array();
  for (const fpga::Part& part : report.parts) {
    parts.push_back({{"part", part.name},
                     {"board", part.board},
                     {"alms", part.alms},
                     {"memories", part.memories},
                     {"memory", part.memory},
                     {"dsp", part.dsp},
                     {"alm_share", share(area.alms, part.alms)},
                     {"memory_share", share(area.m10k, part.memories)},
                     {"dsp_share", share(area.dsp, part.dsp)},
                     {"fits", part.Fits(area)}});
  }
  return parts;
}

}  // namespace

double EngineReport::Rate(const fpga::BatchCost& batch, double megahertz) {
  return megahertz * 1e6 * batch.pictures / static_cast<double>(batch.clocks);
}

const EngineLayer* EngineReport::Bottleneck() const {
  const auto most = std::max_element(
      layers.begin(), layers.end(),
      [](const auto& a, const auto& b) { return a.cost.clocks() < b.cost.clocks(); });
  return most == layers.end() ? nullptr : &*most;
}

Result<EngineReport> ReportOn(const program::Program& program,
                              const runtime::Placement& placement) {
  BLUESTEM_ASSIGN_OR_RETURN(const fpga::EngineBuild build, fpga::ChosenBuild());
  EngineReport report;
  report.build = build;
  report.model = program.name;
  report.model_hash = program.model_hash;
  report.calls = program.calls.size();
  report.parts = fpga::Parts();
  for (const program::Call& call : program.calls) report.model_macs += call.macs;
  std::vector<fpga::RegionCost> regions;
  for (const runtime::Region& region : placement.regions) {
    if (placement.devices[region.device]->name() == kEngine) {
      BLUESTEM_ASSIGN_OR_RETURN(
          const fpga::RegionCost cost,
          fpga::CostOf(program, region.begin, region.end, report.build.config));
      AddRegion(program, cost, report);
      regions.push_back(cost);
      continue;
    }
    for (size_t i = region.begin; i < region.end; ++i) {
      report.host_calls.push_back(HostCallOf(program.calls[i], placement.calls[i].reason));
    }
  }
  AddBatches(regions, report);
  return report;
}

double Utilisation(const EngineReport& report, int64_t macs, int64_t clocks) {
  if (clocks == 0) return 0;
  return static_cast<double>(macs) / (static_cast<double>(clocks) * report.MacsAClock());
}

const char* BoundBy(const EngineLayer& layer) {
  return layer.cost.port_clocks > layer.cost.array_clocks ? "port" : "array";
}

std::string MillionsText(int64_t count) {
  return fmt::format("{:.2f}", static_cast<double>(count) * 1e-6);
}

std::string PercentText(double share) {
  return fmt::format("{:.1f} %", share * 100);
}

Json EngineReportJson(const EngineReport& report) {
  const fpga::EngineArea& area = report.build.area;
  Json host = Json::array();
  for (const HostCall& call : report.host_calls) {
    host.push_back({{"op", call.op}, {"family", call.family}, {"reason", call.reason}});
  }
  const EngineLayer* most = report.Bottleneck();
  return {
      {"model", report.model},
      {"model_hash", report.model_hash},
      {"engine",
       {{"version", fpga::kEngineVersion},
        {"build", report.build.name},
        {"macs_a_clock", fpga::PeakMacs(report.build.config)},
        {"residual_maps", report.build.config.residual},
        {"port_bytes_a_clock", fpga::kPortBytesAClock},
        {"clocks_from", "functional model, by formula"}}},
      {"calls", report.calls},
      {"regions", report.regions},
      {"macs", report.macs},
      {"model_macs", report.model_macs},
      {"clocks", report.clocks},
      {"array_clocks", report.array_clocks},
      {"port_clocks", report.port_clocks},
      {"store_clocks", report.store_clocks},
      {"batches", BatchesJson(report)},
      {"utilisation", Utilisation(report, report.macs, report.clocks)},
      {"bytes", TrafficJson(report.traffic)},
      {"bottleneck", most == nullptr ? Json() : Json(most->op)},
      {"layers", LayersJson(report)},
      {"cpu_calls", std::move(host)},
      {"estimates",
       {{"speed", SpeedsJson(report)},
        {"area",
         {{"alms", area.alms}, {"m10k", area.m10k}, {"dsp", area.dsp}, {"source", area.source}}},
        {"parts", PartsJson(report)}}}};
}

}  // namespace bluestem::cli
