#include "bluestem/task/meta.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "bluestem/config/yaml.h"
#include "bluestem/image/image.h"

namespace bluestem::task {
namespace {

using config::At;
using config::YamlNode;
using Kind = YamlNode::Kind;

constexpr int64_t kMaxClasses = 100000;

struct Resample {
  const char* name;
  image::ResizeMethod method;
};
constexpr std::array kResamples = {Resample{"NEAREST", image::ResizeMethod::kNearest},
                                   Resample{"BILINEAR", image::ResizeMethod::kBilinear},
                                   Resample{"AREA", image::ResizeMethod::kArea}};

// Reads one document; every error names file, line, column and key.
class Reader {
 public:
  explicit Reader(std::string name) : name_(std::move(name)) {}

  Result<Meta> Read(const YamlNode& root) {
    if (root.kind != Kind::kMap)
      return Bad(root, "expected a mapping with CLASSES, TASK, IMAGE_SIZE, PRE_PROCESSOR");
    BLUESTEM_RETURN_IF_ERROR(ReadTask(root.Find("TASK")));
    BLUESTEM_RETURN_IF_ERROR(ReadClasses(root));
    BLUESTEM_RETURN_IF_ERROR(ReadFormat(root.Find("DATA_FORMAT")));
    BLUESTEM_RETURN_IF_ERROR(ReadChannels(root.Find("IMAGE_CHANNELS")));
    const YamlNode* size = root.Find("IMAGE_SIZE");
    if (size != nullptr) BLUESTEM_RETURN_IF_ERROR(ReadSize(*size, "IMAGE_SIZE"));
    BLUESTEM_RETURN_IF_ERROR(ReadPreProcessor(root));
    if (!has_size_) return Bad(root, "IMAGE_SIZE: missing; expected [height, width]");
    BLUESTEM_RETURN_IF_ERROR(ReadPostProcessor(root.Find("POST_PROCESSOR")));
    return meta_;
  }

 private:
  Status Bad(const YamlNode& node, const std::string& message) const {
    return Error(Code::kInvalidData, "{}: {}", At(name_, node), message);
  }

  Status ReadTask(const YamlNode* node) {
    if (node == nullptr) return OkStatus();
    // Blueoil's config.yaml writes the enum's constructor: a tagged list of the one value.
    const YamlNode& value =
        node->kind == Kind::kSequence && node->items.size() == 1 ? node->items[0] : *node;
    if (value.kind != Kind::kScalar ||
        (value.scalar != kClassification && value.scalar != kMultiLabel)) {
      return Bad(value, fmt::format("TASK: got \"{}\"; expected {} or {}", value.scalar,
                                    kClassification, kMultiLabel));
    }
    meta_.task = value.scalar;
    return OkStatus();
  }

  Status ReadPostProcessor(const YamlNode* node) {
    const bool empty = node == nullptr || node->kind == Kind::kNull ||
                       (node->kind == Kind::kSequence && node->items.empty());
    if (empty) return OkStatus();
    if (!meta_.multi_label()) {
      return Bad(
          *node,
          "POST_PROCESSOR: expected null for classification: scores are answered as they are");
    }
    const YamlNode* threshold = node->kind == Kind::kSequence && node->items.size() == 1
                                    ? node->items[0].Find("Threshold")
                                    : nullptr;
    if (threshold == nullptr)
      return Bad(*node, "POST_PROCESSOR: expected a list such as [{Threshold: 0.5}]");
    const char* end = threshold->scalar.data() + threshold->scalar.size();
    const auto [stop, error] = std::from_chars(threshold->scalar.data(), end, meta_.threshold);
    if (error == std::errc() && stop == end && meta_.threshold >= 0 && meta_.threshold <= 1)
      return OkStatus();
    return Bad(*threshold, fmt::format("POST_PROCESSOR: Threshold: got \"{}\"; expected 0..1",
                                       threshold->scalar));
  }

