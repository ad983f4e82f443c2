// What bluestem fpga report finds: the engine's clocks and bytes layer by layer, its speed at some
// clocks, and how it fits on parts; as JSON and as a page.
//
// Threads: free functions without state. Ownership: values.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bluestem/fpga/builds.h"
#include "bluestem/fpga/cost.h"
#include "bluestem/runtime/placement.h"

namespace bluestem::cli {

// A convolution on the engine.
struct EngineLayer {
  std::string op;
  std::string shape;  // "3x3 64 -> 128 at 14x14 + 2x2 maximum"
  std::string bits;   // "w1a2"
  fpga::LayerCost cost;
};

struct HostCall {
  std::string op;
  std::string family;
  std::string reason;
};

struct EngineReport {
  std::string model;
  std::string model_hash;
  fpga::EngineBuild build;
  size_t calls = 0;    // of the model
  size_t regions = 0;  // on the engine
  std::vector<EngineLayer> layers;
  std::vector<HostCall> host_calls;
  int64_t macs = 0;  // of the layers
  int64_t model_macs = 0;
  int64_t clocks = 0;  // a picture, from doorbell to interrupt, region after region
  int64_t array_clocks = 0, port_clocks = 0;
  int64_t store_clocks = 0;  // of `clocks`, after the array's last
  fpga::Traffic traffic;
  std::vector<fpga::BatchCost> batches;  // region after region; those that make a picture faster
  std::vector<fpga::Part> parts;

  double MacsAClock() const { return static_cast<double>(fpga::PeakMacs(build.config)); }
  // Of the engine alone. Requires: clocks > 0
  double ImagesPerSecond(double megahertz) const { return Rate({1, clocks}, megahertz); }
  static double Rate(const fpga::BatchCost& batch, double megahertz);
  const EngineLayer* Bottleneck() const;  // the most clocks; null without layers
};

// The clocks for which speeds are reckoned; no board has shown them.
constexpr double kReportMegahertz[] = {100, 125, 150};

// Of the build that fpga::ChosenBuild returns. Errors: its own, fpga::CostOf's. Requires: the
// placement is of this program; an engine is FPGA-MODEL.
Result<EngineReport> ReportOn(const program::Program& program, const runtime::Placement& placement);

// Returns the share of the array's peak, 0..1.
double Utilisation(const EngineReport& report, int64_t macs, int64_t clocks);
// Returns "array" or "port" (of the memory): which works longer for the layer.
const char* BoundBy(const EngineLayer& layer);
// Returns "1.23", in millions.
std::string MillionsText(int64_t count);
// Returns "12.3 %", of 0..1.
std::string PercentText(double share);

nlohmann::ordered_json EngineReportJson(const EngineReport& report);
std::string EngineReportPage(const EngineReport& report);

}  // namespace bluestem::cli
