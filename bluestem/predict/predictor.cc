#include "bluestem/predict/predictor.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

namespace bluestem::predict {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Returns what one step of a pixel is worth under `normalize`; 0 where that depends on the picture.
double PixelScale(image::Normalize normalize) {
  switch (normalize) {
    case image::Normalize::kDivideBy255: return 1.0 / 255;
    case image::Normalize::kNone: return 1.0;
    case image::Normalize::kPerImageStandardization: return 0;
  }
  return 0;
}

}  // namespace

Status CheckInput(const program::TensorInfo& info, const image::PreprocessSpec& spec) {
  const Shape image = {1, spec.height, spec.width, spec.channels};
  const bool flat = info.shape.size() == 2 && info.shape[0] == 1;
  if (info.shape != image && !(flat && ElementCount(info.shape) == ElementCount(image))) {
    return Error(
        Code::kInvalidData,
        "the model's input '{}' is {}, but meta.yaml makes images of {} (n,h,w,c); use the "
        "meta.yaml that belongs to the model",
        info.name, ShapeText(info.shape), ShapeText(image));
  }
  if (info.dtype == DType::kF32) return OkStatus();
  if (info.dtype != DType::kU8) {
    return Error(Code::kInvalidData, "the model's input '{}' is {}; pictures become u8 or f32",
                 info.name, DTypeName(info.dtype));
  }
  const double scale = PixelScale(spec.normalize);
  // A model stores its scale as f32.
  if (info.zero_point != 0 || static_cast<float>(info.scale) != static_cast<float>(scale)) {
    return Error(Code::kInvalidData,
                 "the model's input '{}' reads pixels with scale {} and zero point {}, but the "
                 "preprocessing of meta.yaml means scale {}; use the meta.yaml that belongs to the "
                 "model",
                 info.name, info.scale, info.zero_point,
                 scale == 0 ? "depending on the picture" : fmt::format("{}", scale));
  }
  return OkStatus();
}

Tensor MakeInput(const Tensor& pixels, image::Normalize normalize,
                 const program::TensorInfo& info) {
  if (info.dtype == DType::kU8) return pixels.Reshaped(info.shape);
  return image::NormalizePixels(pixels, normalize).Reshaped(info.shape);
}

std::vector<float> Probabilities(const std::vector<float>& scores) {
  double sum = 0;
  bool in_range = true;
  float greatest = scores.empty() ? 0.0f : scores[0];
  for (const float score : scores) {
    sum += score;
    in_range = in_range && score >= 0 && score <= 1;
    greatest = std::max(greatest, score);
  }
  if (in_range && std::abs(sum - 1) <= 1e-3) return scores;
  std::vector<double> exponentials;
  double total = 0;
  for (const float score : scores) {
    exponentials.push_back(std::exp(static_cast<double>(score) - greatest));
    total += exponentials.back();
  }
  std::vector<float> probabilities;
  for (const double e : exponentials) probabilities.push_back(static_cast<float>(e / total));
  return probabilities;
}

Predictor::Predictor(std::unique_ptr<runtime::Session> session, task::Meta meta)
    : session_(std::move(session)), meta_(std::move(meta)) {}

Result<std::unique_ptr<Predictor>> Predictor::Create(std::unique_ptr<runtime::Session> session,
                                                     task::Meta meta) {
  BLUESTEM_CHECK(session != nullptr, "a predictor needs a session");
  if (session->inputs().size() != 1 || session->outputs().empty()) {
    return Error(Code::kInvalidData,
                 "the model has {} inputs and {} outputs; a picture needs one input and an output",
                 session->inputs().size(), session->outputs().size());
  }
  BLUESTEM_RETURN_IF_ERROR(CheckInput(session->inputs()[0], meta.preprocess));
  const program::TensorInfo& output = session->outputs()[0];
  const int64_t scores = ElementCount(output.shape);
  if (output.dtype != DType::kF32 || scores != static_cast<int64_t>(meta.classes.size())) {
    return Error(Code::kInvalidData,
                 "the model's output '{}' is {} {}, but meta.yaml names {} classes; use the "
                 "meta.yaml that belongs to the model",
                 output.name, DTypeName(output.dtype), ShapeText(output.shape),
                 meta.classes.size());
  }
  return std::unique_ptr<Predictor>(new Predictor(std::move(session), std::move(meta)));
}

Result<Prediction> Predictor::Predict(const image::Image& image) {
  return std::move(PredictTogether({&image, 1})[0]);
}

std::vector<Result<Prediction>> Predictor::PredictTogether(std::span<const image::Image> images) {
  std::vector<Prediction> predictions(images.size());
  std::vector<std::vector<Tensor>> inputs;
  std::vector<runtime::SessionRun> runs(images.size());
  for (size_t i = 0; i < images.size(); ++i) {
    const auto start = Clock::now();
    const Tensor pixels = image::ToPixels(images[i], meta_.preprocess);
    inputs.push_back({MakeInput(pixels, meta_.preprocess.normalize, session_->inputs()[0])});
    predictions[i].seconds.pre = SecondsSince(start);
  }
  for (size_t i = 0; i < images.size(); ++i) runs[i].inputs = &inputs[i];
  const auto start = Clock::now();
  session_->RunTogether(runs);
  const double share = SecondsSince(start) / static_cast<double>(images.size());
  std::vector<Result<Prediction>> results;
  for (size_t i = 0; i < images.size(); ++i) {
    predictions[i].seconds.inference = share;
    predictions[i].seconds.total = predictions[i].seconds.pre + share;
    results.push_back(Read(runs[i], std::move(predictions[i])));
  }
  return results;
}

Result<Prediction> Predictor::Read(const runtime::SessionRun& run, Prediction prediction) const {
  BLUESTEM_RETURN_IF_ERROR(run.status);
  const float* scores = run.outputs[0].data<float>();
  prediction.scores.assign(scores, scores + run.outputs[0].size());
  for (const float score : prediction.scores) {
    if (meta_.multi_label() && !(score >= 0 && score <= 1)) {
      return Error(
          Code::kInvalidData,
          "the model gives the score {}, but {} expects 0..1: end the model with a Sigmoid", score,
          task::kMultiLabel);
    }
  }
  return prediction;
}

}  // namespace bluestem::predict