  Status ReadClasses(const YamlNode& root) {
    const YamlNode* node = root.Find("CLASSES");
    if (node == nullptr) return Bad(root, "CLASSES: missing; expected the list of class names");
    if (node->kind != Kind::kSequence || node->items.empty()) {
      return Bad(*node, "CLASSES: expected a list of class names");
    }
    if (static_cast<int64_t>(node->items.size()) > kMaxClasses) {
      return Bad(*node, fmt::format("CLASSES: got {}; expected at most {}", node->items.size(),
                                    kMaxClasses));
    }
    for (const YamlNode& item : node->items) {
      if (item.kind != Kind::kScalar) return Bad(item, "CLASSES: a class name must be text");
      meta_.classes.push_back(item.scalar);
    }
    return OkStatus();
  }

  Status ReadFormat(const YamlNode* node) {
    if (node == nullptr || node->scalar == "NHWC") return OkStatus();
    return Bad(*node, fmt::format("DATA_FORMAT: got \"{}\"; expected NHWC", node->scalar));
  }

  bool ReadInteger(const YamlNode& node, int64_t& value) const {
    if (node.kind != Kind::kScalar || node.scalar.empty()) return false;
    const char* end = node.scalar.data() + node.scalar.size();
    const auto [stop, error] = std::from_chars(node.scalar.data(), end, value);
    return error == std::errc() && stop == end;
  }

  Status ReadChannels(const YamlNode* node) {
    if (node == nullptr) return OkStatus();
    int64_t value = 0;
    if (!ReadInteger(*node, value) || (value != 1 && value != 3)) {
      return Bad(*node, fmt::format("IMAGE_CHANNELS: got \"{}\"; expected 1 or 3", node->scalar));
    }
    meta_.preprocess.channels = static_cast<int32_t>(value);
    return OkStatus();
  }

  // [height, width]; said twice, it must say the same.
  Status ReadSize(const YamlNode& node, const char* key) {
    int64_t height = 0;
    int64_t width = 0;
    const bool pair = node.kind == Kind::kSequence && node.items.size() == 2 &&
                      ReadInteger(node.items[0], height) && ReadInteger(node.items[1], width);
    if (!pair || height < 1 || width < 1 || height > image::kMaxPixels ||
        width > image::kMaxPixels / height) {
      return Bad(node, fmt::format("{}: expected [height, width] in pixels", key));
    }
    image::PreprocessSpec& spec = meta_.preprocess;
    if (has_size_ && (spec.height != height || spec.width != width)) {
      return Bad(node, fmt::format("{}: got [{}, {}]; IMAGE_SIZE is [{}, {}]", key, height, width,
                                   spec.height, spec.width));
    }
    spec.height = static_cast<int32_t>(height);
    spec.width = static_cast<int32_t>(width);
    has_size_ = true;
    return OkStatus();
  }

  // A list of {Name: parameters}, or Blueoil's pickled Sequence: {processors: [tagged mappings]}.
  Status ReadPreProcessor(const YamlNode& root) {
    const YamlNode* node = root.Find("PRE_PROCESSOR");
    meta_.preprocess.normalize = image::Normalize::kNone;
    meta_.preprocess.resize = image::ResizeMethod::kNearest;
    if (node == nullptr)
      return Bad(root, "PRE_PROCESSOR: missing; expected a list such as [{DivideBy255: null}]");
    if (node->kind == Kind::kNull) return OkStatus();
    if (node->kind == Kind::kMap) node = node->Find("processors");
    if (node == nullptr || node->kind != Kind::kSequence) {
      return Bad(node == nullptr ? root : *node, "PRE_PROCESSOR: expected a list");
    }
    for (const YamlNode& item : node->items) {
      const size_t point = item.tag.find_last_of('.');
      if (!item.tag.empty() && point != std::string::npos) {
        BLUESTEM_RETURN_IF_ERROR(Step(item, item.tag.substr(point + 1), item));
      } else if (item.kind == Kind::kMap && item.entries.size() == 1) {
        BLUESTEM_RETURN_IF_ERROR(Step(item, item.entries[0].key.scalar, item.entries[0].value));
      } else {
        return Bad(item, "PRE_PROCESSOR: expected {Name: parameters}");
      }
    }
    return OkStatus();
  }

