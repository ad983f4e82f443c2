#include <algorithm>
#include <array>

#include "bluestem/image/codecs.h"

namespace bluestem::image {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{1} << 28;

struct Signature {
  const char* name;
  std::array<uint8_t, 8> bytes;
  size_t length;
  Result<Image> (*decode)(const Bytes& bytes);  // nullptr: known, not read
};

const std::array kSignatures = {
    Signature{"JPEG", {0xff, 0xd8, 0xff}, 3, DecodeJpeg},
    Signature{"PNG", {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, 8, DecodePng},
    Signature{"GIF", {'G', 'I', 'F', '8'}, 4, nullptr},
    Signature{"BMP", {'B', 'M'}, 2, nullptr},
    Signature{"WebP or another RIFF file", {'R', 'I', 'F', 'F'}, 4, nullptr},
    Signature{"TIFF", {'I', 'I', 42, 0}, 4, nullptr},
    Signature{"TIFF", {'M', 'M', 0, 42}, 4, nullptr},
};

}  // namespace

Status CheckSize(int64_t height, int64_t width, int64_t largest) {
  if (height <= 0 || width <= 0) {
    return Error(Code::kInvalidData, "{} x {} pixels; expected at least one", width, height);
  }
  if (height > kMaxPixels / width) {
    return Error(Code::kInvalidData, "{} x {} pixels; expected at most {} in all", width, height,
                 kMaxPixels);
  }
  if (height * width > largest) {
    return Error(Code::kInvalidData,
                 "the header claims {} x {} pixels, but the file is too short for them", width,
                 height);
  }
  return OkStatus();
}

Result<Image> Decode(const Bytes& bytes, const std::string& name) {
  if (bytes.empty())
    return Error(Code::kInvalidData, "{}: the file is empty; expected JPEG or PNG", name);
  for (const Signature& signature : kSignatures) {
    if (bytes.size() < signature.length) continue;
    if (!std::equal(bytes.begin(), bytes.begin() + static_cast<int64_t>(signature.length),
                    signature.bytes.begin())) {
      continue;
    }
    if (signature.decode == nullptr) {
      return Error(Code::kInvalidData, "{}: this is {}; expected JPEG or PNG: convert it", name,
                   signature.name);
    }
    Result<Image> image = signature.decode(bytes);
    if (!image.ok()) return image.status().At(fmt::format("{}: {}", name, signature.name));
    return image;
  }
  return Error(Code::kInvalidData, "{}: neither JPEG nor PNG by its first bytes", name);
}

Result<Image> DecodeFile(const Path& path) {
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path, kMaxFileBytes));
  return Decode(bytes, path.string());
}

}  // namespace bluestem::image
