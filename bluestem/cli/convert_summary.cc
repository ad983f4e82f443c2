#include <nlohmann/json.hpp>

#include "bluestem/cli/convert.h"
#include "bluestem/core/engine_part.h"

namespace bluestem::cli {
namespace {

using Json = nlohmann::ordered_json;

int64_t FileBytes(const Path& path) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  return error ? 0 : static_cast<int64_t>(size);
}

const char* KindName(core::ModelSource::Kind kind) {
  switch (kind) {
    case core::ModelSource::Kind::kRun: return "run";
    case core::ModelSource::Kind::kFile: return "file";
    case core::ModelSource::Kind::kArtefact: return "artefact";
  }
  return "";
}

}  // namespace

void PrintSummary(Output& output, const core::LoadedModel& model, const core::Compiled& compiled,
                  const ConvertSummary& summary) {
  const auto weights = static_cast<int64_t>(compiled.program->constants.size());
  const int64_t arena = compiled.program->arena_bytes;
  Json targets = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (const LibraryReport& library : summary.libraries) {
    const int64_t bytes = FileBytes(core::LibraryPath(summary.output, library.target));
    const bool timed = library.latency_seconds_median > 0;
    rows.push_back({library.target, CountText(bytes), CountText(weights), CountText(arena),
                    timed ? SecondsText(library.latency_seconds_median) : "-",
                    library.not_run.empty() ? library.isas : "not run here: " + library.not_run});
    targets.push_back(
        {{"target", library.target},
         {"library", core::LibraryPath(summary.output, library.target).string()},
         {"library_bytes", bytes},
         {"latency_seconds_median", timed ? Json(library.latency_seconds_median) : Json(nullptr)},
         {"verified", library.not_run.empty()},
         {"verified_on", library.isas},
         {"not_run", library.not_run}});
  }
  output.Line("");
  for (const std::string& note : model.graph.notes) output.Line("note: {}", note);
  output.Table({"target", ".so bytes", "weight bytes", "arena bytes", "latency", "equal bits on"},
               rows);
  output.Line("");
  output.Line("{} and {}.tar.gz are ready.", summary.output.string(), summary.output.string());

  Json engine = nullptr;
  if (summary.engine) {
    engine = {{"part", (summary.output / core::kEnginePart).string()},
              {"bytes", summary.engine->bytes},
              {"regions", summary.engine->regions},
              {"calls", summary.engine->calls},
              {"program_calls", summary.engine->program_calls}};
  }
  Json passes = Json::array();
  for (const core::PassRecord& pass : compiled.passes) {
    passes.push_back({{"name", pass.name}, {"changes", pass.changes}, {"seconds", pass.seconds}});
  }
  output.Json({{"output", summary.output.string()},
               {"archive", summary.output.string() + ".tar.gz"},
               {"model", model.name},
               {"model_hash", compiled.program->model_hash},
               {"meta", model.meta_is_default ? "default" : "given"},
               {"notes", model.graph.notes},
               {"weight_bytes", weights},
               {"arena_bytes", arena},
               {"passes", passes},
               {"verification",
                {{"samples", summary.samples},
                 {"max_difference", summary.plain.max_difference},
                 {"bound", kVerifyBound},
                 {"ties", summary.plain.ties}}},
               {"targets", targets},
               {"fpga", engine}});
}

std::string ProvenanceJson(const core::ModelSource& source, const core::LoadedModel& model) {
  const Json document = {{"name", model.name},
                         {"source", KindName(source.kind)},
                         {"file", source.model_file.filename().string()},
                         {"sha256", model.sha256},
                         {"bytes", model.bytes.size()},
                         {"meta", model.meta_is_default ? "default" : "given"},
                         {"preprocess", core::PreprocessText(model.meta.preprocess)}};
  return document.dump();
}

}  // namespace bluestem::cli