  Status Step(const YamlNode& place, const std::string& step, const YamlNode& parameters) {
    if (normalized_) {
      return Bad(
          place,
          fmt::format("PRE_PROCESSOR: {} after the normalization; expected one normalization, last",
                      step));
    }
    if (step == "Resize") return ReadResize(place, parameters);
    normalized_ = true;
    if (step == "DivideBy255") {
      meta_.preprocess.normalize = image::Normalize::kDivideBy255;
    } else if (step == "PerImageStandardization") {
      meta_.preprocess.normalize = image::Normalize::kPerImageStandardization;
    } else {
      return Bad(place,
                 fmt::format("PRE_PROCESSOR: unknown \"{}\"; expected Resize, DivideBy255 or "
                             "PerImageStandardization: to guess would change the answers",
                             step));
    }
    return OkStatus();
  }

  Status ReadResize(const YamlNode& place, const YamlNode& parameters) {
    const YamlNode* size = parameters.Find("size");
    if (size == nullptr)
      return Bad(place, "PRE_PROCESSOR: Resize: size is missing; expected [height, width]");
    BLUESTEM_RETURN_IF_ERROR(ReadSize(*size, "PRE_PROCESSOR: Resize: size"));
    for (const auto& [key, value] : parameters.entries) {
      if (key.scalar == "size") continue;
      const auto* found =
          std::find_if(kResamples.begin(), kResamples.end(),
                       [&, &text = value.scalar](const Resample& row) { return text == row.name; });
      if (key.scalar != "resample") {
        return Bad(key,
                   fmt::format("PRE_PROCESSOR: Resize: unknown \"{}\"; expected size, resample",
                               key.scalar));
      }
      if (found == kResamples.end()) {
        return Bad(
            value,
            fmt::format(
                "PRE_PROCESSOR: Resize: resample: got \"{}\"; expected NEAREST, BILINEAR or AREA",
                value.scalar));
      }
      meta_.preprocess.resize = found->method;
    }
    return OkStatus();
  }

  std::string name_;
  Meta meta_;
  bool has_size_ = false;
  bool normalized_ = false;
};

}  // namespace

Result<Meta> ParseMeta(const std::string& yaml, const std::string& name) {
  BLUESTEM_ASSIGN_OR_RETURN(const YamlNode root, config::ParseYaml(yaml, name));
  return Reader(name).Read(root);
}

Result<Meta> ReadMeta(const Path& path) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, config::kMaxYamlBytes));
  return ParseMeta(text, path.string());
}

std::string MetaToYaml(const Meta& meta) {
  const image::PreprocessSpec& spec = meta.preprocess;
  std::string text = fmt::format("TASK: {}\nCLASSES:\n", meta.task);
  for (const std::string& name : meta.classes)
    text += fmt::format("- {}\n", config::YamlScalar(name));
  text += fmt::format("IMAGE_SIZE: [{}, {}]\nIMAGE_CHANNELS: {}\nDATA_FORMAT: NHWC\n", spec.height,
                      spec.width, spec.channels);
  const auto* resample =
      std::find_if(kResamples.begin(), kResamples.end(),
                   [&](const Resample& row) { return row.method == spec.resize; });
  text += fmt::format("PRE_PROCESSOR:\n- Resize:\n    size: [{}, {}]\n    resample: {}\n",
                      spec.height, spec.width, resample->name);
  if (spec.normalize == image::Normalize::kDivideBy255) text += "- DivideBy255: null\n";
  if (spec.normalize == image::Normalize::kPerImageStandardization)
    text += "- PerImageStandardization: null\n";
  if (meta.multi_label())
    return text + fmt::format("POST_PROCESSOR:\n- Threshold: {}\n", meta.threshold);
  return text + "POST_PROCESSOR: null\n";
}

}  // namespace bluestem::task
