#include "bluestem/core/core.h"

#include <chrono>

#include "bluestem/core/compile.h"
#include "bluestem/core/engine_part.h"
#include "bluestem/core/exported.h"
#include "bluestem/core/library.h"

namespace bluestem::core {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// The model beside an artefact's library.
ModelSource SourceOfLibrary(const Path& library) {
  ModelSource source;
  source.kind = ModelSource::Kind::kArtefact;
  source.path = library;
  const Path models = fs::absolute(library).parent_path().parent_path();
  std::error_code error;
  if (fs::exists(models / "model.onnx", error)) source.model_file = models / "model.onnx";
  if (fs::exists(models / "meta.yaml", error)) source.meta_file = models / "meta.yaml";
  return source;
}

Result<std::shared_ptr<const program::Program>> ToProgram(const LoadedModel& model, bool codes) {
  CompileOptions options;
  if (codes) options.input_codes = CodesOf(model);
  options.model_hash = model.sha256;
  BLUESTEM_ASSIGN_OR_RETURN(const Compiled compiled, core::Compile(model.graph, options));
  return compiled.program;
}

void AddOps(const LoadedModel& model, std::vector<std::string>& ops) {
  for (const ir::Node& node : model.graph.nodes) ops.push_back(node.name);
}

Result<OpenedModel> OpenLibrary(const Path& library, const ModelSource& source,
                                const runtime::CompileSettings& settings) {
  BLUESTEM_ASSIGN_OR_RETURN(auto loaded, runtime::CompiledModel::Load(library, settings));
  OpenedModel opened{std::move(loaded), "compiled library", source.meta_file, {}, 0};
  return opened;
}

}  // namespace

bool RunsLibraries(const std::string& device) {
  const auto parsed = runtime::ParseDeviceString(device);
  return parsed.ok() && parsed->mode != runtime::PlacementMode::kHetero &&
         parsed->names[0] == "CPU";
}

Result<std::shared_ptr<const program::Program>> CompileSource(const ModelSource& source, bool codes,
                                                              std::vector<std::string>* graph_ops) {
  BLUESTEM_ASSIGN_OR_RETURN(const LoadedModel model, LoadSource(source));
  if (graph_ops != nullptr) AddOps(model, *graph_ops);
  return ToProgram(model, codes);
}

std::vector<DeviceInfo> Core::Devices() const {
  std::vector<DeviceInfo> devices;
  for (const runtime::DeviceKind& kind : runtime::DeviceKinds()) {
    const auto device = kind.open();
    devices.push_back({kind.name, kind.summary, device.status(), {}});
    if (device.ok()) devices.back().properties = (*device)->properties();
  }
  return devices;
}

Result<LoadedModel> Core::Read(const Path& model, const Path& meta) const {
  BLUESTEM_ASSIGN_OR_RETURN(const ModelSource source, FindModel(model, meta));
  return LoadSource(source);
}

Result<runtime::CompiledModel> Core::Compile(const LoadedModel& model,
                                             const runtime::CompileSettings& settings,
                                             bool codes) const {
  BLUESTEM_RETURN_IF_ERROR(runtime::ParseDeviceString(settings.device).status());
  BLUESTEM_ASSIGN_OR_RETURN(auto program, ToProgram(model, codes));
  return runtime::CompiledModel::Compile(std::move(program), settings);
}

Result<OpenedModel> Core::Open(const Path& model, const runtime::CompileSettings& settings,
                               const Path& meta) const {
  BLUESTEM_RETURN_IF_ERROR(runtime::ParseDeviceString(settings.device).status());
  const auto start = Clock::now();
  const auto timed = [&](OpenedModel opened) {
    opened.load_seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return opened;
  };
  if (IsExported(model)) {
    BLUESTEM_ASSIGN_OR_RETURN(auto imported, Import(model, settings));
    const char* how =
        imported.settings().pack == nullptr ? "imported" : "imported, engine as packed";
    return timed({std::move(imported), how, meta, {}, 0});
  }
  const bool is_library = model.extension() == ".so";
  ModelSource source;
  if (is_library) {
    source = SourceOfLibrary(model);
    if (!meta.empty()) source.meta_file = meta;
  } else {
    BLUESTEM_ASSIGN_OR_RETURN(source, FindModel(model, meta));
  }
  if (source.kind == ModelSource::Kind::kArtefact &&
      (is_library || RunsLibraries(settings.device))) {
    Path library = model;
    if (!is_library) {
      BLUESTEM_ASSIGN_OR_RETURN(library, HostLibrary(source.path));
    }
    BLUESTEM_ASSIGN_OR_RETURN(OpenedModel opened, OpenLibrary(library, source, settings));
    opened = timed(std::move(opened));
    if (source.model_file.empty()) return opened;
    BLUESTEM_ASSIGN_OR_RETURN(const LoadedModel read, LoadSource(source));
    AddOps(read, opened.graph_ops);
    return opened;
  }
  BLUESTEM_ASSIGN_OR_RETURN(const LoadedModel read, LoadSource(source));
  BLUESTEM_ASSIGN_OR_RETURN(auto program, ToProgram(read, true));
  runtime::CompileSettings with_part = settings;
  BLUESTEM_ASSIGN_OR_RETURN(with_part.pack, FindEnginePart(source, *program, settings.device));
  const char* how =
      with_part.pack == nullptr ? "compiled in memory" : "compiled in memory, engine as packed";
  BLUESTEM_ASSIGN_OR_RETURN(auto compiled,
                            runtime::CompiledModel::Compile(std::move(program), with_part));
  OpenedModel opened{std::move(compiled), how, source.meta_file, {}, 0};
  AddOps(read, opened.graph_ops);
  return timed(std::move(opened));
}

}  // namespace bluestem::core
