#include "bluestem/train/internal/ranks.h"

#include <fmt/ranges.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "bluestem/base/check.h"

// The header is empty without it; LibTorch's CMake sets it where Gloo is in the library.
#ifndef USE_C10D_GLOO
#error "LibTorch was built without Gloo (USE_C10D_GLOO)"
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wdeprecated-copy"
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#pragma GCC diagnostic pop

namespace bluestem::train {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kJoinTime{300};     // for all ranks to be started
constexpr seconds kPhaseTime{86400};  // for work between barriers
constexpr seconds kRollCallTime{3};   // for ranks that live to say so after one is lost
constexpr seconds kFirstStays{2};     // longer at rank 0, where they say it
constexpr std::chrono::milliseconds kPollTime{20};

using Group = c10d::ProcessGroupGloo;

// Returns this machine's address on the way to rank 0, or "" where there is none: the name of a
// machine often stands for its loopback, which others cannot reach.
std::string OwnAddress(const config::RankPlace& place) {
  addrinfo hints = {}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  const std::string port = std::to_string(place.port);
  if (::getaddrinfo(place.address.c_str(), port.c_str(), &hints, &found) != 0) return "";
  std::string own;
  const int fd = ::socket(found->ai_family, SOCK_DGRAM, 0);
  sockaddr_storage name = {};
  socklen_t size = sizeof(name);
  char text[NI_MAXHOST];
  // Connecting a datagram socket sends nothing; it asks for the route.
  if (fd >= 0 && ::connect(fd, found->ai_addr, found->ai_addrlen) == 0 &&
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0 &&
      ::getnameinfo(reinterpret_cast<sockaddr*>(&name), size, text, sizeof(text), nullptr, 0,
                    NI_NUMERICHOST) == 0)
    own = text;
  if (fd >= 0) ::close(fd);
  ::freeaddrinfo(found);
  return own;
}

auto MakeDevice(const config::RankPlace& place) {
  const char* asked = std::getenv("GLOO_SOCKET_IFNAME");  // as torch.distributed has it
  const std::string interface = asked != nullptr ? asked : place.interface;
  if (!interface.empty()) return Group::createDeviceForInterface(interface);
  const std::string own = OwnAddress(place);
  return own.empty() ? Group::createDefaultDevice() : Group::createDeviceForHostname(own);
}

std::string Key(const char* what, int64_t rank) {
  return fmt::format("{}/{}", what, rank);
}

}  // namespace

struct Ranks::Connections {
  c10::intrusive_ptr<c10d::Store> store;
  std::unique_ptr<Group> steps, phases;

  // Returns the ranks that have not set `what` when the time is over.
  std::vector<int64_t> Missing(const char* what, int64_t count, seconds time) const {
    const auto end = steady_clock::now() + time;
    while (true) {
      std::vector<int64_t> missing;
      for (int64_t rank = 0; rank < count; ++rank) {
        if (!store->check({Key(what, rank)})) missing.push_back(rank);
      }
      if (missing.empty() || steady_clock::now() > end) return missing;
      std::this_thread::sleep_for(kPollTime);
    }
  }
  void Set(const char* what, int64_t rank) const { store->set(Key(what, rank), {1}); }
};

Ranks::Ranks() = default;
Ranks::~Ranks() = default;

Ranks& Ranks::Alone() {
  static Ranks alone;
  return alone;
}

