// bluestem place: which device would run which call of a model, and why. A dry run.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bluestem/base/html.h"
#include "bluestem/cli/absent_devices.h"
#include "bluestem/cli/commands.h"
#include "bluestem/core/core.h"
#include "bluestem/fpga/builds.h"
#include "bluestem/program/footprint.h"

namespace bluestem::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kBoard = "FPGA";

struct PlaceOptions {
  std::string model;
  std::string device = "AUTO";
  std::string output;
};

// The devices that a dry run opens, and what it says of them.
struct DryRun {
  std::string device;    // the device string with the stand-in
  std::string stand_in;  // "" where the board is here or not named
  std::string note;      // who stands in, and why
  std::string build;     // of the engine that stands in
};

// A board need not be here to be planned for: its model has the same estimates. AUTO asks for what
// is here, so nothing stands in there.
Result<DryRun> StandInForTheBoard(const std::string& device) {
  constexpr const char* kModel = "FPGA-MODEL";
  BLUESTEM_ASSIGN_OR_RETURN(runtime::DeviceString parsed, runtime::ParseDeviceString(device));
  DryRun plan{.device = device};
  const auto board = std::find(parsed.names.begin(), parsed.names.end(), kBoard);
  if (parsed.mode == runtime::PlacementMode::kAuto || board == parsed.names.end() ||
      std::count(parsed.names.begin(), parsed.names.end(), kModel) > 0) {
    return plan;
  }
  for (const runtime::DeviceKind& kind : runtime::DeviceKinds()) {
    if (kind.name != kBoard) continue;
    const auto opened = kind.open();
    if (opened.ok()) return plan;
    BLUESTEM_ASSIGN_OR_RETURN(const fpga::EngineBuild build, fpga::ChosenBuild());
    *board = plan.stand_in = kModel;
    plan.build = build.name;
    plan.note = fmt::format("{}, build {}, stands in for {}: {}", kModel, build.name, kBoard,
                            opened.status().message());
  }
  plan.device = parsed.mode == runtime::PlacementMode::kOne
                    ? parsed.names[0]
                    : fmt::format("HETERO:{}", fmt::join(parsed.names, ","));
  return plan;
}

// Places on the plan's devices; the user's device string, and names, stand in its errors.
Result<runtime::Placement> PlaceByPlan(const program::Program& program, const DryRun& plan) {
  auto placement = runtime::PlaceOn(program, plan.device, {});
  if (placement.ok() || plan.stand_in.empty()) return placement;
  std::string message(placement.status().message());
  for (size_t at = 0; (at = message.find(plan.stand_in, at)) != std::string::npos;) {
    message.replace(at, plan.stand_in.size(), kBoard);
  }
  return Error(placement.status().code(), "{} (of {}, build {}, which stands in for {})", message,
               plan.stand_in, plan.build, kBoard);
}

int64_t BytesOf(const std::vector<runtime::Crossing>& crossings) {
  int64_t bytes = 0;
  for (const runtime::Crossing& crossing : crossings) bytes += crossing.bytes;
  return bytes;
}

Json CrossingsJson(const runtime::Placement& placement, const program::Program& program,
                   const DryRun& plan) {
  Json regions = Json::array();
  for (const runtime::Region& region : placement.regions) {
    Json calls = Json::array();
    for (size_t i = region.begin; i < region.end; ++i) {
      calls.push_back({{"op", program.calls[i].op},
                       {"family", program::FamilyName(program.calls[i].params)},
                       {"estimated_seconds", placement.calls[i].nanoseconds * 1e-9},
                       {"reason", placement.calls[i].reason}});
    }
    regions.push_back({{"device", placement.devices[region.device]->name()},
                       {"bytes_in", BytesOf(region.inputs)},
                       {"bytes_out", BytesOf(region.outputs)},
                       {"calls", std::move(calls)}});
  }
  Json document = {{"device", placement.text}, {"regions", std::move(regions)}};
  if (!plan.stand_in.empty()) {
    document["stand_in"] = {{"device", plan.stand_in}, {"note", plan.note}};
  }
  return document;
}

