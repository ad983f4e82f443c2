#include "bluestem/train/internal/ranks.h"

#include <fmt/ranges.h>

#include <chrono>
#include <thread>

#include "bluestem/base/check.h"
#include "bluestem/train/internal/collective.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wdeprecated-copy"
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
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

std::string Key(const char* what, int64_t rank) {
  return fmt::format("{}/{}", what, rank);
}

}  // namespace

struct Ranks::Connections {
  c10::intrusive_ptr<c10d::Store> store;
  std::unique_ptr<Collective> steps, phases;

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

Result<std::unique_ptr<Ranks>> Ranks::Join(const config::RankPlace& place, int64_t timeout_seconds,
                                           const Transport& transport) {
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
    const std::string& backend = transport.backend;
    connections->store->set(Key("backend", place.rank), {backend.begin(), backend.end()});
    connections->Set("joined", place.rank);
    const std::vector<int64_t> missing = connections->Missing("joined", place.ranks, kJoinTime);
    if (!missing.empty()) {
      return Error(Code::kIo, "{}:{}: rank {} did not join within {} s; start all {} ranks",
                   place.address, place.port, fmt::join(missing, ", "), kJoinTime.count(),
                   place.ranks);
    }
    const std::vector<uint8_t> first = connections->store->get(Key("backend", 0));
    if (std::string(first.begin(), first.end()) != backend) {
      return Error(Code::kInvalidArgument,
                   "train.backend: rank {} has {} and rank 0 {}; start every rank with the same",
                   place.rank, backend, std::string(first.begin(), first.end()));
    }
    const auto group = [&](const char* name, seconds timeout) {
      return MakeCollective(place, c10::make_intrusive<c10d::PrefixStore>(name, connections->store),
                            transport, timeout);
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
void Reduce(Collective& group, T* values, int64_t count, c10d::ReduceOp::RedOpType operation) {
  group.Reduce(at::from_blob(values, {count}, at::CppTypeToScalarType<T>::value), operation);
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
    connections_->steps->Broadcast(
        at::from_blob(bytes.data(), {static_cast<int64_t>(bytes.size())}, at::kByte));
  });
}

void Ranks::Barrier() {
  if (count_ == 1) return;
  float nothing = 0;
  Guard([&] { Reduce(*connections_->phases, &nothing, 1, c10d::ReduceOp::SUM); });
}

}  // namespace bluestem::train
