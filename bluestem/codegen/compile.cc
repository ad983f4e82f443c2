#include "bluestem/codegen/compile.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <sstream>
#include <thread>

#include "bluestem/base/process.h"
#include "bluestem/codegen/digest.h"

namespace bluestem::codegen {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostCacheBytes = uint64_t{256} << 20;
constexpr const char* kRunProgram = "bluestem/codegen/artefact/bluestem_run.c";

Status RunTool(const std::vector<std::string>& command, const Path& folder) {
  BLUESTEM_ASSIGN_OR_RETURN(const ProcessResult result, RunProcess(command, folder));
  if (result.exit_code == 0) return OkStatus();
  return Error(Code::kInternal, "{} ended with {}:\n{}\nin {}:\n{}", command[0], result.exit_code,
               ShellText(command), folder.string(), result.output);
}

// Returns the folder of the object cache, or "" where there is no home.
Path CacheFolder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return Path(cache) / "bluestem";
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return Path(home) / ".cache" / "bluestem";
  return {};
}

// The generated sources differ from model to model; all the others are worth keeping.
bool IsCached(const std::string& unit) {
  return unit != "model.cc" && unit != "weights.cc";
}

bool IsC(const std::string& unit) {
  return Path(unit).extension() == ".c";
}

std::vector<std::string> CompileFlags(const Target& target, bool is_c) {
  std::vector<std::string> flags =
      is_c ? std::vector<std::string>{"-x", "c", "-std=gnu99", "-O2", "-Wall", "-Wextra"}
           : CommonFlags();
  for (std::string& flag : SplitFlags(target.flags)) flags.push_back(std::move(flag));
  flags.push_back("-I.");
  return flags;
}

struct Object {
  std::string unit;
  Path path;
};

// Makes one object, from the cache if it is there. A cache that cannot be written costs time,
// nothing else.
Status MakeObject(const CompileJob& job, const std::string& version, const Object& object) {
  const std::vector<std::string> flags = CompileFlags(*job.target, IsC(object.unit));
  const Path cache = IsCached(object.unit) ? CacheFolder() : Path();
  Path kept;
  std::error_code error;
  if (!cache.empty()) {
    kept = cache / (Sha256(version + '\n' + ShellText(flags) + '\n' +
                           TranslationUnitText(*job.tree, object.unit)) +
                    ".o");
    fs::copy_file(kept, object.path, fs::copy_options::overwrite_existing, error);
    if (!error) {
      fs::last_write_time(kept, fs::file_time_type::clock::now(), error);  // used: evicted late
      return OkStatus();
    }
  }
  std::vector<std::string> command = {job.target->compiler};
  command.insert(command.end(), flags.begin(), flags.end());
  command.insert(command.end(), {"-c", object.unit, "-o", object.path.string()});
  BLUESTEM_RETURN_IF_ERROR(RunTool(command, job.sources));
  if (cache.empty()) return OkStatus();
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(object.path));
  fs::create_directories(cache, error);
  static_cast<void>(WriteFile(kept, bytes));
  KeepNewest(cache, kMostCacheBytes);
  return OkStatus();
}

// Makes all objects with as many processes as there are cores; the first failure ends the rest.
Status MakeObjects(const CompileJob& job, const std::vector<Object>& objects) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::string version, CompilerVersion(*job.target));
  std::atomic<size_t> next{0};
  std::mutex mutex;
  Status first;
  const auto work = [&] {
    for (size_t i = next++; i < objects.size(); i = next++) {
      Status status = MakeObject(job, version, objects[i]);
      if (status.ok()) continue;
      const std::lock_guard<std::mutex> lock(mutex);
      if (first.ok()) first = std::move(status);
      next = objects.size();
    }
  };
  std::vector<std::thread> workers;
  const size_t cores = std::max(1u, std::thread::hardware_concurrency());
  for (size_t i = 1; i < std::min(cores, objects.size()); ++i) workers.emplace_back(work);
  work();
  for (std::thread& worker : workers) worker.join();
  return first;
}