Result<std::unique_ptr<Ranks>> Ranks::Join(const config::RankPlace& place,
                                           int64_t timeout_seconds) {
  auto ranks = std::make_unique<Ranks>();
  ranks->rank_ = place.rank;
  ranks->count_ = place.ranks;
  if (place.ranks == 1) return ranks;
  auto connections = std::make_unique<Connections>();
  try {
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(place.port);
    options.isServer = place.rank == 0 && place.store.empty();
    options.waitWorkers = false;
    options.timeout = kJoinTime;
    connections->store = c10::make_intrusive<c10d::TCPStore>(place.address, options);
    if (!place.store.empty())
      connections->store = c10::make_intrusive<c10d::PrefixStore>(place.store, connections->store);
    connections->Set("joined", place.rank);
    const std::vector<int64_t> missing = connections->Missing("joined", place.ranks, kJoinTime);
    if (!missing.empty()) {
      return Error(Code::kIo, "{}:{}: rank {} did not join within {} s; start all {} ranks",
                   place.address, place.port, fmt::join(missing, ", "), kJoinTime.count(),
                   place.ranks);
    }
    const auto group = [&](const char* name, seconds timeout) {
      const auto settings = Group::Options::create(timeout);
      settings->threads = 1;
      settings->devices.push_back(MakeDevice(place));
      return std::make_unique<Group>(
          c10::make_intrusive<c10d::PrefixStore>(name, connections->store),
          static_cast<int>(place.rank), static_cast<int>(place.ranks), settings);
    };
    connections->steps = group("steps", seconds(timeout_seconds));
    connections->phases = group("phases", kPhaseTime);
  } catch (const std::exception& error) {
    return Error(Code::kIo, "{}:{}: rank {} of {} cannot join (MASTER_ADDR, MASTER_PORT): {}",
                 place.address, place.port, place.rank, place.ranks, error.what());
  }
  ranks->connections_ = std::move(connections);
  return ranks;
}

// Closes the connections, so that all ranks notice, and calls the roll at rank 0: who does not
// answer is lost.
void Ranks::Lost(const std::string& reason) {
  const std::unique_ptr<Connections> connections = std::move(connections_);
  std::vector<int64_t> lost;
  try {
    connections->steps.reset();
    connections->phases.reset();
    connections->Set("alive", rank_);
    lost = connections->Missing("alive", count_,
                                rank_ == 0 ? kRollCallTime + kFirstStays : kRollCallTime);
  } catch (const std::exception&) {
    lost = {0};  // the store was there
  }
  if (lost.empty())
    throw RankLost(fmt::format("the connection between {} ranks broke ({})", count_, reason));
  throw RankLost(fmt::format("rank {} of {} is lost ({})", fmt::join(lost, ", "), count_, reason));
}

template <typename Work>
void Ranks::Guard(const Work& work) {
  BLUESTEM_CHECK(connections_ != nullptr, "nothing is said after a rank was lost");
  std::string reason;
  try {
    work();
    return;
  } catch (const std::exception& error) {
    reason = error.what();
  }
  Lost(reason);
}

namespace {

template <typename T>
void Reduce(Group& group, T* values, int64_t count, c10d::ReduceOp::RedOpType operation) {
  std::vector<at::Tensor> tensors = {
      at::from_blob(values, {count}, at::CppTypeToScalarType<T>::value)};
  c10d::AllreduceOptions options;
  options.reduceOp = operation;
  group.allreduce(tensors, options)->wait();
}

}  // namespace

void Ranks::Sum(float* values, int64_t count) {
  if (count_ == 1) return;
  Guard([&] { Reduce(*connections_->steps, values, count, c10d::ReduceOp::SUM); });
}

void Ranks::Sum(double* values, int64_t count) {
  if (count_ == 1) return;
  Guard([&] { Reduce(*connections_->steps, values, count, c10d::ReduceOp::SUM); });
}

float Ranks::Max(float value) {
  if (count_ == 1) return value;
  Guard([&] { Reduce(*connections_->steps, &value, 1, c10d::ReduceOp::MAX); });
  return value;
}

int64_t Ranks::OfFirst(int64_t value) {
  double shared = rank_ == 0 ? static_cast<double>(value) : 0.0;
  Sum(&shared, 1);
  return count_ == 1 ? value : static_cast<int64_t>(shared);
}

void Ranks::Share(Bytes& bytes) {
  if (count_ == 1) return;
  bytes.resize(static_cast<size_t>(OfFirst(static_cast<int64_t>(bytes.size()))));
  if (bytes.empty()) return;
  Guard([&] {
    std::vector<at::Tensor> tensors = {
        at::from_blob(bytes.data(), {static_cast<int64_t>(bytes.size())}, at::kByte)};
    connections_->steps->broadcast(tensors)->wait();
  });
}

void Ranks::Barrier() {
  if (count_ == 1) return;
  float nothing = 0;
  Guard([&] { Reduce(*connections_->phases, &nothing, 1, c10d::ReduceOp::SUM); });
}

}  // namespace bluestem::train
