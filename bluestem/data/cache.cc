#include "bluestem/data/cache.h"

#include <atomic>
#include <cstring>
#include <mutex>

#include "bluestem/data/parallel.h"

namespace bluestem::data {

Result<std::shared_ptr<const PixelCache>> PixelCache::Build(
    const Dataset& dataset, const image::PreprocessSpec& spec, int64_t threads,
    const std::function<bool(int64_t done)>& progress, int64_t max_bytes,
    std::vector<Status>* skipped) {
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
  std::map<int64_t, Status> failures;
  int64_t done = 0;
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
    if (!sample.ok()) failures.emplace(i, sample.status());
    ++done;
    if (progress && done % 256 == 0 && !progress(done)) stop = true;
  });
  if (stop)
    return Error(Code::kInterrupted, "interrupted after reading {} of {} pictures", done, count);
  if (failures.empty()) return std::shared_ptr<const PixelCache>(std::move(cache));
  if (skipped == nullptr || static_cast<int64_t>(failures.size()) == count) {
    const Status& first = failures.begin()->second;
    if (failures.size() == 1) return first;
    return Error(first.code(), "{} (and {} more unreadable; `bluestem data check` lists them)",
                 first.message(), failures.size() - 1);
  }
  cache->Drop(failures);
  for (const auto& [index, status] : failures) skipped->push_back(status);
  return std::shared_ptr<const PixelCache>(std::move(cache));
}

// Moves what is left together.
void PixelCache::Drop(const std::map<int64_t, Status>& failures) {
  const auto picture = static_cast<size_t>(picture_bytes());
  size_t kept = 0;
  for (size_t i = 0; i < labels_.size(); ++i) {
    if (failures.count(static_cast<int64_t>(i)) != 0) continue;
    labels_[kept] = labels_[i];
    std::memmove(pixels_.data() + kept * picture, pixels_.data() + i * picture, picture);
    ++kept;
  }
  labels_.resize(kept);
  pixels_.resize(kept * picture);
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
