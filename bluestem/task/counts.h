// Counts: what the scores of a dataset amount to, whatever the task: classification.h counts right
// answers, multi_label.h ranks each class.
//
// Threads: not safe for several at once. Ownership: counts own what was added.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bluestem/task/meta.h"

namespace bluestem::task {

class Counts {
 public:
  virtual ~Counts() = default;
  // Adds a picture: its classes, and a score for each of all classes. Requires: exactly one label
  // in classification.
  virtual void Add(const std::vector<int32_t>& labels, const std::vector<float>& scores) = 0;
  virtual int64_t total() const = 0;
  // Pictures whose answer is exactly their labels.
  virtual int64_t correct() const = 0;
  virtual std::string ToJson() const = 0;  // an object with "total", "correct" and "accuracy"
  // A table for people.
  virtual std::string ToText() const = 0;
};

// Returns empty counts for the task of `meta`.
std::unique_ptr<Counts> MakeCounts(const Meta& meta);

// Returns the classes that the scores answer, rising: the one of the greatest score (of equal ones
// the first), or with any number of classes those at the threshold and above.
std::vector<int32_t> Answer(const std::vector<float>& scores, const Meta& meta);

}  // namespace bluestem::task
