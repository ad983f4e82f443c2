#include "bluestem/data/formats/formats.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <system_error>

namespace bluestem::data {
namespace {

constexpr int kMaxDepth = 16;  // folders below the first

Status CollectBelow(const Path& folder, int depth, std::vector<Path>& pictures) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::vector<Path> entries, VisibleEntries(folder));
  for (const Path& entry : entries) {
    std::error_code ignored;
    if (std::filesystem::is_directory(entry, ignored)) {
      if (depth < kMaxDepth && !std::filesystem::is_symlink(entry, ignored)) {
        BLUESTEM_RETURN_IF_ERROR(CollectBelow(entry, depth + 1, pictures));
      }
    } else if (IsPicture(entry)) {
      pictures.push_back(entry);
    }
  }
  return OkStatus();
}

}  // namespace

std::span<const Format> Formats() {
  static const std::array formats = {IdxFormat(), Cifar10Format(), Cifar100Format(), CsvFormat(),
                                     FolderFormat()};
  return formats;
}

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

Result<std::vector<Path>> VisibleEntries(const Path& path) {
  std::error_code error;
  std::vector<Path> entries;
  std::filesystem::directory_iterator iterator(path, error);
  for (; !error && iterator != std::filesystem::directory_iterator(); iterator.increment(error)) {
    if (iterator->path().filename().string().rfind('.', 0) != 0)
      entries.push_back(iterator->path());
  }
  if (error)
    return Error(Code::kIo, "{}: cannot list the folder: {}", path.string(), error.message());
  const auto key = [](const Path& entry) {
    const std::string name = entry.filename().string();
    return std::pair(Lower(name), name);
  };
  std::sort(entries.begin(), entries.end(),
            [&](const Path& a, const Path& b) { return key(a) < key(b); });
  return entries;
}

bool IsPicture(const Path& path) {
  const std::string extension = Lower(path.extension().string());
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

Status CollectPictures(const Path& folder, std::vector<Path>& pictures) {
  return CollectBelow(folder, 0, pictures);
}

std::span<const char* const> ValidationNames() {
  static constexpr std::array<const char*, 4> kNames = {"validation", "valid", "val", "test"};
  return kNames;
}

Result<std::vector<int32_t>> MapClasses(const std::vector<std::string>& own,
                                        const std::vector<std::string>& wanted, const Path& path) {
  std::vector<int32_t> labels;
  bool positional = true;
  for (size_t i = 0; i < own.size(); ++i) positional = positional && own[i] == std::to_string(i);
  for (size_t i = 0; i < own.size(); ++i) {
    const auto found = std::find(wanted.begin(), wanted.end(), own[i]);
    if (wanted.empty() || (positional && i < wanted.size())) {
      labels.push_back(static_cast<int32_t>(i));
    } else if (found != wanted.end()) {
      labels.push_back(static_cast<int32_t>(found - wanted.begin()));
    } else {
      return Error(Code::kInvalidData, "{}: class \"{}\" is not among the {} expected ones: {}",
                   path.string(), own[i], wanted.size(), fmt::join(wanted, ", "));
    }
  }
  return labels;
}

}  // namespace bluestem::data
