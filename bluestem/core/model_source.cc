#include "bluestem/core/model_source.h"

#include "bluestem/codegen/digest.h"
#include "bluestem/interchange/interchange.h"

namespace bluestem::core {
namespace {

namespace fs = std::filesystem;

bool IsFile(const Path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// Some of Blueoil's config.yaml stand for a meta.yaml; those of bare test graphs name no classes.
bool NamesClasses(const Path& path) {
  const Result<std::string> text = ReadTextFile(path);
  return text.ok() && ("\n" + *text).find("\nCLASSES:") != std::string::npos;
}

Result<ModelSource> FindInFolder(const Path& folder) {
  ModelSource source;
  source.path = folder;
  if (IsFile(folder / "model.onnx")) {
    source.kind = ModelSource::Kind::kRun;
    source.model_file = folder / "model.onnx";
    if (IsFile(folder / "meta.yaml")) source.meta_file = folder / "meta.yaml";
    return source;
  }
  if (fs::is_directory(folder / "models")) {
    source.kind = ModelSource::Kind::kArtefact;
    source.model_file = folder / "models" / "model.onnx";
    if (IsFile(folder / "models" / "meta.yaml")) source.meta_file = folder / "models" / "meta.yaml";
    return source;
  }
  if (IsFile(folder / "config.yaml")) {
    return Error(Code::kInvalidData,
                 "{}: a run folder without model.onnx; let the training end, or export its best "
                 "checkpoint: bluestem export {} -o model.onnx",
                 folder.string(), folder.string());
  }
  return Error(
      Code::kInvalidData,
      "{}: neither a run folder (model.onnx) nor an artefact (models/); give one of these, "
      "an .onnx or a .pb file",
      folder.string());
}

// Takes the picture's extents from the graph's input shape. ONNX graphs are NCHW and TensorFlow's
// NHWC; the channel count settles it, and the file's kind where both readings are possible.
bool ReadImageInput(const Shape& shape, bool tensorflow, LoadedModel& model) {
  if (shape.size() != 4) return false;
  const auto channels = [](int64_t c) { return c == 1 || c == 3; };
  const bool nchw = channels(shape[1]) && (!channels(shape[3]) || !tensorflow);
  if (!nchw && !channels(shape[3])) return false;
  const int64_t height = nchw ? shape[2] : shape[1];
  const int64_t width = nchw ? shape[3] : shape[2];
  if (height > (1 << 14) || width > (1 << 14)) return false;
  model.nchw_input = nchw;
  model.meta.preprocess.height = static_cast<int32_t>(height);
  model.meta.preprocess.width = static_cast<int32_t>(width);
  model.meta.preprocess.channels = static_cast<int32_t>(nchw ? shape[1] : shape[3]);
  return true;
}

Status Misfit(const ModelSource& source, const std::string& what) {
  return Error(Code::kInvalidData, "{}: {}; use the meta.yaml that belongs to {}",
               source.meta_file.string(), what, source.model_file.string());
}

// Puts the meta file over what the shapes said.
Status ApplyMeta(const ModelSource& source, LoadedModel& model) {
  BLUESTEM_ASSIGN_OR_RETURN(task::Meta meta, task::ReadMeta(source.meta_file));
  const image::PreprocessSpec& told = meta.preprocess;
  const Shape& shape = model.graph.value(model.graph.inputs[0]).shape;
  const int64_t pixels = int64_t{told.height} * told.width * told.channels;
  const image::PreprocessSpec& read = model.meta.preprocess;
  const bool fits = model.image_input ? told.height == read.height && told.width == read.width &&
                                            told.channels == read.channels
                                      : shape.size() == 2 && shape[1] == pixels;
  if (!fits) {
    return Misfit(source, fmt::format("images of {}, but the model's input is {}",
                                      PreprocessText(told), ShapeText(shape)));
  }
  model.image_input = true;
  const Shape& output = model.graph.value(model.graph.outputs[0]).shape;
  const auto scores = static_cast<int64_t>(meta.classes.size()) * model.batch;
  if (model.classifier && ElementCount(output) != scores) {
    return Misfit(source, fmt::format("{} classes, but the model's output is {}",
                                      meta.classes.size(), ShapeText(output)));
  }
  model.meta = std::move(meta);
  return OkStatus();
}

}  // namespace

Result<ModelSource> FindModel(const Path& path, const Path& meta) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    return Error(Code::kIo,
                 "{}: no such file or folder; give a run folder, an artefact, an .onnx "
                 "or a .pb file",
                 path.string());
  }
  ModelSource source;
  if (fs::is_directory(path)) {
    BLUESTEM_ASSIGN_OR_RETURN(source, FindInFolder(path));
  } else {
    source.path = source.model_file = path;
    const Path folder = path.parent_path();
    if (IsFile(folder / "meta.yaml")) {
      source.meta_file = folder / "meta.yaml";
    } else if (path.extension() == ".pb" && NamesClasses(folder / "config.yaml")) {
      source.meta_file = folder / "config.yaml";
    }
  }
  if (!meta.empty()) source.meta_file = meta;
  return source;
}

