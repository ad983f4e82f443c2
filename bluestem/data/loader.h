// Loader: shuffled, augmented batches, prepared ahead by threads. Each batch is a pure function of
// (options, epoch, step): order and bytes do not depend on the number of threads, and a loader that
// starts at (epoch, step) gives what one that ran to there would give.
//
//   Loader loader(cache, {.batch = 64, .seed = 1, .threads = 2});
//   for (int64_t i = 0; i < steps; ++i) Use(loader.Next());
//
// Threads: Next belongs to one thread. Ownership: shares the cache; owns its threads.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bluestem/config/experiment.h"
#include "bluestem/data/cache.h"

namespace bluestem::data {

struct LoaderOptions {
  int64_t batch = 64;
  uint64_t seed = 1;
  bool shuffle = true;
  bool drop_last = true;  // leave out an incomplete last batch, unless it is the only one
  config::AugmentationConfig augmentation = {};
  int64_t threads = 1;
  int64_t prefetch = 4;  // batches prepared ahead
  int64_t rank = 0;      // the cache has every ranks-th picture of the data set, from this one on
  int64_t ranks = 1;
};

struct Batch {
  int64_t epoch = 0;
  int64_t step = 0;              // within the epoch
  Tensor pixels;                 // u8 [n, height, width, channels]
  std::vector<int64_t> labels;   // [n]
  std::vector<int64_t> indices;  // [n], of the samples in the cache
};

// Returns the order of samples in `epoch`: a permutation of 0..count-1 by (seed, epoch, rank).
std::vector<int64_t> EpochOrder(int64_t count, uint64_t seed, int64_t epoch, bool shuffle,
                                int64_t rank = 0);

// Returns the number of batches in an epoch. Requires: count > 0.
int64_t StepsPerEpoch(int64_t count, const LoaderOptions& options);

class Loader {
 public:
  // Starts at step `step` of `epoch`. Requires: a cache that is not empty; 0 <= step <
  // steps_per_epoch().
  Loader(std::shared_ptr<const PixelCache> cache, LoaderOptions options, int64_t epoch = 0,
         int64_t step = 0);
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  ~Loader();

  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  // Returns the next batch; after the last of an epoch comes the first of the next, without end.
  Batch Next();

 private:
  using Order = std::shared_ptr<const std::vector<int64_t>>;

  void Work();
  Order OrderOf(int64_t epoch);
  Batch Assemble(int64_t ticket);

  const std::shared_ptr<const PixelCache> cache_;
  const LoaderOptions options_;
  const int64_t steps_per_epoch_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  int64_t next_ticket_ = 0;          // the next batch that a thread takes, counted from epoch 0
  int64_t next_given_ = 0;           // the next batch that Next returns
  std::map<int64_t, Batch> ready_;   // by ticket
  std::map<int64_t, Order> orders_;  // of the epochs in work
  std::vector<std::thread> threads_;
};

}  // namespace bluestem::data
