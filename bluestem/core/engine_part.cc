#include "bluestem/core/engine_part.h"

#include <algorithm>

#include "bluestem/codegen/codegen.h"
#include "bluestem/codegen/digest.h"
#include "bluestem/fpga/builds.h"
#include "bluestem/runtime/placement.h"

namespace bluestem::core {
namespace {

// The model that is always here; where calls are placed does not depend on which engine it is.
constexpr const char* kDevice = "HETERO:FPGA-MODEL,CPU";

// "REASON (op, op); REASON (op)", in the calls' order.
std::string Reasons(const program::Program& program, const runtime::Placement& placement) {
  std::vector<std::pair<std::string, std::string>> groups;
  for (size_t i = 0; i < program.calls.size(); ++i) {
    const std::string& reason = placement.calls[i].reason;
    const auto same = [&](const auto& group) { return group.first == reason; };
    const auto group = std::find_if(groups.begin(), groups.end(), same);
    if (group == groups.end()) {
      groups.emplace_back(reason, program.calls[i].op);
    } else {
      group->second += ", " + program.calls[i].op;
    }
  }
  std::string text;
  for (const auto& [reason, ops] : groups) {
    text += fmt::format("{}{} ({})", text.empty() ? "" : "; ", reason, ops);
  }
  return text;
}

}  // namespace

bool NamesEngine(const std::string& device) {
  const auto parsed = runtime::ParseDeviceString(device);
  if (!parsed.ok()) return false;
  return std::any_of(parsed->names.begin(), parsed->names.end(),
                     [](const std::string& name) { return name.starts_with("FPGA"); });
}

Result<fpga::EnginePack> PackForEngine(const program::Program& program) {
  BLUESTEM_ASSIGN_OR_RETURN(const runtime::Placement placement,
                            runtime::PlaceOn(program, kDevice, {}));
  BLUESTEM_ASSIGN_OR_RETURN(const fpga::EngineBuild build, fpga::ChosenBuild());
  fpga::EnginePack pack;
  pack.config = build.config;
  pack.place = kEnginePart;
  pack.digest = codegen::Sha256(fpga::IdentityOf(program));
  for (const runtime::Region& region : placement.regions) {
    if (placement.devices[region.device]->name() == "CPU") continue;
    BLUESTEM_ASSIGN_OR_RETURN(
        fpga::EngineProgram compiled,
        fpga::CompileRegion(program, region.begin, region.end, pack.config, fpga::kMostPictures));
    pack.regions.push_back({region.begin, region.end, std::move(compiled)});
  }
  if (pack.regions.empty()) {
    return Error(Code::kUnsupported, "no call goes to the engine: {}", Reasons(program, placement));
  }
  return pack;
}

Result<std::shared_ptr<const fpga::EnginePack>> FindEnginePart(const ModelSource& source,
                                                               const program::Program& program,
                                                               const std::string& device) {
  using Part = std::shared_ptr<const fpga::EnginePack>;
  if (source.kind != ModelSource::Kind::kArtefact || !NamesEngine(device)) return Part();
  std::error_code error;
  if (!std::filesystem::exists(source.path / "manifest.json", error)) return Part();
  BLUESTEM_ASSIGN_OR_RETURN(const codegen::Manifest manifest, codegen::ReadManifest(source.path));
  const bool listed = std::any_of(manifest.files.begin(), manifest.files.end(),
                                  [](const auto& file) { return file.first == kEnginePart; });
  if (!listed) return Part();
  BLUESTEM_RETURN_IF_ERROR(codegen::CheckArtefact(source.path, {kEnginePart}));
  const Path path = source.path / kEnginePart;
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path));
  BLUESTEM_ASSIGN_OR_RETURN(fpga::EnginePack pack, fpga::ParsePack(bytes, path.string()));
  if (pack.digest != codegen::Sha256(fpga::IdentityOf(program))) return Part();
  BLUESTEM_RETURN_IF_ERROR(fpga::CheckPack(pack, program));
  return Part(std::make_shared<const fpga::EnginePack>(std::move(pack)));
}

}  // namespace bluestem::core
