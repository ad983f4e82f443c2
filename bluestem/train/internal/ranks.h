// Ranks: the processes that train one network together, and what they tell each other. Rank i of k
// has the i-th share of each joint batch; what is summed here over ranks is what one rank with the
// joint batch would have summed over images.
//
// Through torch.distributed's c10d: a TCPStore at rank 0, or at torchrun, where ranks meet, and
// Gloo, NCCL or MPI between them (internal/backend.h). All ranks make the same calls in the same
// order. Every rank gets the same bits, and the order of additions depends on the number of ranks
// alone. A rank of its own (one rank) is told nothing: calls leave the values as they are.
//
// Calls throw RankLost when another rank has died (noticed at once: its connections close) or has
// been silent for the timeout. Threads: one thread. Ownership: owns the connections.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "bluestem/base/file.h"
#include "bluestem/config/rank_place.h"

namespace bluestem::train {

// What the ranks talk through.
struct Transport {
  std::string backend = "gloo";  // of ChooseBackend (internal/backend.h)
  std::string device;            // where NCCL works: "cuda:1"
};

// what() names the rank: "rank 1 of 2 is lost (...)".
class RankLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Ranks {
 public:
  // One rank.
  Ranks();
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  // Waits for all ranks of `place`, some minutes at most. `timeout_seconds` is for each later call.
  // Errors: kIo naming the address, or the ranks that did not come; kInvalidArgument where a rank
  // has another backend than rank 0.
  static Result<std::unique_ptr<Ranks>> Join(const config::RankPlace& place,
                                             int64_t timeout_seconds,
                                             const Transport& transport = {});
  // One rank, for who has no others.
  static Ranks& Alone();

  int64_t rank() const { return rank_; }
  int64_t count() const { return count_; }

  // Adds the ranks' values, in place.
  void Sum(float* values, int64_t count);
  void Sum(double* values, int64_t count);
  // Returns the greatest of the ranks' values. Requires: no NaN.
  float Max(float value);
  // Returns rank 0's value. Requires: below 2^53.
  int64_t OfFirst(int64_t value);
  // Replaces the bytes by rank 0's.
  void Share(Bytes& bytes);
  // Waits for all ranks, hours if need be: for work that takes ranks differently long.
  void Barrier();

 private:
  struct Connections;
  template <typename Work>
  void Guard(const Work& work);
  [[noreturn]] void Lost(const std::string& reason);

  int64_t rank_ = 0, count_ = 1;
  std::unique_ptr<Connections> connections_;  // null: one rank
};

}  // namespace bluestem::train
