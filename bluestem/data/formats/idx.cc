#include "bluestem/data/formats/idx.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <system_error>

#include "bluestem/data/formats/formats.h"
#include "bluestem/data/formats/gzip.h"
#include "bluestem/data/pixels.h"

namespace bluestem::data {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxElements = uint64_t{1} << 31;
constexpr size_t kMaxRank = 4;
constexpr uint8_t kTypeU8 = 0x08;
constexpr uint64_t kDeflateRatio = 1032;  // zlib's greatest expansion

constexpr std::array kFashion = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                 "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

struct Header {
  Shape shape;
  uint64_t elements = 1;
  size_t bytes = 0;
};

Result<Header> ParseHeader(const Bytes& bytes, const std::string& name) {
  if (bytes.size() < 4 || bytes[0] != 0 || bytes[1] != 0) {
    return Error(Code::kInvalidData, "{}: not idx: the first bytes must be 00 00 08 and the rank",
                 name);
  }
  if (bytes[2] != kTypeU8) {
    return Error(Code::kInvalidData, "{}: idx element type 0x{:02x}; expected 0x08 (u8)", name,
                 bytes[2]);
  }
  const size_t rank = bytes[3];
  if (rank == 0 || rank > kMaxRank) {
    return Error(Code::kInvalidData, "{}: idx rank {}; expected 1..{}", name, rank, kMaxRank);
  }
  Header header;
  header.bytes = 4 + 4 * rank;
  if (bytes.size() < header.bytes)
    return Error(Code::kInvalidData, "{}: truncated in the idx header", name);
  for (size_t i = 0; i < rank; ++i) {
    const uint8_t* b = bytes.data() + 4 + 4 * i;
    const uint64_t extent =
        uint64_t{b[0]} << 24 | uint64_t{b[1]} << 16 | uint64_t{b[2]} << 8 | b[3];
    header.elements *= extent;  // below 2^63: checked after each axis
    if (header.elements > kMaxElements) {
      return Error(Code::kInvalidData, "{}: idx header claims more than {} elements", name,
                   kMaxElements);
    }
    header.shape.push_back(static_cast<int64_t>(extent));
  }
  return header;
}

bool IsFile(const Path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// "train-images-idx3-ubyte.gz", "t10k-images.idx3-ubyte",
// "emnist-letters-test-images-idx3-ubyte.gz".
bool IsImageFile(const Path& path) {
  const std::string name = Lower(path.filename().string());
  return name.find("images") != std::string::npos && name.find("idx") != std::string::npos &&
         IsFile(path);
}

bool IsValidationName(const std::string& name) {
  if (name.find("t10k") != std::string::npos) return true;
  return std::any_of(ValidationNames().begin(), ValidationNames().end(),
                     [&](const char* word) { return name.find(word) != std::string::npos; });
}

// The image files of `path`, which is a folder or such a file.
std::vector<Path> ImageFiles(const Path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored))
    return IsFile(path) ? std::vector<Path>{path} : std::vector<Path>{};
  const Result<std::vector<Path>> entries = VisibleEntries(path);
  std::vector<Path> files;
  if (!entries.ok()) return files;
  for (const Path& entry : *entries) {
    if (IsImageFile(entry)) files.push_back(entry);
  }
  return files;
}

std::vector<Path> FilesOf(const Path& path, const std::string& split) {
  std::vector<Path> files = ImageFiles(path);
  if (split.empty() || !fs::is_directory(path)) return files;
  std::erase_if(files, [&](const Path& file) {
    return IsValidationName(Lower(file.filename().string())) != (split == "validation");
  });
  return files;
}

bool HasSplit(const Path& path, const std::string& split) {
  std::error_code ignored;
  return fs::is_directory(path, ignored) && !FilesOf(path, split).empty() &&
         !FilesOf(path, "train").empty() && !FilesOf(path, "validation").empty();
}

bool Recognises(const Path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return !ImageFiles(path).empty();
  return IsImageFile(path);
}

// The label file of the same pair: "images" becomes "labels", "idx3" becomes "idx1"; gzipped or
// not.
Result<Path> LabelFile(const Path& images) {
  std::string name = images.filename().string();
  const std::string lower = Lower(name);
  const size_t word = lower.find("images");
  const size_t rank = lower.find("idx3");
  if (word == std::string::npos) {
    return Error(Code::kInvalidData,
                 "{}: expected a name with \"images\", so that the labels can be found",
                 images.string());
  }
  if (rank != std::string::npos) name.replace(rank, 4, "idx1");
  name.replace(word, 6, "labels");
  const bool gzipped = lower.size() > 3 && lower.compare(lower.size() - 3, 3, ".gz") == 0;
  const std::string other = gzipped ? name.substr(0, name.size() - 3) : name + ".gz";
  for (const std::string& candidate : {name, other}) {
    if (IsFile(images.parent_path() / candidate)) return images.parent_path() / candidate;
  }
  return Error(Code::kIo, "{}: no labels beside it; expected {}", images.string(), name);
}

std::vector<std::string> ClassNames(const Path& path, int32_t count) {
  const std::string text = Lower(fs::absolute(path).string());
  std::vector<std::string> names;
  const bool fashion =
      text.find("fashion") != std::string::npos && count <= static_cast<int32_t>(kFashion.size());
  if (fashion) return {kFashion.begin(), kFashion.end()};
  // The MNIST family has ten digits; a share of it may lack some.
  for (int32_t i = 0; i < std::max(count, 10); ++i) names.push_back(std::to_string(i));
  return names;
}

