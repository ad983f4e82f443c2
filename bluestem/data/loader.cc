#include "bluestem/data/loader.h"

#include <algorithm>
#include <numeric>

#include "bluestem/base/rng.h"
#include "bluestem/data/augment.h"

namespace bluestem::data {
namespace {

// Keeps the streams of the orders apart from those of the pictures, which are numbered from 0: rank
// r's is kOrderStream - r.
constexpr uint64_t kOrderStream = ~uint64_t{0};

}  // namespace

std::vector<int64_t> EpochOrder(int64_t count, uint64_t seed, int64_t epoch, bool shuffle,
                                int64_t rank) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), int64_t{0});
  const uint64_t stream = kOrderStream - static_cast<uint64_t>(rank);
  if (shuffle) Rng(seed, static_cast<uint64_t>(epoch), stream).Shuffle(order);
  return order;
}

int64_t StepsPerEpoch(int64_t count, const LoaderOptions& options) {
  const int64_t whole = count / options.batch;
  const bool rest = count % options.batch != 0;
  return rest && (!options.drop_last || whole == 0) ? whole + 1 : whole;
}

Loader::Loader(std::shared_ptr<const PixelCache> cache, LoaderOptions options, int64_t epoch,
               int64_t step)
    : cache_(std::move(cache)),
      options_(options),
      steps_per_epoch_(StepsPerEpoch(cache_->size(), options_)) {
  BLUESTEM_CHECK(cache_->size() > 0 && options_.batch > 0, "batches have pictures");
  BLUESTEM_CHECK(epoch >= 0 && step >= 0 && step < steps_per_epoch_, "a step of the epoch");
  next_ticket_ = next_given_ = epoch * steps_per_epoch_ + step;
  for (int64_t t = 0; t < std::max<int64_t>(options_.threads, 1); ++t)
    threads_.emplace_back([this] { Work(); });
}

Loader::~Loader() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Batch Loader::Next() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return ready_.count(next_given_) != 0; });
  Batch batch = std::move(ready_.at(next_given_));
  ready_.erase(next_given_);
  ++next_given_;
  orders_.erase(orders_.begin(), orders_.lower_bound(next_given_ / steps_per_epoch_));
  lock.unlock();
  changed_.notify_all();
  return batch;
}

void Loader::Work() {
  const int64_t ahead = std::max<int64_t>(options_.prefetch, 1);
  while (true) {
    int64_t ticket = 0;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || next_ticket_ < next_given_ + ahead; });
      if (stopping_) return;
      ticket = next_ticket_++;
    }
    Batch batch = Assemble(ticket);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ready_.emplace(ticket, std::move(batch));
    }
    changed_.notify_all();
  }
}

Loader::Order Loader::OrderOf(int64_t epoch) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Order& order = orders_[epoch];
  if (order == nullptr) {
    order = std::make_shared<const std::vector<int64_t>>(
        EpochOrder(cache_->size(), options_.seed, epoch, options_.shuffle, options_.rank));
  }
  return order;
}

Batch Loader::Assemble(int64_t ticket) {
  Batch batch;
  batch.epoch = ticket / steps_per_epoch_;
  batch.step = ticket % steps_per_epoch_;
  const Order order = OrderOf(batch.epoch);
  const int64_t begin = batch.step * options_.batch;
  const int64_t end = std::min(begin + options_.batch, cache_->size());
  const image::PreprocessSpec& spec = cache_->spec();
  const PictureSize size{spec.height, spec.width, spec.channels};
  batch.pixels = Tensor(DType::kU8, {end - begin, spec.height, spec.width, spec.channels});
  uint8_t* out = batch.pixels.raw();
  for (int64_t i = begin; i < end; ++i) {
    const int64_t index = (*order)[static_cast<size_t>(i)];
    const AugmentKey key{options_.seed, static_cast<uint64_t>(batch.epoch),
                         static_cast<uint64_t>(index * options_.ranks + options_.rank)};
    Apply(Choose(options_.augmentation, key, size), size, cache_->Pixels(index), out);
    out += cache_->picture_bytes();
    batch.labels.push_back(cache_->Label(index));
    batch.indices.push_back(index);
  }
  return batch;
}

}  // namespace bluestem::data
