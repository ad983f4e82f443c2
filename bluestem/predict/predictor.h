// Predictor: a picture to class scores, through a compiled library or a Program. Serving, `run` and
// `evaluate` all come through here. Ranking and output.json are task/'s.
//
// Threads: one Predictor belongs to one thread at a time. Ownership: a Predictor owns its session.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bluestem/image/image.h"
#include "bluestem/runtime/session.h"
#include "bluestem/task/classification.h"
#include "bluestem/task/meta.h"

namespace bluestem::predict {

struct Prediction {
  std::vector<float> scores;  // the model's first output, one entry a class
  // Pre and inference, of pictures that ran together a share; post is the caller's, total their
  // sum.
  task::Benchmark seconds;
};

// Returns how many images a call takes: the first axis of its inputs.
int64_t BatchOf(const std::vector<program::TensorInfo>& inputs);

// Returns the network's input for u8 `pictures` [h,w,c], in the form that `info` describes: the
// pixels themselves where the input is u8 codes, else f32 under `normalize`. Where it takes more
// images than there are, they come again. Requires: CheckInput(info, spec) is ok. Shapes:
// info.shape.
Tensor MakeInput(std::span<const Tensor> pictures, image::Normalize normalize,
                 const program::TensorInfo& info);

// Checks that an input can be made from pictures as `spec` says. Errors: kInvalidData naming both
// shapes, or both scales.
Status CheckInput(const program::TensorInfo& info, const image::PreprocessSpec& spec);

// Returns `scores` where they already are probabilities (in 0..1, sum within 1e-3 of 1), else their
// softmax in double.
std::vector<float> Probabilities(const std::vector<float>& scores);

class Predictor {
 public:
  // Errors: kInvalidData when session and meta do not fit (class count, image size, channels),
  // naming both.
  static Result<std::unique_ptr<Predictor>> Create(std::unique_ptr<runtime::Session> session,
                                                   task::Meta meta);
  const task::Meta& meta() const { return meta_; }
  runtime::Session& session() { return *session_; }
  // Errors: kInvalidData where a model with any number of classes a picture gives a score outside
  // 0..1, which its threshold could not be compared with.
  Result<Prediction> Predict(const image::Image& image);
  // How many pictures are faster together than one after the other. A call of a model of N images
  // takes N; where there are less, it takes some twice.
  int32_t batch() const { return session_->batch() * images_a_call(); }
  // Returns what Predict does of each. Requires: at most batch() of them.
  std::vector<Result<Prediction>> PredictTogether(std::span<const image::Image> images);

 private:
  Predictor(std::unique_ptr<runtime::Session> session, task::Meta meta);
  int32_t images_a_call() const { return static_cast<int32_t>(BatchOf(session_->inputs())); }
  // Reads the scores of image `at` of a call.
  Result<Prediction> Read(const runtime::SessionRun& run, size_t at, Prediction prediction) const;
  std::unique_ptr<runtime::Session> session_;
  task::Meta meta_;
};

}  // namespace bluestem::predict
