// Emit: a Program to an artefact folder and its archive. Layout: docs/formats/artefact.md.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "bluestem/codegen/archive.h"
#include "bluestem/codegen/codegen.h"
#include "bluestem/codegen/compile.h"
#include "bluestem/codegen/documents.h"
#include "bluestem/codegen/manifest.h"
#include "bluestem/codegen/model_source.h"
#include "bluestem/codegen/sources.h"

namespace bluestem::codegen {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAssets = "bluestem/codegen/artefact";

// A folder of objects that goes when the build is over.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> Create() {
    std::error_code error;
    std::string name = (fs::temp_directory_path(error) / "bluestem-XXXXXX").string();
    if (error || ::mkdtemp(name.data()) == nullptr) {
      return Error(Code::kIo, "{}: cannot create a temporary folder; set TMPDIR", name);
    }
    return TemporaryFolder(name);
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const Path& path() const { return path_; }

 private:
  explicit TemporaryFolder(Path path) : path_(std::move(path)) {}
  Path path_;
};

Status Put(const Path& folder, const std::string& path, std::string_view content) {
  const Path file = folder / path;
  BLUESTEM_RETURN_IF_ERROR(MakeFolder(file.parent_path()));
  return WriteFile(file, content);
}

Status MakeExecutable(const Path& file) {
  std::error_code error;
  fs::permissions(file, fs::perms(0755), error);
  if (error) return Error(Code::kIo, "{}: cannot set its mode: {}", file.string(), error.message());
  return OkStatus();
}

// Only an artefact may be replaced.
Status CheckOutput(const Path& output) {
  std::error_code error;
  if (!fs::exists(output, error)) return OkStatus();
  const bool replaceable =
      fs::is_directory(output, error) &&
      (fs::is_empty(output, error) || fs::exists(output / "manifest.json", error));
  if (replaceable) return OkStatus();
  return Error(Code::kIo, "{}: exists and is no artefact; remove it or name another folder",
               output.string());
}

Status CheckOptions(const program::Program& program, const EmitOptions& options) {
  BLUESTEM_RETURN_IF_ERROR(program::Verify(program));
  if (options.targets.empty()) {
    return Error(Code::kInvalidArgument,
                 "no target; expected at least one of x86-64, aarch64, armhf");
  }
  for (const ArtefactFile& file : options.files) {
    const Path normal = Path(file.path).lexically_normal();
    if (normal.empty() || normal.is_absolute() || *normal.begin() == "..") {
      return Error(Code::kInvalidArgument, "carried file '{}': leads out of the artefact",
                   file.path);
    }
  }
  return CheckToolchains(options.targets);
}

Result<SourceTree> WriteSources(const program::Program& program, const EmitOptions& options,
                                const Path& folder) {
  BLUESTEM_ASSIGN_OR_RETURN(ModelSource model, MakeModelSource(program, options.tool_version));
  model.roots.insert(std::string(kAssets) + "/bluestem_run.c");
  BLUESTEM_ASSIGN_OR_RETURN(SourceTree tree, CollectSources(options.source_root, model.roots));
  tree.files["model.cc"] = std::move(model.model);
  tree.files["weights.cc"] = std::move(model.weights);
  tree.units.insert(tree.units.begin(), {"model.cc", "weights.cc"});
  tree.files["build.sh"] = MakeBuildScript(tree);
  for (const auto& [path, content] : tree.files) {
    BLUESTEM_RETURN_IF_ERROR(Put(folder, "models/src/" + path, content));
  }
  BLUESTEM_RETURN_IF_ERROR(MakeExecutable(folder / "models/src/build.sh"));
  return tree;
}

// bin/bluestem-run: the program of the machine that it is started on.
constexpr const char* kRunScript =
    "#!/bin/sh\n"
    "# Starts the program of this folder that is for this machine.\n"
    "case $(uname -m) in\n"
    "  x86_64) target=x86-64 ;;\n"
    "  aarch64) target=aarch64 ;;\n"
    "  armv7*|armv8l) target=armhf ;;\n"
    "  *) echo \"bluestem-run: no program for $(uname -m)\" >&2; exit 4 ;;\n"
    "esac\n"
    "program=$(dirname \"$0\")/bluestem-run-$target\n"
    "if [ ! -x \"$program\" ]; then\n"
    "  echo \"bluestem-run: $program is missing: convert with --target $target\" >&2\n"
    "  exit 6\n"
    "fi\n"
    "exec \"$program\" \"$@\"\n";

