// CIFAR-10 and CIFAR-100 as their authors distribute them: binary batches, or pickles of numpy
// arrays. A picture is 3072 bytes: 1024 of red, green, blue each, rows top to bottom.
#include <algorithm>
#include <array>
#include <system_error>

#include "bluestem/data/formats/formats.h"
#include "bluestem/data/formats/pickle.h"
#include "bluestem/data/pixels.h"

namespace bluestem::data {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSide = 32;
constexpr int64_t kPlane = kSide * kSide;
constexpr int64_t kPictureBytes = 3 * kPlane;
constexpr uint64_t kMaxBatchBytes = uint64_t{1} << 30;

// One of the four distributions.
struct Variant {
  const char* format;
  bool binary;
  std::array<const char*, 2> folders;  // where it may lie below the given path
  std::array<const char*, 5> train;    // nullptr: no more
  const char* test;
  const char* names;       // the file with the class names
  const char* names_key;   // in the pickle
  const char* labels_key;  // in the pickle
  int64_t label_bytes;     // before a picture; the last one is the label
  int32_t classes;
};

constexpr std::array kVariants = {
    Variant{"cifar10",
            true,
            {"cifar-10-batches-bin", ""},
            {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
             "data_batch_5.bin"},
            "test_batch.bin",
            "batches.meta.txt",
            "",
            "",
            1,
            10},
    Variant{"cifar10",
            false,
            {"cifar-10-batches-py", ""},
            {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"},
            "test_batch",
            "batches.meta",
            "label_names",
            "labels",
            0,
            10},
    Variant{"cifar100",
            true,
            {"cifar-100-binary", ""},
            {"train.bin"},
            "test.bin",
            "fine_label_names.txt",
            "",
            "",
            2,
            100},
    Variant{"cifar100",
            false,
            {"cifar-100-python", ""},
            {"train"},
            "test",
            "meta",
            "fine_label_names",
            "fine_labels",
            0,
            100},
};

bool IsFile(const Path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

struct Place {
  const Variant* variant = nullptr;
  Path folder;
  std::vector<Path> train;
  std::vector<Path> test;
};

Place Find(const std::string& format, const Path& path) {
  for (const Variant& variant : kVariants) {
    if (format != variant.format) continue;
    for (const char* name : variant.folders) {
      Place place{&variant, path / name, {}, {}};
      for (const char* file : variant.train) {
        if (file != nullptr && IsFile(place.folder / file))
          place.train.push_back(place.folder / file);
      }
      if (IsFile(place.folder / variant.test)) place.test.push_back(place.folder / variant.test);
      // "train" and "test" are common names; the class names' file tells a CIFAR folder.
      const bool certain = variant.label_bytes == 1 || IsFile(place.folder / variant.names);
      if (certain && (!place.train.empty() || !place.test.empty())) return place;
    }
  }
  return {};
}

// Planes of red, green and blue to interleaved pixels.
void AppendPicture(const uint8_t* planes, std::vector<uint8_t>& pixels) {
  for (int64_t i = 0; i < kPlane; ++i) {
    for (int64_t c = 0; c < 3; ++c) pixels.push_back(planes[c * kPlane + i]);
  }
}

Status AppendBinary(const Path& path, const Variant& variant, PixelDataset::Content& content) {
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path, kMaxBatchBytes));
  const int64_t record = variant.label_bytes + kPictureBytes;
  const auto size = static_cast<int64_t>(bytes.size());
  if (size == 0 || size % record != 0) {
    return Error(Code::kInvalidData, "{}: {} bytes; expected a multiple of {}: truncated?",
                 path.string(), size, record);
  }
  for (int64_t at = 0; at < size; at += record) {
    const uint8_t label = bytes[static_cast<size_t>(at + variant.label_bytes - 1)];
    if (label >= variant.classes) {
      return Error(Code::kInvalidData, "{}: picture {}: label {}; expected 0..{}", path.string(),
                   at / record, label, variant.classes - 1);
    }
    content.labels.push_back(label);
    AppendPicture(bytes.data() + at + variant.label_bytes, content.pixels);
  }
  content.sources.push_back({path.filename().string(), size / record});
  return OkStatus();
}

Status AppendPickle(const Path& path, const Variant& variant, PixelDataset::Content& content) {
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path, kMaxBatchBytes));
  BLUESTEM_ASSIGN_OR_RETURN(const Pickle pickle, Pickle::Parse(bytes, path.string()));
  const Pickle::Node* data = pickle.Find(pickle.root(), "data");
  const Pickle::Node* labels = pickle.Find(pickle.root(), variant.labels_key);
  if (data == nullptr || labels == nullptr) {
    return Error(Code::kInvalidData, "{}: expected a dict with data and {}", path.string(),
                 variant.labels_key);
  }
  const Result<Pickle::Array> array = pickle.ArrayOf(*data);
  if (!array.ok()) return array.status().At(path.string());
  const Result<std::vector<int64_t>> numbers = pickle.IntegersOf(*labels);
  if (!numbers.ok()) return numbers.status().At(path.string());
  const auto count = static_cast<int64_t>(numbers->size());
  if (count == 0 || array->shape != std::vector<int64_t>{count, kPictureBytes}) {
    return Error(Code::kInvalidData, "{}: data of shape {} with {} labels; expected [n, {}] and n",
                 path.string(), ShapeText(array->shape), count, kPictureBytes);
  }
  const auto* planes = reinterpret_cast<const uint8_t*>(array->bytes.data());
  for (int64_t i = 0; i < count; ++i) {
    const int64_t label = (*numbers)[static_cast<size_t>(i)];
    if (label < 0 || label >= variant.classes) {
      return Error(Code::kInvalidData, "{}: picture {}: label {}; expected 0..{}", path.string(), i,
                   label, variant.classes - 1);
    }
    content.labels.push_back(static_cast<int32_t>(label));
    AppendPicture(planes + i * kPictureBytes, content.pixels);
  }
  content.sources.push_back({path.filename().string(), count});
  return OkStatus();
}

