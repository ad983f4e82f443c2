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

// Returns a sample a picture, each with the pictures after it where a call takes several.
std::vector<Sample> FromPictures(const std::vector<std::string>& names,
                                 const std::vector<Tensor>& pictures,
                                 const core::LoadedModel& model) {
  std::vector<Sample> samples;
  for (size_t first = 0; first < pictures.size(); ++first) {
    Sample sample{names[first], {}, {}};
    Tensor input(DType::kF32, model.graph.value(model.graph.inputs[0]).shape);
    float* to = input.data<float>();
    for (int64_t i = 0; i < model.batch; ++i) {
      const Tensor& pixels = pictures[(first + static_cast<size_t>(i)) % pictures.size()];
      Tensor real = image::NormalizePixels(pixels, model.meta.preprocess.normalize);
      if (model.nchw_input) real = real.Transposed({2, 0, 1});
      to = std::copy_n(real.data<float>(), real.size(), to);
      sample.pictures.push_back(pixels);
    }
    sample.inputs.push_back(std::move(input));
    samples.push_back(std::move(sample));
  }
  return samples;
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
  std::vector<std::string> names;
  std::vector<Tensor> pictures;
  for (const int64_t i : predict::Spread(static_cast<int64_t>(paths.size()), count)) {
    const Path& path = paths[static_cast<size_t>(i)];
    BLUESTEM_ASSIGN_OR_RETURN(const image::Image image, image::DecodeFile(path));
    names.push_back(path.string());
    pictures.push_back(image::ToPixels(image, model.meta.preprocess));
  }
  set.samples = FromPictures(names, pictures, model);
  set.origin = fmt::format("{} images of {}", set.samples.size(), images.string());
  return set;
}

Result<SampleSet> FromRun(const Path& run, const core::LoadedModel& model, int64_t count) {
  BLUESTEM_ASSIGN_OR_RETURN(const config::Experiment experiment, config::Load(run / "config.yaml"));
  BLUESTEM_ASSIGN_OR_RETURN(const data::Split split, data::OpenForTraining(experiment));
  const data::Dataset* dataset = split.validation.get();
  SampleSet set;
  std::vector<std::string> names;
  std::vector<Tensor> pictures;
  for (const int64_t i : predict::Spread(dataset->size(), count)) {
    BLUESTEM_ASSIGN_OR_RETURN(const data::Sample sample, dataset->Get(i));
    names.push_back(sample.name);
    pictures.push_back(image::ToPixels(sample.image, model.meta.preprocess));
  }
  set.samples = FromPictures(names, pictures, model);
  set.origin = fmt::format("{} images of the run's dataset", set.samples.size());
  return set;
}

SampleSet Random(const core::LoadedModel& model, int64_t count) {
  SampleSet set;
  std::mt19937_64 random(kSeed);
  std::vector<std::string> names;
  std::vector<Tensor> pictures;
  for (int64_t i = 0; i < count; ++i) {
    const std::string name = fmt::format("random#{}", i);
    if (model.image_input) {
      const image::PreprocessSpec& spec = model.meta.preprocess;
      Tensor pixels(DType::kU8, {spec.height, spec.width, spec.channels});
      for (int64_t p = 0; p < pixels.size(); ++p) {
        pixels.data<uint8_t>()[p] = static_cast<uint8_t>(random() >> 56);
      }
      names.push_back(name);
      pictures.push_back(std::move(pixels));
      continue;
    }
    Sample sample{name, {}, {}};
    for (const ir::ValueId id : model.graph.inputs) {
      Tensor tensor(DType::kF32, model.graph.value(id).shape);
      for (int64_t p = 0; p < tensor.size(); ++p) {
        tensor.data<float>()[p] = static_cast<float>(random() >> 40) / (1 << 24);
      }
      sample.inputs.push_back(tensor.Cast(model.graph.value(id).dtype));
    }
    set.samples.push_back(std::move(sample));
  }
  if (model.image_input) set.samples = FromPictures(names, pictures, model);
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
  if (!sample.pictures.empty()) {
    BLUESTEM_RETURN_IF_ERROR(predict::CheckInput(infos[0], model.meta.preprocess));
    return std::vector<Tensor>{
        predict::MakeInput(sample.pictures, model.meta.preprocess.normalize, infos[0])};
  }
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < infos.size(); ++i) {
    BLUESTEM_ASSIGN_OR_RETURN(Tensor tensor, InLayout(sample.inputs[i], infos[i].shape));
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

}  // namespace bluestem::cli
