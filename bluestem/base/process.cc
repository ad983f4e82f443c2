#include "bluestem/base/process.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

extern char** environ;

namespace bluestem {
namespace {

// The child's set-up: its folder, nothing to read, one pipe for both outputs.
class SpawnActions {
 public:
  SpawnActions(const Path& folder, int write_end) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str());
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, write_end, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, write_end, STDERR_FILENO);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

bool Executable(const Path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

std::string ReadAll(int fd) {
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t got = ::read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer, static_cast<size_t>(got));
  }
}

}  // namespace

Path FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) return Executable(name) ? Path(name) : Path();
  const char* variable = std::getenv("PATH");
  std::string rest = variable == nullptr ? "" : variable;
  while (!rest.empty()) {
    const size_t colon = rest.find(':');
    const Path folder = rest.substr(0, colon);
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
    if (!folder.empty() && Executable(folder / name)) return folder / name;
  }
  return {};
}

Path OwnFolder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
}

Path SourceRoot() {
  Path own = OwnFolder();
  // In a shared library, whoever's program it is.
  Dl_info here{};
  if (::dladdr(reinterpret_cast<void*>(&SourceRoot), &here) != 0 && here.dli_fname != nullptr) {
    const Path file = here.dli_fname;
    if (file.filename().string().find(".so") != std::string::npos) own = file.parent_path();
  }
  const Path installed = own.parent_path() / "share" / "bluestem";
  std::error_code error;
  return std::filesystem::is_directory(installed / "bluestem" / "kernels", error)
             ? installed
             : Path(BLUESTEM_SOURCE_ROOT);
}

Result<ProcessResult> RunProcess(const std::vector<std::string>& arguments, const Path& folder) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return Error(Code::kIo, "{}: cannot start: {}", arguments[0], std::strerror(errno));
  }
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, argv[0], SpawnActions(folder, ends[1]).get(), nullptr,
                                   argv.data(), environ);
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    return Error(Code::kIo, "{}: cannot start: {}", arguments[0], std::strerror(error));
  }
  ProcessResult result;
  result.output = ReadAll(ends[0]);
  ::close(ends[0]);
  int state = 0;
  while (::waitpid(child, &state, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state);
  return result;
}

std::string ShellText(const std::vector<std::string>& arguments) {
  constexpr const char* kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:%@";
  std::string text;
  for (const std::string& argument : arguments) {
    if (!text.empty()) text += ' ';
    const bool plain = !argument.empty() && argument.find_first_not_of(kPlain) == std::string::npos;
    if (plain) {
      text += argument;
      continue;
    }
    text += '\'';
    for (const char c : argument) text += c == '\'' ? "'\\''" : std::string(1, c);
    text += '\'';
  }
  return text;
}

}  // namespace bluestem
