#include "bluestem/cli/launch.h"

#include <arpa/inet.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>

#include "bluestem/cli/process.h"

namespace bluestem::cli {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kGrace{15};  // the ranks' own roll call takes 5
constexpr int kTickMicroseconds = 200000;   // no signal is overlooked for longer

volatile std::sig_atomic_t passed_on = 0;  // the last signal, to be sent to the ranks

void OnSignal(int signal) {
  if (signal != SIGALRM) passed_on = signal;
}

// Handlers without SA_RESTART: a signal ends a wait.
void Handle(int signal) {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  ::sigaction(signal, &action, nullptr);
}

// Returns a port that nobody listens on now.
Result<int> FreePort() {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* name = reinterpret_cast<sockaddr*>(&address);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool found = fd >= 0 && ::bind(fd, name, size) == 0 && ::getsockname(fd, name, &size) == 0;
  const int reason = errno;
  if (fd >= 0) ::close(fd);
  if (!found) return Error(Code::kIo, "127.0.0.1: no free port: {}", std::strerror(reason));
  return static_cast<int>(::ntohs(address.sin_port));
}

// Wakes a wait again and again, as a signal may come right before one.
void Tick(int microseconds) {
  const itimerval timer = {{0, microseconds}, {0, microseconds}};
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

struct Rank {
  pid_t process = -1;
  bool running = false;
  int state = 0;  // of waitpid
};

bool Failed(const Rank& rank) {
  return !rank.running && rank.state != 0;
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// This process's environment with the variables of a rank in place of any that it has.
std::vector<std::string> EnvironmentOf(int64_t rank, int64_t ranks, int port) {
  const std::vector<std::string> own = {
      fmt::format("RANK={}", rank), fmt::format("WORLD_SIZE={}", ranks),
      fmt::format("LOCAL_WORLD_SIZE={}", ranks), "MASTER_ADDR=127.0.0.1",
      fmt::format("MASTER_PORT={}", port)};
  std::vector<std::string> all = own;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const bool replaced = std::any_of(own.begin(), own.end(), [&](const std::string& variable) {
      return text.rfind(variable.substr(0, variable.find('=') + 1), 0) == 0;
    });
    if (!replaced) all.push_back(text);
  }
  return all;
}

void Send(const std::vector<Rank>& all, int signal) {
  for (const Rank& rank : all) {
    if (rank.running) ::kill(rank.process, signal);
  }
}

Status Start(std::vector<std::string> words, int64_t ranks, std::vector<Rank>& all) {
  BLUESTEM_ASSIGN_OR_RETURN(const int port, FreePort());
  for (int64_t i = 0; i < ranks; ++i) {
    std::vector<std::string> variables = EnvironmentOf(i, ranks, port);
    Rank rank;
    const int error = ::posix_spawn(&rank.process, words[0].c_str(), nullptr, nullptr,
                                    Pointers(words).data(), Pointers(variables).data());
    if (error != 0) return Error(Code::kIo, "{}: cannot start: {}", words[0], std::strerror(error));
    rank.running = true;
    all.push_back(rank);
  }
  return OkStatus();
}

// Waits for one child more, or for a signal. `told`: say how a signal ended it.
void WaitForOne(std::vector<Rank>& all, bool told) {
  int state = 0;
  const pid_t ended = ::waitpid(-1, &state, 0);
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].process != ended) continue;
    all[i].running = false;
    all[i].state = state;
    if (WIFSIGNALED(state) && told) {
      std::fprintf(stderr, "bluestem: rank %zu of %zu was ended by signal %d (%s)\n", i, all.size(),
                   WTERMSIG(state), ::strsignal(WTERMSIG(state)));
    }
  }
}

}  // namespace

Result<int> RunRanks(const std::vector<std::string>& words, int64_t ranks) {
  for (const int signal : {SIGINT, SIGTERM, SIGALRM}) Handle(signal);
  std::vector<Rank> all;
  const Status started = Start(words, ranks, all);
  if (!started.ok()) Send(all, SIGKILL);
  Tick(kTickMicroseconds);
  std::optional<steady_clock::time_point> end;  // of waiting for the rest after a failure
  while (std::any_of(all.begin(), all.end(), [](const Rank& rank) { return rank.running; })) {
    const bool over = end.has_value() && steady_clock::now() > *end;
    if (over) Send(all, SIGKILL);
    WaitForOne(all, !over);
    if (const int signal = passed_on; signal != 0) {
      passed_on = 0;
      Send(all, signal);
    }
    if (!end.has_value() && std::any_of(all.begin(), all.end(), Failed))
      end = steady_clock::now() + kGrace;
  }
  Tick(0);
  BLUESTEM_RETURN_IF_ERROR(started);
  if (WIFSIGNALED(all[0].state))
    return Error(Code::kIo, "rank 0 was ended by signal {}", WTERMSIG(all[0].state));
  for (const Rank& rank : all) {
    if (WIFEXITED(rank.state) && rank.state != 0) return WEXITSTATUS(rank.state);
  }
  return std::any_of(all.begin(), all.end(), Failed) ? static_cast<int>(Code::kIo) : 0;
}

}  // namespace bluestem::cli
