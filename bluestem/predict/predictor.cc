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
  const int64_t images = BatchOf({info});
  const Shape image = {images, spec.height, spec.width, spec.channels};
  const bool flat = info.shape.size() == 2;
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

int64_t BatchOf(const std::vector<program::TensorInfo>& inputs) {
  return inputs.empty() || inputs[0].shape.empty() ? 1 : std::max<int64_t>(inputs[0].shape[0], 1);
}

Tensor MakeInput(std::span<const Tensor> pictures, image::Normalize normalize,
                 const program::TensorInfo& info) {
  Tensor input(info.dtype, info.shape);
  const auto images = static_cast<size_t>(BatchOf({info}));
  const auto bytes = static_cast<size_t>(input.bytes()) / images;
  for (size_t i = 0; i < images; ++i) {
    const Tensor& pixels = pictures[i % pictures.size()];
    const Tensor image =
        info.dtype == DType::kU8 ? pixels : image::NormalizePixels(pixels, normalize);
    BLUESTEM_CHECK(static_cast<size_t>(image.bytes()) == bytes, "CheckInput's to refuse");
    std::memcpy(input.raw() + i * bytes, image.raw(), bytes);
  }
  return input;
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
  const int64_t scores = static_cast<int64_t>(meta.classes.size()) * BatchOf(session->inputs());
  if (output.dtype != DType::kF32 || ElementCount(output.shape) != scores) {
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
  const auto each = static_cast<size_t>(images_a_call());
  std::vector<std::vector<Tensor>> inputs;
  for (size_t begin = 0; begin < images.size(); begin += each) {
    const size_t end = std::min(begin + each, images.size());
    const auto start = Clock::now();
    std::vector<Tensor> pictures;
    for (size_t i = begin; i < end; ++i) {
      pictures.push_back(image::ToPixels(images[i], meta_.preprocess));
    }
    inputs.push_back({MakeInput(pictures, meta_.preprocess.normalize, session_->inputs()[0])});
    const double share = SecondsSince(start) / static_cast<double>(end - begin);
    for (size_t i = begin; i < end; ++i) predictions[i].seconds.pre = share;
  }
  std::vector<runtime::SessionRun> runs(inputs.size());
  for (size_t i = 0; i < runs.size(); ++i) runs[i].inputs = &inputs[i];
  const auto start = Clock::now();
  session_->RunTogether(runs);
  const double share = SecondsSince(start) / static_cast<double>(images.size());
  std::vector<Result<Prediction>> results;
  for (size_t i = 0; i < images.size(); ++i) {
    predictions[i].seconds.inference = share;
    predictions[i].seconds.total = predictions[i].seconds.pre + share;
    results.push_back(Read(runs[i / each], i % each, std::move(predictions[i])));
  }
  return results;
}

Result<Prediction> Predictor::Read(const runtime::SessionRun& run, size_t at,
                                   Prediction prediction) const {
  BLUESTEM_RETURN_IF_ERROR(run.status);
  const size_t count = meta_.classes.size();
  const float* scores = run.outputs[0].data<float>() + at * count;
  prediction.scores.assign(scores, scores + count);
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
