#include "bluestem/cli/device_model.h"

#include <chrono>

#include "bluestem/cli/compile.h"
#include "bluestem/cli/verify.h"

namespace bluestem::cli {
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

}  // namespace

bool RunsLibraries(const std::string& device) {
  const auto parsed = runtime::ParseDeviceString(device);
  return parsed.ok() && parsed->mode != runtime::PlacementMode::kHetero &&
         parsed->names[0] == "CPU";
}

Result<std::shared_ptr<const program::Program>> CompileSource(const ModelSource& source, bool codes,
                                                              std::vector<std::string>* graph_ops) {
  BLUESTEM_ASSIGN_OR_RETURN(const LoadedModel model, LoadSource(source));
  for (const ir::Node& node : model.graph.nodes) {
    if (graph_ops != nullptr) graph_ops->push_back(node.name);
  }
  CompileOptions compile;
  if (codes) compile.input_codes = CodesOf(model);
  compile.model_hash = model.sha256;
  BLUESTEM_ASSIGN_OR_RETURN(const Compiled compiled, Compile(model.graph, compile));
  return compiled.program;
}

Result<DeviceModel> OpenDeviceModel(const std::string& model, const std::string& meta,
                                    const runtime::CompileSettings& settings) {
  BLUESTEM_RETURN_IF_ERROR(runtime::ParseDeviceString(settings.device).status());
  const bool is_library = Path(model).extension() == ".so";
  ModelSource source;
  if (is_library) {
    source = SourceOfLibrary(model);
    if (!meta.empty()) source.meta_file = meta;
  } else {
    BLUESTEM_ASSIGN_OR_RETURN(source, FindModel(model, meta));
  }
  std::vector<std::string> graph_ops;
  const auto start = Clock::now();
  const auto finish = [&](runtime::CompiledModel compiled, const char* engine) {
    const std::chrono::duration<double> seconds = Clock::now() - start;
    return DeviceModel{std::move(compiled), engine, source.meta_file, std::move(graph_ops),
                       seconds.count()};
  };
  if (source.kind == ModelSource::Kind::kArtefact &&
      (is_library || RunsLibraries(settings.device))) {
    Path library = model;
    if (!is_library) {
      BLUESTEM_ASSIGN_OR_RETURN(library, HostLibrary(source.path));
    }
    BLUESTEM_ASSIGN_OR_RETURN(auto loaded, runtime::CompiledModel::Load(library, settings));
    DeviceModel result = finish(std::move(loaded), "compiled library");
    if (source.model_file.empty()) return result;
    BLUESTEM_ASSIGN_OR_RETURN(const LoadedModel read, LoadSource(source));
    for (const ir::Node& node : read.graph.nodes) result.graph_ops.push_back(node.name);
    return result;
  }
  BLUESTEM_ASSIGN_OR_RETURN(auto program, CompileSource(source, true, &graph_ops));
  BLUESTEM_ASSIGN_OR_RETURN(auto compiled,
                            runtime::CompiledModel::Compile(std::move(program), settings));
  return finish(std::move(compiled), "compiled in memory");
}

void AddDeviceOption(CommandLine& line, std::string& device) {
  line.Add("-d,--device", device,
           "Where it runs: a name of `bluestem devices`, AUTO, or HETERO:FIRST,SECOND,...")
      .ShowDefault();
}

}  // namespace bluestem::cli