Status WriteAssets(const program::Program& program, const EmitOptions& options,
                   const Path& folder) {
  const Path assets = options.source_root / kAssets;
  BLUESTEM_ASSIGN_OR_RETURN(const std::string readme, ReadTextFile(assets / "README.md"));
  BLUESTEM_ASSIGN_OR_RETURN(const std::string run, ReadTextFile(assets / "run.py"));
  BLUESTEM_ASSIGN_OR_RETURN(const std::string abi,
                            ReadTextFile(options.source_root / "bluestem/edge/model_abi.h"));
  BLUESTEM_RETURN_IF_ERROR(Put(folder, "README.md", MakeReadme(readme, program, options)));
  BLUESTEM_RETURN_IF_ERROR(Put(folder, "python/run.py", run));
  BLUESTEM_RETURN_IF_ERROR(Put(folder, "include/bluestem/model_abi.h", abi));
  BLUESTEM_RETURN_IF_ERROR(Put(folder, "bin/bluestem-run", kRunScript));
  BLUESTEM_RETURN_IF_ERROR(MakeExecutable(folder / "python/run.py"));
  BLUESTEM_RETURN_IF_ERROR(MakeExecutable(folder / "bin/bluestem-run"));
  for (const ArtefactFile& file : options.files) {
    const std::string_view content(reinterpret_cast<const char*>(file.content.data()),
                                   file.content.size());
    BLUESTEM_RETURN_IF_ERROR(Put(folder, file.path, content));
  }
  return OkStatus();
}

Result<TargetRecord> Build(const Target& target, const SourceTree& tree, const Path& folder) {
  BLUESTEM_ASSIGN_OR_RETURN(const TemporaryFolder objects, TemporaryFolder::Create());
  BLUESTEM_RETURN_IF_ERROR(MakeFolder(folder / "models/lib"));
  BLUESTEM_RETURN_IF_ERROR(MakeFolder(folder / "bin"));
  const std::string library = fmt::format("models/lib/libbluestem_{}", target.name);
  BLUESTEM_RETURN_IF_ERROR(
      Compile({.target = &target,
               .tree = &tree,
               .sources = folder / "models/src",
               .objects = objects.path(),
               .library = folder / (library + ".so"),
               .archive = folder / (library + ".a"),
               .program = folder / fmt::format("bin/bluestem-run-{}", target.name)}));
  BLUESTEM_ASSIGN_OR_RETURN(std::string version, CompilerVersion(target));
  return TargetRecord{.target = &target,
                      .compiler_version = std::move(version),
                      .flags = fmt::format("{} {} {}", fmt::join(CommonFlags(), " "), target.flags,
                                           fmt::join(LinkFlags(), " "))};
}

}  // namespace

Status Emit(const program::Program& program, const Path& output, const EmitOptions& options) {
  const auto report = [&](const std::string& step) {
    if (options.progress) options.progress(step);
  };
  BLUESTEM_RETURN_IF_ERROR(CheckOptions(program, options));
  const Path target = fs::absolute(output.has_filename() ? output : output.parent_path());
  BLUESTEM_RETURN_IF_ERROR(CheckOutput(target));
  BLUESTEM_ASSIGN_OR_RETURN(StagedFolder staging, StagedFolder::Create(target));
  const Path& folder = staging.path();
  BLUESTEM_ASSIGN_OR_RETURN(const SourceTree tree, WriteSources(program, options, folder));
  report(fmt::format("{} source files", tree.files.size()));
  BLUESTEM_RETURN_IF_ERROR(WriteAssets(program, options, folder));
  std::vector<TargetRecord> records;
  for (const Target* row : options.targets) {
    BLUESTEM_ASSIGN_OR_RETURN(TargetRecord record, Build(*row, tree, folder));
    report(fmt::format("{}: {}", row->name, record.compiler_version));
    records.push_back(std::move(record));
  }
  BLUESTEM_ASSIGN_OR_RETURN(const std::string manifest,
                            MakeManifest(folder, program, options, records));
  BLUESTEM_RETURN_IF_ERROR(Put(folder, "manifest.json", manifest));
  const Path archive = Path(target).concat(".tar.gz");
  BLUESTEM_RETURN_IF_ERROR(WriteTarGz(folder, target.filename().string(), archive));
  return staging.Commit();
}

}  // namespace bluestem::codegen
