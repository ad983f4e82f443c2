#include "bluestem/data/cache.h"

#include <atomic>
#include <cstring>
#include <mutex>

#include "bluestem/data/parallel.h"

namespace bluestem::data {

Result<std::shared_ptr<const PixelCache>> PixelCache::Build(
    const Dataset& dataset, const image::PreprocessSpec& spec, int64_t threads,
    const std::function<bool(int64_t done)>& progress, int64_t max_bytes) {
  auto cache = std::make_shared<PixelCache>();
  cache->spec_ = spec;
  cache->classes_ = dataset.classes();
  const int64_t count = dataset.size();
  const int64_t picture = cache->picture_bytes();
  if (picture > 0 && count > max_bytes / picture) {
    return Error(Code::kInvalidData,
                 "{} pictures of {} x {} x {} need {} bytes of memory; at most {} are used: choose "
                 "a smaller "
                 "data.image_size",
                 count, spec.width, spec.height, spec.channels, count * picture, max_bytes);
  }
  cache->pixels_.resize(static_cast<size_t>(count * picture));
  cache->labels_.resize(static_cast<size_t>(count));

  std::mutex mutex;
  int64_t first_failed = count;
  int64_t failures = 0;
  int64_t done = 0;
  Status failure;
  std::atomic<bool> stop{false};
  ParallelFor(count, threads, [&](int64_t i) {
    if (stop) return;
    const Result<Sample> sample = dataset.Get(i);
    if (sample.ok()) {
      const Tensor pixels = image::ToPixels(sample->image, spec);
      std::memcpy(cache->pixels_.data() + i * picture, pixels.raw(), static_cast<size_t>(picture));
      cache->labels_[static_cast<size_t>(i)] = sample->label;
    }
    const std::lock_guard<std::mutex> lock(mutex);
    if (!sample.ok()) ++failures;
    if (!sample.ok() && i < first_failed) {
      first_failed = i;
      failure = sample.status();
    }
    ++done;
    if (progress && done % 256 == 0 && !progress(done)) stop = true;
  });
  if (stop)
    return Error(Code::kInterrupted, "interrupted after reading {} of {} pictures", done, count);
  if (failures > 1) {
    return Error(failure.code(), "{} (and {} more unreadable; `bluestem data check` lists them)",
                 failure.message(), failures - 1);
  }
  if (failures == 1) return failure;
  return std::shared_ptr<const PixelCache>(std::move(cache));
}

const uint8_t* PixelCache::Pixels(int64_t index) const {
  BLUESTEM_CHECK(index >= 0 && index < size(), "index");
  return pixels_.data() + index * picture_bytes();
}

int32_t PixelCache::Label(int64_t index) const {
  BLUESTEM_CHECK(index >= 0 && index < size(), "index");
  return labels_[static_cast<size_t>(index)];
}

}  // namespace bluestem::data
