#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "bluestem/data/formats/formats.h"

namespace bluestem::data {
namespace {

Result<const Format*> FindFormat(const std::string& format, const Path& path) {
  std::error_code ignored;
  if (path.empty()) return Error(Code::kIo, "no path to a data set is given");
  if (!std::filesystem::exists(path, ignored)) {
    return Error(Code::kIo, "{}: no such file or folder; expected a data set", path.string());
  }
  std::vector<std::string> names;
  for (const Format& candidate : Formats()) {
    if (format == "auto" ? candidate.recognises(path) : format == candidate.name) return &candidate;
    names.emplace_back(candidate.name);
  }
  if (format != "auto") {
    return Error(Code::kInvalidArgument, "data format \"{}\"; expected auto, {}", format,
                 fmt::join(names, ", "));
  }
  std::string layouts;
  for (const Format& candidate : Formats()) layouts += fmt::format("\n  {}", candidate.layout);
  return Error(Code::kInvalidData, "{}: not a data set of a known layout; expected one of:{}",
               path.string(), layouts);
}

// Opens what `key` of the configuration names; an error names the key.
Result<std::unique_ptr<Dataset>> OpenKey(const char* key, const OpenOptions& options) {
  Result<std::unique_ptr<Dataset>> dataset = Open(options);
  if (dataset.ok()) return dataset;
  return dataset.status().At(key);
}

}  // namespace

Status UnreadableError(const Status& first, int64_t count) {
  return Error(first.code(),
               "{}{}; repair or remove what cannot be read (`bluestem data check` lists it)",
               first.message(), count == 1 ? "" : fmt::format(" (and {} more)", count - 1));
}

Result<std::string> DetectFormat(const Path& path) {
  BLUESTEM_ASSIGN_OR_RETURN(const Format* format, FindFormat("auto", path));
  return std::string(format->name);
}

bool HasValidationSplit(const std::string& format, const Path& path) {
  const Result<const Format*> found = FindFormat(format, path);
  return found.ok() && (*found)->has_split(path, "validation");
}

Result<std::unique_ptr<Dataset>> Open(const OpenOptions& options) {
  if (!options.split.empty() && options.split != "train" && options.split != "validation") {
    return Error(Code::kInvalidArgument, "split \"{}\"; expected train or validation",
                 options.split);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const Format* format, FindFormat(options.format, options.path));
  if (options.labels == LabelCount::kAny && std::string(format->name) != "csv") {
    return Error(Code::kInvalidArgument,
                 "{}: data format {} has one class a picture; expected csv for any number of them",
                 options.path.string(), format->name);
  }
  Result<std::unique_ptr<Dataset>> dataset = format->open(options);
  if (dataset.ok() || options.format == "auto") return dataset;
  const Result<std::string> detected = DetectFormat(options.path);
  if (!detected.ok() || *detected == options.format) return dataset;
  return Error(dataset.status().code(), "{}; this looks like {}: set data.format or --format to it",
               dataset.status().message(), *detected);
}

OpenOptions OptionsOf(const config::Experiment& experiment) {
  const config::DataConfig& config = experiment.data;
  return {.format = config.format,
          .path = config.path,
          .split = "train",
          .classes = experiment.classes,
          .labels = experiment.task == "classification" ? LabelCount::kOne : LabelCount::kAny,
          .csv = {.image = config.image_column,
                  .labels = config.label_columns,
                  .no_label = config.no_label,
                  .uncertain = config.uncertain == "zero"  ? Uncertain::kZero
                               : config.uncertain == "one" ? Uncertain::kOne
                                                           : Uncertain::kRefuse}};
}

image::PreprocessSpec SpecOf(const config::DataConfig& config) {
  image::PreprocessSpec spec;
  spec.height = static_cast<int32_t>(config.height);
  spec.width = static_cast<int32_t>(config.width);
  spec.channels = static_cast<int32_t>(config.channels);
  spec.resize = config.resize == "nearest" ? image::ResizeMethod::kNearest
                : config.resize == "area"  ? image::ResizeMethod::kArea
                                           : image::ResizeMethod::kBilinear;
  spec.normalize = config.normalize == "none" ? image::Normalize::kNone
                   : config.normalize == "per_image_standardization"
                       ? image::Normalize::kPerImageStandardization
                       : image::Normalize::kDivideBy255;
  return spec;
}

Result<Split> OpenForTraining(const config::Experiment& experiment) {
  const config::DataConfig& config = experiment.data;
  const bool own_validation =
      config.validation.empty() && HasValidationSplit(config.format, config.path);
  OpenOptions options = OptionsOf(experiment);
  BLUESTEM_ASSIGN_OR_RETURN(std::unique_ptr<Dataset> train, OpenKey("data.path", options));
  if (!own_validation && config.validation.empty()) {
    const int64_t all = train->size();
    Split split = SplitBySeed(std::move(train), config.validation_fraction,
                              static_cast<uint64_t>(experiment.train.seed));
    if (split.validation->size() > 0) return split;
    return Error(Code::kInvalidArgument,
                 "data.path: got {} pictures in {} classes, one of each, so that none can be held "
                 "out; expected two of a class, or other pictures in data.validation",
                 all, split.train->classes().size());
  }
  options.classes = train->classes();
  options.path = own_validation ? config.path : config.validation;
  options.split =
      own_validation || HasValidationSplit(config.format, options.path) ? "validation" : "";
  BLUESTEM_ASSIGN_OR_RETURN(std::unique_ptr<Dataset> validation,
                            OpenKey(own_validation ? "data.path" : "data.validation", options));
  return Split{std::move(train), std::move(validation)};
}

}  // namespace bluestem::data
