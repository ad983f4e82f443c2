#include "bluestem/cli/samples.h"

#include <algorithm>
#include <random>

#include "bluestem/config/experiment.h"
#include "bluestem/data/dataset.h"
#include "bluestem/predict/evaluate.h"

namespace bluestem::cli {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSeed = 1;

Sample FromPixels(std::string name, Tensor pixels, const core::LoadedModel& model) {
  Tensor real = image::NormalizePixels(pixels, model.meta.preprocess.normalize);
  const Shape& shape = model.graph.value(model.graph.inputs[0]).shape;
  if (model.nchw_input) real = real.Transposed({2, 0, 1});
  return {std::move(name), std::move(pixels), {real.Reshaped(shape)}};
}

// All pictures under `folder`, sorted by path.
std::vector<Path> Pictures(const Path& folder) {
  std::vector<Path> paths;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    std::string extension = at->path().extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    if (extension == ".jpg" || extension == ".jpeg" || extension == ".png") {
      paths.push_back(at->path());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Result<SampleSet> FromImages(const Path& images, const core::LoadedModel& model, int64_t count) {
  std::error_code error;
  if (!fs::exists(images, error)) {
    return Error(Code::kIo, "--images {}: no such file or folder", images.string());
  }
  if (!model.image_input) {
    return Error(Code::kInvalidArgument, "--images {}: the model's input is {}, not a picture",
                 images.string(), ShapeText(model.graph.value(model.graph.inputs[0]).shape));
  }
  const std::vector<Path> paths =
      fs::is_directory(images) ? Pictures(images) : std::vector<Path>{images};
  if (paths.empty()) {
    return Error(Code::kInvalidData, "--images {}: no .jpg, .jpeg or .png file in it",
                 images.string());
  }
  SampleSet set;
  for (const int64_t i : predict::Spread(static_cast<int64_t>(paths.size()), count)) {
    const Path& path = paths[static_cast<size_t>(i)];
    BLUESTEM_ASSIGN_OR_RETURN(const image::Image image, image::DecodeFile(path));
    set.samples.push_back(
        FromPixels(path.string(), image::ToPixels(image, model.meta.preprocess), model));
  }
  set.origin = fmt::format("{} images of {}", set.samples.size(), images.string());
  return set;
}

Result<SampleSet> FromRun(const Path& run, const core::LoadedModel& model, int64_t count) {
  BLUESTEM_ASSIGN_OR_RETURN(const config::Experiment experiment, config::Load(run / "config.yaml"));
  BLUESTEM_ASSIGN_OR_RETURN(const data::Split split, data::OpenForTraining(experiment));
  const data::Dataset* dataset = split.validation.get();
  SampleSet set;
  for (const int64_t i : predict::Spread(dataset->size(), count)) {
    BLUESTEM_ASSIGN_OR_RETURN(const data::Sample sample, dataset->Get(i));
    set.samples.push_back(
        FromPixels(sample.name, image::ToPixels(sample.image, model.meta.preprocess), model));
  }
  set.origin = fmt::format("{} images of the run's dataset", set.samples.size());
  return set;
}

SampleSet Random(const core::LoadedModel& model, int64_t count) {
  SampleSet set;
  std::mt19937_64 random(kSeed);
  for (int64_t i = 0; i < count; ++i) {
    const std::string name = fmt::format("random#{}", i);
    if (model.image_input) {
      const image::PreprocessSpec& spec = model.meta.preprocess;
      Tensor pixels(DType::kU8, {spec.height, spec.width, spec.channels});
      for (int64_t p = 0; p < pixels.size(); ++p) {
        pixels.data<uint8_t>()[p] = static_cast<uint8_t>(random() >> 56);
      }
      set.samples.push_back(FromPixels(name, std::move(pixels), model));
      continue;
    }
    Sample sample{name, Tensor(), {}};
    for (const ir::ValueId id : model.graph.inputs) {
      Tensor tensor(DType::kF32, model.graph.value(id).shape);
      for (int64_t p = 0; p < tensor.size(); ++p) {
        tensor.data<float>()[p] = static_cast<float>(random() >> 40) / (1 << 24);
      }
      sample.inputs.push_back(tensor.Cast(model.graph.value(id).dtype));
    }
    set.samples.push_back(std::move(sample));
  }
  set.origin = fmt::format("{} random {} (seed {})", count,
                           model.image_input ? "images" : "inputs in [0,1)", kSeed);
  return set;
}

}  // namespace

Result<SampleSet> TakeSamples(const core::ModelSource& source, const core::LoadedModel& model,
                              const Path& images, int64_t count) {
  if (!images.empty()) return FromImages(images, model, count);
  if (source.kind == core::ModelSource::Kind::kRun && model.image_input) {
    Result<SampleSet> set = FromRun(source.path, model, count);
    if (set.ok()) return set;
  }
  return Random(model, count);
}

Result<Tensor> InLayout(const Tensor& tensor, const Shape& shape) {
  if (tensor.shape() == shape) return tensor;
  if (tensor.shape().size() == 4) {
    Tensor nhwc = tensor.Transposed({0, 2, 3, 1});
    if (nhwc.shape() == shape) return nhwc;
  }
  if (tensor.size() == ElementCount(shape)) return tensor.Reshaped(shape);
  return Error(Code::kInternal, "a tensor of {} cannot stand for {}", ShapeText(tensor.shape()),
               ShapeText(shape));
}

Result<std::vector<Tensor>> ProgramInputs(const Sample& sample, const core::LoadedModel& model,
                                          const std::vector<program::TensorInfo>& infos) {
  if (infos.size() != sample.inputs.size()) {
    return Error(Code::kInternal, "the program has {} inputs, the model {}", infos.size(),
                 sample.inputs.size());
  }
  if (sample.pixels.size() > 0) {
    BLUESTEM_RETURN_IF_ERROR(predict::CheckInput(infos[0], model.meta.preprocess));
    return std::vector<Tensor>{
        predict::MakeInput(sample.pixels, model.meta.preprocess.normalize, infos[0])};
  }
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < infos.size(); ++i) {
    BLUESTEM_ASSIGN_OR_RETURN(Tensor tensor, InLayout(sample.inputs[i], infos[i].shape));
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

}  // namespace bluestem::cli
