// Teacher: a finished run whose answers a student learns (internal/distillation.h). It is evaluated
// as for validation: with its statistics, without dropout or gradient.
//
// Threads: one thread at a time. Ownership: owns its network.
#pragma once

#include <memory>

#include "bluestem/task/meta.h"
#include "bluestem/train/internal/saved_run.h"

namespace bluestem::train {

class Teacher {
 public:
  // Opens the run that distillation.teacher names, for a student of `meta`; it computes where the
  // student does on that rank.
  // Errors: kInvalidArgument where it is no finished run, or has another task, other classes or
  // another input than the student, naming both; as OpenSavedRun.
  static Result<std::unique_ptr<Teacher>> Open(const config::Experiment& student,
                                               const task::Meta& meta, int64_t rank);

  // Returns the scores before the softmax [count, classes] of normalized images [count, h, w, c].
  std::vector<float> Scores(int64_t count, const float* images);

 private:
  SavedRun run_;
};

}  // namespace bluestem::train
