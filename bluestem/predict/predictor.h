// Predictor: a picture to ranked classes, through a compiled library or a Program. Serving, `run`
// and `evaluate` all come through here.
//
// Threads: one Predictor belongs to one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bluestem/image/image.h"
#include "bluestem/runtime/session.h"
#include "bluestem/task/classification.h"
#include "bluestem/task/meta.h"

namespace bluestem::predict {

struct Prediction {
  std::vector<float> scores;  // the model's output, one entry a class
  task::Benchmark seconds;
};

class Predictor {
 public:
  // Errors: kInvalidData when session and meta do not fit (class count, image size, channels),
  // naming both.
  static Result<std::unique_ptr<Predictor>> Create(std::unique_ptr<runtime::Session> session,
                                                   task::Meta meta);
  const task::Meta& meta() const { return meta_; }
  runtime::Session& session() { return *session_; }
  Result<Prediction> Predict(const image::Image& image);

 private:
  Predictor(std::unique_ptr<runtime::Session> session, task::Meta meta);
  std::unique_ptr<runtime::Session> session_;
  task::Meta meta_;
};

}  // namespace bluestem::predict
