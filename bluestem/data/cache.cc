#include "bluestem/data/cache.h"

#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <numeric>

#include "bluestem/data/parallel.h"

namespace bluestem::data {

Result<std::shared_ptr<PixelCache>> PixelCache::Build(
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
  cache->origins_.resize(static_cast<size_t>(count));
  std::iota(cache->origins_.begin(), cache->origins_.end(), int64_t{0});
  cache->multi_label_ = dataset.multi_label();
  const size_t classes = cache->classes_.size();
  if (cache->multi_label_) cache->marks_.resize(static_cast<size_t>(count) * classes);
  for (int64_t i = 0; i < count && cache->multi_label_; ++i) {
    for (const int32_t label : dataset.Labels(i))
      cache->marks_[static_cast<size_t>(i) * classes + static_cast<size_t>(label)] = 1;
  }

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
  if (failures.empty()) return cache;
  if (skipped == nullptr || static_cast<int64_t>(failures.size()) == count) {
    return UnreadableError(failures.begin()->second, static_cast<int64_t>(failures.size()));
  }
  std::vector<bool> left_out(static_cast<size_t>(count));
  for (const auto& [index, status] : failures) {
    left_out[static_cast<size_t>(index)] = true;
    skipped->push_back(status);
  }
  cache->Drop(left_out);
  return cache;
}

void PixelCache::KeepEvenly(int64_t count) {
  BLUESTEM_CHECK(count >= 0 && count <= size(), "some of the pictures");
  const int64_t all = size(), dropped = all - count;
  std::vector<bool> left_out(static_cast<size_t>(all));
  for (int64_t i = 0; i < dropped; ++i)
    left_out[static_cast<size_t>((2 * i + 1) * all / (2 * dropped))] = true;
  if (dropped > 0) Drop(left_out);
}

// Moves what is left together.
void PixelCache::Drop(const std::vector<bool>& left_out) {
  const auto picture = static_cast<size_t>(picture_bytes());
  size_t kept = 0;
  for (size_t i = 0; i < labels_.size(); ++i) {
    if (left_out[i]) continue;
    labels_[kept] = labels_[i];
    origins_[kept] = origins_[i];
    for (size_t k = 0; k < classes_.size() && multi_label_; ++k)
      marks_[kept * classes_.size() + k] = marks_[i * classes_.size() + k];
    std::memmove(pixels_.data() + kept * picture, pixels_.data() + i * picture, picture);
    ++kept;
  }
  labels_.resize(kept);
  origins_.resize(kept);
  if (multi_label_) marks_.resize(kept * classes_.size());
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

int64_t PixelCache::Origin(int64_t index) const {
  BLUESTEM_CHECK(index >= 0 && index < size(), "index");
  return origins_[static_cast<size_t>(index)];
}

const uint8_t* PixelCache::Marks(int64_t index) const {
  BLUESTEM_CHECK(multi_label_ && index >= 0 && index < size(), "marks of a picture");
  return marks_.data() + index * static_cast<int64_t>(classes_.size());
}

std::vector<int32_t> PixelCache::Labels(int64_t index) const {
  if (!multi_label_) return {Label(index)};
  const uint8_t* marks = Marks(index);
  std::vector<int32_t> labels;
  for (size_t k = 0; k < classes_.size(); ++k) {
    if (marks[k] != 0) labels.push_back(static_cast<int32_t>(k));
  }
  return labels;
}

}  // namespace bluestem::data
