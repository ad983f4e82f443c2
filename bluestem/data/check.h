// What `bluestem data check` finds: counts, balance, sizes, unreadable pictures, exact duplicates,
// and pictures of the training set that are in the validation set too.
//
// Threads: Check uses `threads` of its own; reports are values.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bluestem/data/dataset.h"

namespace bluestem::data {

struct Unreadable {
  std::string name;
  std::string reason;
};

// Pictures with the same pixels.
struct DuplicateGroup {
  std::vector<std::string> names;
  bool conflicting = false;  // their labels differ
};

struct Range {
  int64_t min = 0;
  int64_t median = 0;
  int64_t max = 0;
};

// Two classes that stand in the same pictures.
struct Together {
  int32_t first = 0;  // label, below `second`
  int32_t second = 0;
  int64_t count = 0;
};

struct SplitReport {
  std::string name;  // "train"
  int64_t count = 0;
  std::vector<int64_t> class_counts;  // by label
  std::vector<int64_t> uncertain;     // by label: pictures that may have it (data.uncertain)
  bool multi_label = false;           // then also:
  int64_t without_label = 0;
  std::vector<Together> together;  // the most frequent first
  Range height;                    // of readable pictures
  Range width;
  int64_t grey = 0;  // of readable pictures: one channel
  std::vector<Unreadable> unreadable;
  std::vector<DuplicateGroup> duplicates;
};

// A picture that stands in both splits.
struct Leak {
  std::string train;
  std::string validation;
  bool conflicting = false;
};

struct CheckReport {
  std::vector<std::string> classes;
  std::vector<SplitReport> splits;  // train, and validation where there is one
  std::vector<Leak> leaks;
  bool clean() const;  // nothing unreadable, nothing leaking
};

// Reads every picture of `train` and (unless nullptr) `validation`, which have the same classes.
// `progress` is called with the number of pictures done; returning false stops with kInterrupted.
Result<CheckReport> Check(const Dataset& train, const Dataset* validation, int64_t threads,
                          const std::function<bool(int64_t done)>& progress);

}  // namespace bluestem::data
