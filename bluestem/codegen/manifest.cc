#include "bluestem/codegen/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "bluestem/codegen/digest.h"
#include "bluestem/edge/model_abi.h"

namespace bluestem::codegen {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "bluestem-artefact";
constexpr const char* kName = "manifest.json";

Result<std::string> HashFile(const Path& path, uint64_t& bytes) {
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes content, ReadFile(path));
  bytes = content.size();
  return Sha256(content);
}

// Inside the artefact: relative, no "..", nothing that another system reads as a root.
bool IsInside(const std::string& path) {
  if (path.empty() || path[0] == '/' || path.find('\\') != std::string::npos ||
      path.find('\0') != std::string::npos) {
    return false;
  }
  for (const Path& part : Path(path)) {
    if (part == ".." || part == "." || part.empty()) return false;
  }
  return true;
}

bool IsSha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Status ReadFiles(const Json& json, const std::string& place, Manifest& manifest) {
  const auto files = json.find("files");
  if (files == json.end() || !files->is_array()) {
    return Error(Code::kInvalidData, "{}: has no list 'files'", place);
  }
  std::set<std::string> seen;
  for (const Json& file : *files) {
    const bool has_fields = file.is_object() && file.contains("path") && file["path"].is_string() &&
                            file.contains("sha256") && file["sha256"].is_string();
    if (!has_fields) {
      return Error(Code::kInvalidData, "{}: files[{}] needs the texts 'path' and 'sha256'", place,
                   manifest.files.size());
    }
    const auto path = file["path"].get<std::string>();
    const auto sha = file["sha256"].get<std::string>();
    if (!IsInside(path)) {
      return Error(Code::kInvalidData, "{}: the path '{}' leads out of the artefact", place, path);
    }
    if (!IsSha256(sha)) {
      return Error(Code::kInvalidData, "{}: {}: '{}' is no SHA-256", place, path, sha);
    }
    if (!seen.insert(path).second) {
      return Error(Code::kInvalidData, "{}: {} is listed twice", place, path);
    }
    manifest.files.emplace_back(path, sha);
  }
  return OkStatus();
}

std::string TextAt(const Json& json, const char* key) {
  const auto value = json.find(key);
  return value != json.end() && value->is_string() ? value->get<std::string>() : "";
}

}  // namespace

Result<std::string> MakeManifest(const Path& folder, const program::Program& program,
                                 const EmitOptions& options,
                                 const std::vector<TargetRecord>& targets) {
  Json model =
      Json::parse(options.provenance_json.empty() ? "{}" : options.provenance_json, nullptr, false);
  if (!model.is_object()) {
    return Error(Code::kInvalidArgument, "the model's provenance is no JSON object: {}",
                 options.provenance_json);
  }
  Json json = {{"format", kFormat},
               {"format_version", kManifestVersion},
               {"tool_version", options.tool_version},
               {"abi_version", BLUESTEM_ABI_VERSION},
               {"model_name", program.name},
               {"model_hash", program.model_hash},
               {"model", std::move(model)},
               {"weight_bytes", program.constants.size()},
               {"arena_bytes", program.arena_bytes},
               {"targets", Json::array()},
               {"files", Json::array()}};
  for (const TargetRecord& record : targets) {
    json["targets"].push_back(
        {{"name", record.target->name},
         {"library", fmt::format("models/lib/libbluestem_{}.so", record.target->name)},
         {"compiler", record.target->compiler},
         {"compiler_version", record.compiler_version},
         {"flags", record.flags}});
  }
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; it != end; it.increment(error)) {
    if (error) break;
    if (it->is_regular_file()) paths.push_back(it->path().lexically_relative(folder).string());
  }
  if (error) return Error(Code::kIo, "{}: cannot list: {}", folder.string(), error.message());
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) {
    uint64_t bytes = 0;
    BLUESTEM_ASSIGN_OR_RETURN(const std::string sha, HashFile(folder / path, bytes));
    json["files"].push_back({{"path", path}, {"bytes", bytes}, {"sha256", sha}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Manifest> ParseManifest(const std::string& text, const std::string& place) {
  Manifest manifest;
  manifest.json = text;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || TextAt(json, "format") != kFormat) {
    return Error(Code::kInvalidData, "{}: is no artefact manifest: expected JSON with format '{}'",
                 place, kFormat);
  }
  const auto version = json.find("format_version");
  if (version == json.end() || !version->is_number_integer()) {
    return Error(Code::kInvalidData, "{}: has no number 'format_version'", place);
  }
  manifest.format_version = version->get<int64_t>();
  if (manifest.format_version != kManifestVersion) {
    return Error(Code::kInvalidData, "{}: format version {}; this program reads version {}: {}",
                 place, manifest.format_version, kManifestVersion,
                 manifest.format_version > kManifestVersion ? "use a newer bluestem"
                                                            : "convert the model again");
  }
  manifest.tool_version = TextAt(json, "tool_version");
  manifest.model_hash = TextAt(json, "model_hash");
  BLUESTEM_RETURN_IF_ERROR(ReadFiles(json, place, manifest));
  return manifest;
}

Result<Manifest> ReadManifest(const Path& artefact) {
  const Path path = artefact / kName;
  constexpr uint64_t kMostBytes = uint64_t{16} << 20;
  std::error_code error;
  if (!fs::exists(path, error)) {
    return Error(Code::kInvalidData, "{}: no artefact: it has no manifest.json", artefact.string());
  }
  BLUESTEM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, kMostBytes));
  return ParseManifest(text, path.string());
}

Status CheckArtefact(const Path& artefact, const std::vector<std::string>& only) {
  BLUESTEM_ASSIGN_OR_RETURN(const Manifest manifest, ReadManifest(artefact));
  for (const auto& [path, expected] : manifest.files) {
    if (!only.empty() && std::find(only.begin(), only.end(), path) == only.end()) continue;
    std::error_code error;
    const Path file = artefact / path;
    if (!fs::is_regular_file(fs::symlink_status(file, error))) {
      return Error(Code::kInvalidData, "{}: {} is missing; copy or convert it again",
                   artefact.string(), path);
    }
    uint64_t bytes = 0;
    BLUESTEM_ASSIGN_OR_RETURN(const std::string actual, HashFile(file, bytes));
    if (actual != expected) {
      return Error(Code::kInvalidData,
                   "{}: {} is damaged: its SHA-256 is {}, the manifest says {}; copy or convert it "
                   "again",
                   artefact.string(), path, actual, expected);
    }
  }
  return OkStatus();
}

}  // namespace bluestem::codegen
