#include "bluestem/cli/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "bluestem/cli/command.h"

namespace bluestem::cli {
namespace {

constexpr size_t kMaxOutput = size_t{64} << 10;
constexpr int kPollMilliseconds = 200;

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

struct Child {
  pid_t pid = 0;
  int output = -1;  // stdout and stderr together
};

Result<Child> Start(const std::vector<std::string>& words) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return Error(Code::kIo, "{}: cannot start: {}", words[0], std::strerror(errno));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  Child child{.output = ends[0]};
  const int error = ::posix_spawn(&child.pid, words[0].c_str(), &actions, nullptr,
                                  Pointers(words).data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    return Error(Code::kIo, "{}: cannot start: {}", words[0], std::strerror(error));
  }
  return child;
}

// Waits for the end and returns the exit code, 128 + n when signal n ended it.
int Wait(const Child& child) {
  ::close(child.output);
  int state = 0;
  while (::waitpid(child.pid, &state, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
}

}  // namespace

Result<int> WatchProcess(const std::vector<std::string>& words,
                         const std::function<void(const std::string&)>& on_line) {
  BLUESTEM_ASSIGN_OR_RETURN(const Child child, Start(words));
  std::string rest;
  bool told = false;
  while (true) {
    if (Interrupted() && !told) told = ::kill(child.pid, SIGINT) == 0;
    pollfd ready{.fd = child.output, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kPollMilliseconds) <= 0) continue;  // time, or a signal
    char buffer[4096];
    const ssize_t got = ::read(child.output, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    rest.append(buffer, static_cast<size_t>(got));
    for (size_t end = 0; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1))
      on_line(rest.substr(0, end));
    if (rest.size() > kMaxOutput) rest.clear();  // no line of ours
  }
  if (!rest.empty()) on_line(rest);
  return Wait(child);
}

Status ReplaceProcess(const std::vector<std::string>& words) {
  ::execv(words[0].c_str(), Pointers(words).data());
  return Error(Code::kIo, "{}: cannot start: {}", words[0], std::strerror(errno));
}

std::vector<std::string> SplitWords(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace bluestem::cli
