// The readers of data set layouts, one file each, behind one table. Not for other modules: they
// call data::Open.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bluestem/data/dataset.h"

namespace bluestem::data {

struct Format {
  const char* name;
  const char* layout;  // how it looks on disk, for messages
  // True when `path` looks like this format; reads names only.
  bool (*recognises)(const Path& path);
  // True when `path` is divided into splits; `split` "train" or "validation" is among them.
  bool (*has_split)(const Path& path, const std::string& split);
  // Opens options.split. Errors: kIo, kInvalidData, with the path.
  Result<std::unique_ptr<Dataset>> (*open)(const OpenOptions& options);
};

Format FolderFormat();
Format IdxFormat();
Format Cifar10Format();
Format Cifar100Format();
Format CsvFormat();

// In the order in which "auto" asks them.
std::span<const Format> Formats();

// Returns `text` in lower case (ASCII).
std::string Lower(std::string text);

// Returns the paths in folder `path` whose names do not begin with a point, sorted by name without
// regard to case. Errors: kIo.
Result<std::vector<Path>> VisibleEntries(const Path& path);

// True for .jpg, .jpeg and .png in any case.
bool IsPicture(const Path& path);

// Appends the pictures at and below `folder`, 16 folders deep, in the order of VisibleEntries.
// Links to folders are not followed: they can be loops. Errors: kIo.
Status CollectPictures(const Path& folder, std::vector<Path>& pictures);

// Returns the names of the validation split in the order of preference: validation, valid, val,
// test.
std::span<const char* const> ValidationNames();

// Returns for each own class its label in `wanted`; the identity when `wanted` is empty. Where
// every own name is its position ("0", "1", ...), labels keep their position. Errors: kInvalidData
// naming the class that `wanted` lacks.
Result<std::vector<int32_t>> MapClasses(const std::vector<std::string>& own,
                                        const std::vector<std::string>& wanted, const Path& path);

}  // namespace bluestem::data