Result<Tensor> ReadIdx(const Path& path) {
  BLUESTEM_ASSIGN_OR_RETURN(Bytes bytes, ReadFile(path));
  return ParseIdx(std::move(bytes), path.string());
}

Result<Path> FileOf(const OpenOptions& options) {
  std::vector<Path> files = FilesOf(options.path, options.split);
  if (files.empty() && options.split == "train") files = ImageFiles(options.path);
  if (files.size() == 1) return files[0];
  if (files.empty()) {
    return Error(Code::kInvalidData,
                 "{}: no idx images{}; expected files such as train-images-idx3-ubyte.gz",
                 options.path.string(),
                 options.split.empty() ? "" : " of the " + options.split + " split");
  }
  return Error(Code::kInvalidData, "{}: {} files of idx images; expected one of them, such as {}",
               options.path.string(), files.size(), files[0].string());
}

Result<std::unique_ptr<Dataset>> OpenIdx(const OpenOptions& options) {
  BLUESTEM_ASSIGN_OR_RETURN(const Path file, FileOf(options));
  BLUESTEM_ASSIGN_OR_RETURN(const Path label_file, LabelFile(file));
  BLUESTEM_ASSIGN_OR_RETURN(const Tensor images, ReadIdx(file));
  BLUESTEM_ASSIGN_OR_RETURN(const Tensor labels, ReadIdx(label_file));
  const Shape& shape = images.shape();
  const bool has_channels = shape.size() == 4 && (shape[3] == 1 || shape[3] == 3);
  if ((shape.size() != 3 && !has_channels) || shape[1] == 0 || shape[2] == 0) {
    return Error(Code::kInvalidData, "{}: shape {}; expected [n, height, width]", file.string(),
                 ShapeText(shape));
  }
  if (shape[1] * shape[2] > image::kMaxPixels) {
    return Error(Code::kInvalidData, "{}: pictures of {} x {} pixels are too large", file.string(),
                 shape[2], shape[1]);
  }
  if (labels.shape().size() != 1 || labels.size() != shape[0]) {
    return Error(Code::kInvalidData, "{}: shape {}; expected [{}], a label for each picture of {}",
                 label_file.string(), ShapeText(labels.shape()), shape[0],
                 file.filename().string());
  }
  if (shape[0] == 0) return Error(Code::kInvalidData, "{}: no pictures", file.string());

  const auto* codes = labels.data<uint8_t>();
  const auto [low, high] = std::minmax_element(codes, codes + labels.size());
  if (*low == *high && options.classes.empty()) {
    return Error(Code::kInvalidData, "{}: one class only ({}); expected at least two",
                 label_file.string(), *low);
  }
  const std::vector<std::string> own = ClassNames(file, *high + 1);
  const std::vector<std::string> used(own.begin(), own.begin() + *high + 1);
  BLUESTEM_ASSIGN_OR_RETURN(const std::vector<int32_t> map,
                            MapClasses(used, options.classes, file));
  PixelDataset::Content content;
  content.height = static_cast<int32_t>(shape[1]);
  content.width = static_cast<int32_t>(shape[2]);
  content.channels = has_channels ? static_cast<int32_t>(shape[3]) : 1;
  content.pixels.assign(images.raw(), images.raw() + images.bytes());
  for (int64_t i = 0; i < labels.size(); ++i) content.labels.push_back(map[codes[i]]);
  content.classes = options.classes.empty() ? own : options.classes;
  content.sources = {{file.filename().string(), shape[0]}};
  return std::unique_ptr<Dataset>(std::make_unique<PixelDataset>(std::move(content)));
}

}  // namespace

Result<Tensor> ParseIdx(Bytes bytes, const std::string& name) {
  constexpr uint64_t kHeaderBytes = 4 + 4 * kMaxRank;
  const uint64_t file_bytes = bytes.size();
  const bool gzipped = bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
  BLUESTEM_ASSIGN_OR_RETURN(
      const Bytes start,
      gzipped
          ? MaybeGunzip(bytes, kHeaderBytes, name)
          : Result<Bytes>(Bytes(bytes.begin(), bytes.begin() + static_cast<int64_t>(std::min(
                                                                   file_bytes, kHeaderBytes)))));
  BLUESTEM_ASSIGN_OR_RETURN(const Header header, ParseHeader(start, name));
  const uint64_t expected = header.bytes + header.elements;
  if (expected > (gzipped ? file_bytes * kDeflateRatio + kHeaderBytes : file_bytes)) {
    return Error(Code::kInvalidData,
                 "{}: idx header claims {} elements, shape {}, but the file has {} bytes", name,
                 header.elements, ShapeText(header.shape), file_bytes);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes content, MaybeGunzip(std::move(bytes), expected + 1, name));
  if (content.size() != expected) {
    return Error(Code::kInvalidData, "{}: {} bytes; the idx header of shape {} needs {}", name,
                 content.size() > expected ? "more" : std::to_string(content.size()),
                 ShapeText(header.shape), expected);
  }
  Tensor tensor(DType::kU8, header.shape);
  if (header.elements > 0)
    std::memcpy(tensor.raw(), content.data() + header.bytes, header.elements);
  return tensor;
}

Format IdxFormat() {
  return {"idx",
          "idx: train-images-idx3-ubyte[.gz] with train-labels-idx1-ubyte[.gz], and t10k-... for "
          "validation",
          Recognises, HasSplit, OpenIdx};
}

}  // namespace bluestem::data
