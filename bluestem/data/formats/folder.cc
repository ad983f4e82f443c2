// Class folders, the Caltech101 layout: PATH/CLASS/.../picture.jpg. Divided into splits:
// PATH/train/CLASS/... and PATH/validation/CLASS/...
#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "bluestem/data/formats/formats.h"

namespace bluestem::data {
namespace {

namespace fs = std::filesystem;

struct File {
  Path path;
  int32_t label;
};

class FolderDataset : public Dataset {
 public:
  FolderDataset(std::vector<std::string> classes, std::vector<File> files)
      : classes_(std::move(classes)), files_(std::move(files)) {}

  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  const std::vector<std::string>& classes() const override { return classes_; }
  int32_t Label(int64_t index) const override { return At(index).label; }
  std::string Name(int64_t index) const override { return At(index).path.string(); }
  Result<Sample> Get(int64_t index) const override {
    const File& file = At(index);
    BLUESTEM_ASSIGN_OR_RETURN(image::Image picture, image::DecodeFile(file.path));
    return Sample{std::move(picture), file.label, file.path.string()};
  }

 private:
  const File& At(int64_t index) const {
    BLUESTEM_CHECK(index >= 0 && index < size(), "index");
    return files_[static_cast<size_t>(index)];
  }
  std::vector<std::string> classes_;
  std::vector<File> files_;
};

bool IsFolder(const Path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// The folder of `split` in `path`; empty when there is none.
Path SplitFolder(const Path& path, const std::string& split) {
  if (split == "train") return IsFolder(path / "train") ? path / "train" : Path();
  for (const char* name : ValidationNames()) {
    if (IsFolder(path / name)) return path / name;
  }
  return {};
}

// A folder named train beside classes could be a class; one that holds folders itself is a split.
bool IsSplitFolder(const Path& folder) {
  if (folder.empty()) return false;
  const Result<std::vector<Path>> entries = VisibleEntries(folder);
  return entries.ok() && std::any_of(entries->begin(), entries->end(), IsFolder);
}

bool HasSplit(const Path& path, const std::string& split) {
  return IsSplitFolder(SplitFolder(path, split));
}

bool Recognises(const Path& path) {
  return IsFolder(path);
}

Result<Path> Root(const OpenOptions& options) {
  const Path& path = options.path;
  const bool has_train = HasSplit(path, "train");
  if (options.split.empty()) {
    if (!has_train) return path;
    return Error(Code::kInvalidData,
                 "{}: divided into splits; expected one of them: {} or its sibling", path.string(),
                 (path / "train").string());
  }
  if (HasSplit(path, options.split)) return SplitFolder(path, options.split);
  if (options.split == "train") return path;
  return Error(Code::kInvalidData, "{}: no {} split; expected a folder named {}", path.string(),
               options.split, fmt::join(ValidationNames(), ", "));
}

Status NoPictures(const Path& root, bool has_loose_pictures) {
  if (has_loose_pictures) {
    return Error(Code::kInvalidData,
                 "{}: holds pictures but no class folders; expected {}/CLASS/picture.jpg with one "
                 "folder a class",
                 root.string(), root.string());
  }
  return Error(Code::kInvalidData,
               "{}: no pictures; expected {}/CLASS/picture.jpg (jpg, jpeg or png)", root.string(),
               root.string());
}

Result<std::unique_ptr<Dataset>> OpenFolder(const OpenOptions& options) {
  BLUESTEM_ASSIGN_OR_RETURN(const Path root, Root(options));
  BLUESTEM_ASSIGN_OR_RETURN(const std::vector<Path> entries, VisibleEntries(root));
  std::vector<std::string> classes;
  std::vector<std::vector<Path>> pictures;
  for (const Path& entry : entries) {
    if (!IsFolder(entry)) continue;
    std::vector<Path> found;
    BLUESTEM_RETURN_IF_ERROR(CollectPictures(entry, found));
    if (found.empty()) continue;  // no class: nothing to learn from it
    classes.push_back(entry.filename().string());
    pictures.push_back(std::move(found));
  }
  if (classes.empty())
    return NoPictures(root, std::any_of(entries.begin(), entries.end(), IsPicture));
  if (classes.size() == 1 && options.classes.empty()) {
    return Error(Code::kInvalidData,
                 "{}: one class only (\"{}\"); expected at least two class folders with pictures",
                 root.string(), classes[0]);
  }
  // Every name is checked against the wanted ones; a folder named "3" is still the class "3".
  std::vector<File> files;
  for (size_t i = 0; i < classes.size(); ++i) {
    auto label = static_cast<int32_t>(i);
    if (!options.classes.empty()) {
      const auto found = std::find(options.classes.begin(), options.classes.end(), classes[i]);
      if (found == options.classes.end()) {
        return Error(Code::kInvalidData, "{}: class \"{}\" is not among the {} expected ones: {}",
                     root.string(), classes[i], options.classes.size(),
                     fmt::join(options.classes, ", "));
      }
      label = static_cast<int32_t>(found - options.classes.begin());
    }
    for (Path& path : pictures[i]) files.push_back({std::move(path), label});
  }
  return std::unique_ptr<Dataset>(std::make_unique<FolderDataset>(
      options.classes.empty() ? classes : options.classes, std::move(files)));
}

}  // namespace

Format FolderFormat() {
  return {"folder",
          "class folders: PATH/CLASS/picture.jpg, or PATH/train/CLASS/... and "
          "PATH/validation/CLASS/...",
          Recognises, HasSplit, OpenFolder};
}

}  // namespace bluestem::data