// The class names of the folder; their numbers where the file is missing.
Result<std::vector<std::string>> ClassNames(const Place& place) {
  const Variant& variant = *place.variant;
  const Path path = place.folder / variant.names;
  std::vector<std::string> names;
  if (!IsFile(path)) {
    for (int32_t i = 0; i < variant.classes; ++i) names.push_back(std::to_string(i));
    return names;
  }
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path, kMaxBatchBytes));
  if (variant.binary) {
    std::string name;
    for (const uint8_t byte : bytes) {
      if (byte == '\n' && !name.empty()) names.push_back(name);
      if (byte == '\n') name.clear();
      if (byte > ' ' || (byte == ' ' && !name.empty())) name += static_cast<char>(byte);
    }
    if (!name.empty()) names.push_back(name);
  } else {
    BLUESTEM_ASSIGN_OR_RETURN(const Pickle pickle, Pickle::Parse(bytes, path.string()));
    const Pickle::Node* node = pickle.Find(pickle.root(), variant.names_key);
    if (node == nullptr)
      return Error(Code::kInvalidData, "{}: expected a dict with {}", path.string(),
                   variant.names_key);
    Result<std::vector<std::string>> texts = pickle.TextsOf(*node);
    if (!texts.ok()) return texts.status().At(path.string());
    names = std::move(texts).value();
  }
  if (static_cast<int32_t>(names.size()) != variant.classes) {
    return Error(Code::kInvalidData, "{}: {} class names; expected {}", path.string(), names.size(),
                 variant.classes);
  }
  return names;
}

Result<std::unique_ptr<Dataset>> OpenCifar(const std::string& format, const OpenOptions& options) {
  const Place place = Find(format, options.path);
  if (place.variant == nullptr) {
    return Error(Code::kInvalidData, "{}: no {} batches; expected {}", options.path.string(),
                 format,
                 format == "cifar10" ? "data_batch_1.bin or data_batch_1"
                                     : "train.bin or train, and the class names");
  }
  if (options.split.empty() && !place.train.empty() && !place.test.empty()) {
    return Error(Code::kInvalidData,
                 "{}: divided into splits; expected one of them: train or validation",
                 options.path.string());
  }
  const bool test = options.split == "validation" || (options.split.empty() && place.train.empty());
  const std::vector<Path>& files = test ? place.test : place.train;
  if (files.empty()) {
    return Error(Code::kInvalidData, "{}: no batches of the {} split", options.path.string(),
                 test ? "validation" : "train");
  }
  PixelDataset::Content content;
  content.height = kSide;
  content.width = kSide;
  content.channels = 3;
  for (const Path& file : files) {
    BLUESTEM_RETURN_IF_ERROR(place.variant->binary ? AppendBinary(file, *place.variant, content)
                                                   : AppendPickle(file, *place.variant, content));
  }
  BLUESTEM_ASSIGN_OR_RETURN(content.classes, ClassNames(place));
  if (!options.classes.empty()) {
    BLUESTEM_ASSIGN_OR_RETURN(const std::vector<int32_t> map,
                              MapClasses(content.classes, options.classes, place.folder));
    for (int32_t& label : content.labels) label = map[static_cast<size_t>(label)];
    content.classes = options.classes;
  }
  return std::unique_ptr<Dataset>(std::make_unique<PixelDataset>(std::move(content)));
}

bool HasSplit(const std::string& format, const Path& path, const std::string& split) {
  const Place place = Find(format, path);
  return place.variant != nullptr && !(split == "train" ? place.train : place.test).empty();
}

}  // namespace

Format Cifar10Format() {
  return {
      "cifar10",
      "CIFAR-10: cifar-10-batches-bin/data_batch_1.bin or cifar-10-batches-py/data_batch_1",
      [](const Path& path) { return Find("cifar10", path).variant != nullptr; },
      [](const Path& path, const std::string& split) { return HasSplit("cifar10", path, split); },
      [](const OpenOptions& options) { return OpenCifar("cifar10", options); }};
}

Format Cifar100Format() {
  return {
      "cifar100",
      "CIFAR-100: cifar-100-binary/train.bin or cifar-100-python/train, with the class names",
      [](const Path& path) { return Find("cifar100", path).variant != nullptr; },
      [](const Path& path, const std::string& split) { return HasSplit("cifar100", path, split); },
      [](const OpenOptions& options) { return OpenCifar("cifar100", options); }};
}

}  // namespace bluestem::data