Status Link(const CompileJob& job, const std::vector<Object>& objects, const Path& run_object) {
  std::vector<std::string> shared = {job.target->compiler};
  for (std::string& flag : SplitFlags(job.target->flags)) shared.push_back(std::move(flag));
  std::vector<std::string> archive = {job.target->archiver, "rcsD", job.archive.string()};
  for (const Object& object : objects) {
    shared.push_back(object.path.string());
    archive.push_back(object.path.string());
  }
  const std::vector<std::string> flags = LinkFlags();
  shared.insert(shared.end(), flags.begin(), flags.end());
  shared.insert(shared.end(), {"-Wl,-soname," + job.library.filename().string(), "-s", "-o",
                               job.library.string()});
  BLUESTEM_RETURN_IF_ERROR(RunTool(shared, job.sources));
  BLUESTEM_RETURN_IF_ERROR(RunTool(archive, job.sources));
  return RunTool({job.target->compiler, "-static", "-s", "-Wl,--build-id=none", "-o",
                  job.program.string(), run_object.string(), job.archive.string()},
                 job.sources);
}

}  // namespace

std::vector<std::string> CommonFlags() {
  return SplitFlags(
      "-std=c++20 -O3 -ffp-contract=off -fPIC -fvisibility=hidden -fvisibility-inlines-hidden "
      "-fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-asynchronous-unwind-tables "
      "-fno-stack-protector -ffunction-sections -fdata-sections");
}

// --as-needed: g++ asks for libstdc++, which nothing here uses.
std::vector<std::string> LinkFlags() {
  return SplitFlags(
      "-shared -static-libgcc -Wl,--as-needed -Wl,-z,defs -Wl,-z,relro -Wl,-z,now "
      "-Wl,-z,noexecstack -Wl,--gc-sections -Wl,--build-id=none");
}

std::vector<std::string> SplitFlags(const std::string& flags) {
  std::istringstream stream(flags);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

Status CheckToolchains(const std::vector<const Target*>& targets) {
  for (const Target* target : targets) {
    for (const char* tool : {target->compiler, target->archiver}) {
      if (!FindProgram(tool).empty()) continue;
      return Error(Code::kUnavailable,
                   "target {} needs {}, which is not installed: apt-get install {}", target->name,
                   tool, target->package);
    }
  }
  return OkStatus();
}

Result<std::string> CompilerVersion(const Target& target) {
  BLUESTEM_ASSIGN_OR_RETURN(const ProcessResult result,
                            RunProcess({target.compiler, "--version"}, "/"));
  if (result.exit_code != 0) {
    return Error(Code::kUnavailable, "{} --version ended with {}: {}", target.compiler,
                 result.exit_code, result.output);
  }
  return result.output.substr(0, result.output.find('\n'));
}

Status Compile(const CompileJob& job) {
  std::vector<Object> objects;
  for (const std::string& unit : job.tree->units) {
    objects.push_back({unit, job.objects / fmt::format("{:03}.o", objects.size())});
  }
  std::vector<Object> all = objects;
  const Path run_object = job.objects / "run.o";
  all.push_back({kRunProgram, run_object});
  BLUESTEM_RETURN_IF_ERROR(MakeObjects(job, all));
  return Link(job, objects, run_object);
}

void KeepNewest(const Path& folder, uint64_t most_bytes) {
  struct Kept {
    fs::file_time_type used;
    Path path;
    uint64_t bytes;
  };
  std::vector<Kept> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".o") continue;  // somebody is writing it
    std::error_code gone;
    const auto used = entry.last_write_time(gone);
    const uint64_t bytes = entry.file_size(gone);
    if (!gone) files.push_back({used, entry.path(), bytes});
  }
  std::sort(files.begin(), files.end(),
            [](const Kept& a, const Kept& b) { return a.used > b.used; });
  uint64_t total = 0;
  for (const Kept& file : files) {
    total += file.bytes;
    if (total > most_bytes) fs::remove(file.path, error);
  }
}

}  // namespace bluestem::codegen