Result<LoadedModel> LoadSource(const ModelSource& source) {
  LoadedModel model;
  BLUESTEM_ASSIGN_OR_RETURN(model.bytes, ReadFile(source.model_file));
  model.sha256 = codegen::Sha256(model.bytes);
  BLUESTEM_ASSIGN_OR_RETURN(model.graph, interchange::LoadModel(source.model_file, source.batch));
  const Path clean = source.path.has_filename() ? source.path : source.path.parent_path();
  model.name = fs::is_directory(source.path) ? clean.filename().string() : clean.stem().string();
  if (model.graph.inputs.empty() || model.graph.outputs.empty()) {
    return Error(Code::kInvalidData, "{}: a model without inputs or outputs",
                 source.model_file.string());
  }
  const Shape& output = model.graph.value(model.graph.outputs[0]).shape;
  const Shape& input = model.graph.value(model.graph.inputs[0]).shape;
  if (!input.empty()) model.batch = input[0];
  int64_t wide = 0;
  for (size_t i = 1; i < output.size(); ++i) wide += output[i] > 1 ? 1 : 0;
  model.classifier = wide == 1 && output[0] == model.batch;
  if (model.graph.inputs.size() == 1) {
    model.image_input = ReadImageInput(model.graph.value(model.graph.inputs[0]).shape,
                                       source.model_file.extension() == ".pb", model);
  }
  if (!source.meta_file.empty() && model.graph.inputs.size() == 1) {
    BLUESTEM_RETURN_IF_ERROR(ApplyMeta(source, model));
    return model;
  }
  model.meta_is_default = true;
  if (model.classifier) {
    for (int64_t i = 0; i < ElementCount(output) / model.batch; ++i) {
      model.meta.classes.push_back(fmt::format("{}", i));
    }
  }
  return model;
}

std::optional<passes::InputCodes> CodesOf(const LoadedModel& model) {
  if (!model.image_input) return std::nullopt;
  switch (model.meta.preprocess.normalize) {
    case image::Normalize::kDivideBy255: return passes::InputCodes{.scale = 1.0 / 255};
    case image::Normalize::kNone: return passes::InputCodes{.scale = 1.0};
    case image::Normalize::kPerImageStandardization: return std::nullopt;
  }
  return std::nullopt;
}

std::string PreprocessText(const image::PreprocessSpec& spec) {
  const char* normalize = "pixel / 255";
  if (spec.normalize == image::Normalize::kNone) normalize = "pixel as it is";
  if (spec.normalize == image::Normalize::kPerImageStandardization) {
    normalize = "standardized per image";
  }
  return fmt::format("{} x {} x {} (h, w, c), {}", spec.height, spec.width, spec.channels,
                     normalize);
}

}  // namespace bluestem::core