// One box a region, its calls inside, and between two boxes the bytes that move.
std::string Picture(const runtime::Placement& placement, const program::Program& program,
                    const std::string& note) {
  constexpr int kWidth = 980, kRow = 20, kGap = 34, kHead = 28;
  constexpr const char* kColours[] = {"#2563eb", "#f59e0b", "#10b981", "#db2777", "#7c3aed"};
  std::string body;
  int y = 16;
  if (!note.empty()) {
    body += fmt::format("<g><title>{}</title><text x=\"10\" y=\"{}\" class=\"note\">{}</text></g>",
                        EscapeHtml(note), y, EscapeHtml(note.substr(0, 150)));
    y += 12;
  }
  for (const runtime::Region& region : placement.regions) {
    const auto calls = static_cast<int>(region.end - region.begin);
    const int height = kHead + kRow * calls + 8;
    const char* colour = kColours[region.device % std::size(kColours)];
    body += fmt::format(
        "<rect x=\"10\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"{}\" "
        "fill-opacity=\"0.12\" stroke=\"{}\"/><text x=\"24\" y=\"{}\" class=\"head\" "
        "fill=\"{}\">{}</text><text x=\"{}\" y=\"{}\" class=\"note\" text-anchor=\"end\">{} bytes "
        "in, {} bytes out</text>",
        y, kWidth - 20, height, colour, colour, y + 20, colour,
        EscapeHtml(placement.devices[region.device]->name()), kWidth - 24, y + 20,
        BytesOf(region.inputs), BytesOf(region.outputs));
    for (int i = 0; i < calls; ++i) {
      const size_t call = region.begin + static_cast<size_t>(i);
      const runtime::PlacedCall& placed = placement.calls[call];
      body += fmt::format(
          "<g><title>{}</title><text x=\"36\" y=\"{}\" class=\"op\">{} {}</text><text x=\"430\" "
          "y=\"{}\" class=\"note\">{:.1f} us; {}</text></g>",
          EscapeHtml(placed.reason), y + kHead + kRow * i + 14,
          program::FamilyName(program.calls[call].params),
          EscapeHtml(program.calls[call].op.substr(0, 44)), y + kHead + kRow * i + 14,
          placed.nanoseconds * 1e-3, EscapeHtml(placed.reason.substr(0, 84)));
    }
    y += height;
    if (region.end < placement.calls.size()) {
      body += fmt::format(
          "<path d=\"M{} {}v{}m-5 -7l5 7l5 -7\" fill=\"none\" stroke=\"#64748b\" "
          "stroke-width=\"2\"/>",
          kWidth / 2, y + 4, kGap - 10);
    }
    y += kGap;
  }
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\"><style>text{{font:13px "
      "system-ui,sans-serif;fill:#1e293b}}.head{{font-weight:600;font-size:15px}}.note{{fill:#"
      "475569;"
      "font-size:12px}}svg{{background:#fff}}</style>{}</svg>\n",
      kWidth, y, body);
}

Status PlaceModel(const PlaceOptions& options, Output& output) {
  BLUESTEM_ASSIGN_OR_RETURN(const DryRun plan, StandInForTheBoard(options.device));
  WarnOfAbsentDevices(output, plan.device);
  BLUESTEM_ASSIGN_OR_RETURN(const core::ModelSource source, core::FindModel(options.model));
  BLUESTEM_ASSIGN_OR_RETURN(const auto program, core::CompileSource(source));
  BLUESTEM_ASSIGN_OR_RETURN(runtime::Placement placement, PlaceByPlan(*program, plan));
  placement.text = options.device;
  if (!plan.note.empty()) output.Line("{}", plan.note);
  if (output.text()) output.Raw(ToText(placement, *program));
  if (!options.output.empty()) {
    BLUESTEM_RETURN_IF_ERROR(WriteFile(options.output, Picture(placement, *program, plan.note)));
    output.Line("{}", options.output);
  }
  output.Json(CrossingsJson(placement, *program, plan));
  return OkStatus();
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<PlaceOptions>();
  line.Add("MODEL", options->model, "A run folder, an artefact, an .onnx or a .pb file").Required();
  AddDeviceOption(line, options->device);
  line.Add("-o,--output", options->output, "Draw it there too (.svg)");
  return [options](Output& output) { return PlaceModel(*options, output); };
}

}  // namespace

Command PlaceCommand() {
  return {.name = "place",
          .usage = "MODEL",
          .summary = "Show which device would run which call of a model, and why",
          .description =
              "Compiles the model in memory and places its calls on the devices of -d, without "
              "running it:\nregions of calls, the bytes that move between them, and for each call "
              "the estimate and the\nreason. FPGA alone or in HETERO: need not be here: "
              "FPGA-MODEL, whose estimates are those of\nthe board, stands in for it.",
          .example = "bluestem place first.run -d HETERO:REFERENCE,CPU -o placement.svg",
          .codes = {Code::kInvalidData, Code::kUnsupported, Code::kIo, Code::kUnavailable},
          .setup = Setup};
}

}  // namespace bluestem::cli
