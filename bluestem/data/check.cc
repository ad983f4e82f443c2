#include "bluestem/data/check.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <map>
#include <mutex>

#include "bluestem/data/parallel.h"

namespace bluestem::data {
namespace {

// 128 bits of a picture: two lanes of multiply and rotate over its bytes and size. Not against
// adversaries: equal digests are compared pixel by pixel before anything is reported.
using Digest = std::pair<uint64_t, uint64_t>;

Digest DigestOf(const image::Image& image) {
  uint64_t a = 0x9e3779b97f4a7c15ULL ^ static_cast<uint64_t>(image.height);
  uint64_t b = 0xc2b2ae3d27d4eb4fULL ^
               (static_cast<uint64_t>(image.width) << 8 | static_cast<uint64_t>(image.channels));
  for (const uint8_t byte : image.pixels) {
    a = std::rotl((a ^ byte) * 0xff51afd7ed558ccdULL, 29);
    b = std::rotl((b + byte) * 0xc4ceb9fe1a85ec53ULL, 31) ^ a;
  }
  return {a, b};
}

// What one pass over a dataset leaves, by index.
struct Scan {
  struct Item {
    bool readable = false;
    int32_t height = 0;
    int32_t width = 0;
    int32_t channels = 0;
    Digest digest;
    std::string reason;
  };
  std::vector<Item> items;
};

Result<Scan> Read(const Dataset& dataset, int64_t threads, int64_t done_before,
                  const std::function<bool(int64_t done)>& progress) {
  Scan scan;
  scan.items.resize(static_cast<size_t>(dataset.size()));
  std::mutex mutex;
  int64_t done = done_before;
  std::atomic<bool> stop{false};
  ParallelFor(dataset.size(), threads, [&](int64_t i) {
    if (stop) return;
    const Result<Sample> sample = dataset.Get(i);
    Scan::Item& item = scan.items[static_cast<size_t>(i)];
    if (sample.ok()) {
      const image::Image& image = sample->image;
      item = {true, image.height, image.width, image.channels, DigestOf(image), ""};
    } else {
      item.reason = sample.status().message();
    }
    const std::lock_guard<std::mutex> lock(mutex);
    ++done;
    if (progress && done % 256 == 0 && !progress(done)) stop = true;
  });
  if (stop) return Error(Code::kInterrupted, "interrupted after {} pictures", done);
  return scan;
}

Range RangeOf(std::vector<int64_t> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return {values.front(), values[(values.size() - 1) / 2], values.back()};
}

// Where a picture stands.
struct Place {
  const Dataset* dataset;
  int64_t index;
};

bool SamePixels(const Place& a, const Place& b) {
  const Result<Sample> first = a.dataset->Get(a.index);
  const Result<Sample> second = b.dataset->Get(b.index);
  return first.ok() && second.ok() && first->image == second->image;
}

bool SameLabel(const Place& a, const Place& b) {
  return a.dataset->Labels(a.index) == b.dataset->Labels(b.index);
}

// "path: reason" without the path.
std::string WithoutName(const std::string& reason, const std::string& name) {
  return reason.rfind(name + ": ", 0) == 0 ? reason.substr(name.size() + 2) : reason;
}

void CountLabels(const Dataset& dataset, SplitReport& report) {
  report.class_counts.assign(dataset.classes().size(), 0);
  report.uncertain.assign(dataset.classes().size(), 0);
  report.multi_label = dataset.multi_label();
  std::map<std::pair<int32_t, int32_t>, int64_t> together;
  for (int64_t i = 0; i < dataset.size(); ++i) {
    const std::vector<int32_t> labels = dataset.Labels(i);
    if (labels.empty()) ++report.without_label;
    for (const int32_t label : dataset.UncertainLabels(i))
      ++report.uncertain[static_cast<size_t>(label)];
    for (size_t a = 0; a < labels.size(); ++a) {
      ++report.class_counts[static_cast<size_t>(labels[a])];
      for (size_t b = a + 1; b < labels.size(); ++b) ++together[{labels[a], labels[b]}];
    }
  }
  for (const auto& [pair, count] : together)
    report.together.push_back({pair.first, pair.second, count});
  std::stable_sort(report.together.begin(), report.together.end(),
                   [](const Together& a, const Together& b) { return a.count > b.count; });
}

SplitReport Summarize(const std::string& name, const Dataset& dataset, const Scan& scan) {
  SplitReport report;
  report.name = name;
  report.count = dataset.size();
  CountLabels(dataset, report);
  std::vector<int64_t> heights;
  std::vector<int64_t> widths;
  std::map<Digest, std::vector<int64_t>> by_digest;
  for (int64_t i = 0; i < dataset.size(); ++i) {
    const Scan::Item& item = scan.items[static_cast<size_t>(i)];
    if (!item.readable) {
      report.unreadable.push_back({dataset.Name(i), WithoutName(item.reason, dataset.Name(i))});
      continue;
    }
    heights.push_back(item.height);
    widths.push_back(item.width);
    if (item.channels == 1) ++report.grey;
    by_digest[item.digest].push_back(i);
  }
  report.height = RangeOf(std::move(heights));
  report.width = RangeOf(std::move(widths));
  for (const auto& [digest, indices] : by_digest) {
    DuplicateGroup group;
    for (size_t i = 1; i < indices.size(); ++i) {
      const Place first{&dataset, indices[0]};
      const Place other{&dataset, indices[i]};
      if (!SamePixels(first, other)) continue;
      if (group.names.empty()) group.names.push_back(dataset.Name(indices[0]));
      group.names.push_back(dataset.Name(indices[i]));
      group.conflicting = group.conflicting || !SameLabel(first, other);
    }
    if (!group.names.empty()) report.duplicates.push_back(std::move(group));
  }
  std::sort(report.duplicates.begin(), report.duplicates.end(),
            [](const DuplicateGroup& a, const DuplicateGroup& b) { return a.names < b.names; });
  return report;
}

std::vector<Leak> FindLeaks(const Dataset& train, const Scan& train_scan, const Dataset& validation,
                            const Scan& validation_scan) {
  std::map<Digest, int64_t> first_of;
  for (int64_t i = train.size(); i > 0; --i) {
    const Scan::Item& item = train_scan.items[static_cast<size_t>(i - 1)];
    if (item.readable) first_of[item.digest] = i - 1;
  }
  std::vector<Leak> leaks;
  for (int64_t i = 0; i < validation.size(); ++i) {
    const Scan::Item& item = validation_scan.items[static_cast<size_t>(i)];
    const auto found = item.readable ? first_of.find(item.digest) : first_of.end();
    if (found == first_of.end()) continue;
    const Place in_train{&train, found->second};
    const Place in_validation{&validation, i};
    if (!SamePixels(in_train, in_validation)) continue;
    leaks.push_back(
        {train.Name(found->second), validation.Name(i), !SameLabel(in_train, in_validation)});
  }
  return leaks;
}

}  // namespace

bool CheckReport::clean() const {
  return leaks.empty() && std::all_of(splits.begin(), splits.end(), [](const SplitReport& split) {
           return split.unreadable.empty();
         });
}

Result<CheckReport> Check(const Dataset& train, const Dataset* validation, int64_t threads,
                          const std::function<bool(int64_t done)>& progress) {
  CheckReport report;
  report.classes = train.classes();
  BLUESTEM_ASSIGN_OR_RETURN(const Scan train_scan, Read(train, threads, 0, progress));
  report.splits.push_back(Summarize("train", train, train_scan));
  if (validation == nullptr) return report;
  BLUESTEM_CHECK(validation->classes() == train.classes(), "splits have the same classes");
  BLUESTEM_ASSIGN_OR_RETURN(const Scan validation_scan,
                            Read(*validation, threads, train.size(), progress));
  report.splits.push_back(Summarize("validation", *validation, validation_scan));
  report.leaks = FindLeaks(train, train_scan, *validation, validation_scan);
  return report;
}

}  // namespace bluestem::data
